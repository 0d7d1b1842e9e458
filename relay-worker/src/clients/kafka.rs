//! Kafka behind the ports: a real cluster, or librdkafka's mock cluster inside this process.

pub mod consumer;
pub mod embedded;
pub mod producer;
pub mod reader;
pub mod topics;

pub use consumer::KafkaSource;
pub use embedded::EmbeddedBroker;
pub use producer::KafkaPublisher;

use rdkafka::ClientConfig;

/// Where the brokers are, and what all topics have in common.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// `HOST:PORT` of the bootstrap servers, comma-separated.
    pub brokers: String,
    /// Written before every topic and group; may be empty.
    pub topic_prefix: String,
    /// Partitions of topics that are created here.
    pub partitions: u16,
    /// The mock cluster of this process: its consumers read everything from the start, without a group.
    pub embedded: bool,
}

impl Cluster {
    /// A topic's name with its prefix.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.topic_prefix)
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "flashorder-relay")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.max.ms", "2000");
        config
    }
}
