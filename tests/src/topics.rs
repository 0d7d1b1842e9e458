//! A consumer that reads the platform's topics from the beginning and keeps all records, each held against the AsyncAPI
//! document.

use anyhow::{Context, Result};
use platform::{Platform, asyncapi, shop};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message as _};
use stack::wait_ok;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

const TOPICS: [&str; 8] = [
    "order.created",
    "order.created.dlq",
    "order.status_changed",
    "order.status_changed.dlq",
    "doos.stock.deduct",
    "doos.stock.deduct.dlq",
    "seckill.success",
    "seckill.success.dlq",
];

/// The parts of a record that tests use.
#[derive(Clone, Debug)]
pub struct Message {
    pub topic: String,
    pub key: String,
    pub value: String,
    pub headers: Vec<(String, String)>,
}

impl Message {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the platform sent it: what other systems send, and what tests send in their place, may be anything.
    pub fn is_sent_here(&self) -> bool {
        self.topic.ends_with(".dlq") || self.header("ce_source").is_some()
    }

    /// What the AsyncAPI document says of it.
    pub fn described(&self) -> &'static asyncapi::Described {
        asyncapi::check(asyncapi::Read {
            server: "kafka",
            address: &self.topic,
            headers: &self.headers,
            value: self.value.as_bytes(),
        })
    }

    fn read(record: &BorrowedMessage) -> Message {
        let text =
            |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let headers = record
            .headers()
            .into_iter()
            .flat_map(|headers| headers.iter());
        Message {
            topic: record.topic().to_owned(),
            key: text(record.key()),
            value: text(record.payload()),
            headers: headers
                .map(|header| (header.key.to_owned(), text(header.value)))
                .collect(),
        }
    }
}

pub struct Listener {
    consumer: BaseConsumer,
    seen: RefCell<Vec<Message>>,
}

impl Listener {
    /// Reads every partition of the platform's topics in its own consumer group, so that the relay misses nothing.
    ///
    /// # Errors
    /// Where the platform has no Kafka.
    pub fn start(platform: &Platform) -> Result<Listener> {
        let kafka = platform.kafka.as_ref().context("a platform with Kafka")?;
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", kafka.brokers())
            .set("group.id", format!("tests-{}", shop::buyer()))
            .set("enable.auto.commit", "false")
            .set("auto.offset.reset", "earliest")
            // Topics may be created after the subscription.
            .set("topic.metadata.refresh.interval.ms", "500")
            .create()?;
        consumer.subscribe(&TOPICS)?;
        Ok(Listener {
            consumer,
            seen: RefCell::default(),
        })
    }

    /// The first record about an order in a topic.
    ///
    /// # Errors
    /// Where there is none in time.
    pub fn wait_for(&self, topic: &str, order: &str, within: Duration) -> Result<Message> {
        let all = self.wait_for_all(topic, order, 1, within)?;
        all.into_iter().next().context("at least one")
    }

    /// The records about an order in a topic, in the order they were read, once there are this many.
    ///
    /// # Errors
    /// Where there are fewer in time.
    pub fn wait_for_all(
        &self,
        topic: &str,
        order: &str,
        count: usize,
        within: Duration,
    ) -> Result<Vec<Message>> {
        wait_ok(
            within,
            &format!("{count} records of order {order} in {topic}"),
            || {
                self.read()?;
                let seen = self.seen.borrow();
                let wanted = |message: &&Message| message.topic == topic && message.key == order;
                let found: Vec<Message> = seen.iter().filter(wanted).cloned().collect();
                anyhow::ensure!(
                    found.len() >= count,
                    "{} of {} records read",
                    found.len(),
                    seen.len()
                );
                Ok(found)
            },
        )
    }

    /// Waits until a topic's records are about these orders, each at least once.
    ///
    /// # Errors
    /// Names orders that are missing in time, and records of other orders.
    pub fn wait_for_orders(
        &self,
        topic: &str,
        orders: &BTreeSet<String>,
        within: Duration,
    ) -> Result<()> {
        let what = format!("{} orders in {topic}", orders.len());
        let found = wait_ok(within, &what, || {
            self.read()?;
            let seen = self.seen.borrow();
            let of_topic = seen.iter().filter(|message| message.topic == topic);
            let found: BTreeSet<String> = of_topic.map(|message| message.key.clone()).collect();
            let missing: Vec<_> = orders.difference(&found).take(5).collect();
            anyhow::ensure!(missing.is_empty(), "missing: {missing:?}");
            Ok(found)
        })?;
        let strange: Vec<_> = found.difference(orders).take(5).collect();
        anyhow::ensure!(strange.is_empty(), "of no order: {strange:?}");
        Ok(())
    }

    /// Waits until the platform has sent at least one message of each kind; gives all that it has sent.
    ///
    /// # Errors
    /// Names the kinds that are missing in time.
    pub fn wait_for_kinds(&self, kinds: &[&str], within: Duration) -> Result<Vec<Message>> {
        wait_ok(within, "a message of each kind", || {
            self.read()?;
            let seen = self.seen.borrow();
            let sent: Vec<Message> = seen
                .iter()
                .filter(|message| message.is_sent_here())
                .cloned()
                .collect();
            let found: BTreeSet<&str> = sent
                .iter()
                .map(|message| message.described().id.as_str())
                .collect();
            let missing: Vec<_> = kinds
                .iter()
                .filter(|kind| !found.contains(**kind))
                .collect();
            anyhow::ensure!(missing.is_empty(), "missing: {missing:?}");
            Ok(sent)
        })
    }

    fn read(&self) -> Result<()> {
        while let Some(record) = self.consumer.poll(Duration::from_millis(5)) {
            let message = Message::read(&record?);
            if message.is_sent_here() {
                message.described();
            }
            self.seen.borrow_mut().push(message);
        }
        Ok(())
    }
}
