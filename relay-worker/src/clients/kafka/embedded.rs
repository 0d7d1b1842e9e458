//! A broker inside this process, for development: its memory ends with the process, and the outbox
//! is sent again at the next start.

use super::{Cluster, topics};
use anyhow::Context;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;

const BROKERS: i32 = 1;
const REPLICATION: i32 = 1;

/// Must outlive every client of the cluster.
pub struct EmbeddedBroker {
    _mock: MockCluster<'static, DefaultProducerContext>,
    pub cluster: Cluster,
}

impl EmbeddedBroker {
    /// # Errors
    /// When no port can be had.
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
