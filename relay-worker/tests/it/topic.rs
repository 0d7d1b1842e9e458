//! Records of a topic, read by an independent client: outbox rows alone prove nothing about the broker.

use crate::world::{SOON, World};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 8;

/// A topic's order ids (record keys), read from its beginning.
pub struct Topic {
    consumer: BaseConsumer,
    pub ids: BTreeSet<String>,
}

impl Topic {
    pub fn open(world: &World, brokers: &str, topic: &str) -> Topic {
        let topic = format!("w{}.{topic}", world.number);
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("group.id", "test")
            .set("enable.auto.commit", "false")
            .set("reconnect.backoff.max.ms", "500")
            .create()
            .unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(&topic, partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&all).unwrap();
        let ids = BTreeSet::new();
        Topic { consumer, ids }
    }

    /// Reads until all of `wanted` have been seen.
    pub fn until_all(&mut self, wanted: &BTreeSet<String>) {
        let deadline = Instant::now() + SOON;
        while !wanted.is_subset(&self.ids) {
            let missing: Vec<_> = wanted.difference(&self.ids).take(5).collect();
            assert!(
                Instant::now() < deadline,
                "{} of {} ids are in the topic, missing {missing:?}",
                self.ids.len(),
                wanted.len()
            );
            // Partitions whose broker is away give errors for a while.
            if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                self.ids
                    .insert(String::from_utf8(message.key().unwrap().to_vec()).unwrap());
            }
        }
    }
}

/// Ids of all orders in the shards.
pub async fn order_ids(world: &World) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for shard in &world.shards {
        let some: Vec<u64> = sqlx::query_scalar("SELECT id FROM t_order")
            .fetch_all(shard)
            .await
            .unwrap();
        ids.extend(some.iter().map(ToString::to_string));
    }
    ids
}
