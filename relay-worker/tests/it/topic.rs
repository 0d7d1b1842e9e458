//! Records of topics, read by an independent client: outbox rows alone prove nothing about the broker. Each is held
//! against the AsyncAPI document.

use crate::asyncapi;
use crate::world::{SOON, World};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 8;

/// A record as it was read.
pub struct Record {
    pub topic: String,
    pub key: String,
    pub value: Vec<u8>,
    pub headers: Vec<(String, String)>,
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Record {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().unwrap().iter();
        let record = Record {
            topic: message.topic().to_owned(),
            key: text(message.key().unwrap()),
            value: message.payload().unwrap().to_vec(),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value.unwrap())))
                .collect(),
        };
        asyncapi::check(asyncapi::Read {
            server: "kafka",
            address: &record.topic,
            headers: &record.headers,
            value: &record.value,
        });
        record
    }

    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(have, _)| have == name);
        &found.unwrap().1
    }
}

fn consumer(brokers: &str, topics: &[String]) -> BaseConsumer {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("reconnect.backoff.max.ms", "500")
        .create()
        .unwrap();
    let mut all = TopicPartitionList::new();
    for topic in topics {
        for partition in 0..PARTITIONS {
            all.add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
    }
    consumer.assign(&all).unwrap();
    consumer
}

/// The first `count` records of the topics.
pub fn read(brokers: &str, topics: &[String], count: usize) -> Vec<Record> {
    let consumer = consumer(brokers, topics);
    let mut records = Vec::new();
    let deadline = Instant::now() + SOON;
    while records.len() < count {
        let so_far = records.len();
        assert!(Instant::now() < deadline, "{so_far} of {count} records");
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            records.push(Record::of(&message.unwrap()));
        }
    }
    records
}

/// A topic's order ids (record keys), read from its beginning.
pub struct Topic {
    consumer: BaseConsumer,
    pub ids: BTreeSet<String>,
}

impl Topic {
    pub fn open(world: &World, brokers: &str, topic: &str) -> Topic {
        let topic = format!("w{}.{topic}", world.number);
        Topic {
            consumer: consumer(brokers, &[topic]),
            ids: BTreeSet::new(),
        }
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
                self.ids.insert(Record::of(&message).key);
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
