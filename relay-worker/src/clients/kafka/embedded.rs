//! A broker inside this process, for development: its records end with the process, and the outbox is sent again at the
//! next start.

use super::{Cluster, topics};
use anyhow::Context;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

/// Brokers of the mock cluster.
const BROKERS: i32 = 1;
/// Replicas of each topic.
const REPLICATION: i32 = 1;

/// A running mock cluster; must outlive all its clients.
pub struct EmbeddedBroker {
    _mock: MockCluster<'static, DefaultProducerContext>,
    /// Its address, for clients.
    pub cluster: Cluster,
}

impl EmbeddedBroker {
    /// Starts the broker and creates all topics, each with `partitions`.
    ///
    /// # Errors
    /// Where no port is free, or a topic cannot be created.
    pub fn start(topic_prefix: &str, partitions: u16) -> anyhow::Result<EmbeddedBroker> {
        let mock = MockCluster::new(BROKERS).context("the embedded broker does not start")?;
        let cluster = Cluster {
            brokers: mock.bootstrap_servers(),
            topic_prefix: topic_prefix.to_owned(),
            partitions,
            embedded: true,
        };
        for topic in topics::names(&cluster) {
            mock.create_topic(&topic, i32::from(partitions), REPLICATION)
                .with_context(|| format!("the embedded broker has no topic {topic}"))?;
        }
        Ok(EmbeddedBroker {
            _mock: mock,
            cluster,
        })
    }
}
