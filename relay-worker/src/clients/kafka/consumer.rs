//! Consuming: in a group with the other relays, or all partitions of the embedded broker from their start. Offsets are
//! stored only after a batch took effect, so a batch in progress at a crash is read again.

use super::Cluster;
use crate::limits::{BATCH_BYTES_MAX, GROUP_SESSION_MS};
use crate::ports::{Incoming, Source};
use crate::process::metrics::Lag;
use anyhow::Context;
use futures::FutureExt;
use rdkafka::consumer::{Consumer, ConsumerContext, StreamConsumer};
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};
use rdkafka::{ClientContext, Offset, Statistics, TopicPartitionList};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Copies the lag from the client's statistics to the metrics.
pub struct LagContext(Arc<Lag>);

impl ClientContext for LagContext {
    fn stats(&self, statistics: Statistics) {
        for (name, topic) in statistics.topics {
            let partitions = topic.partitions.values();
            let lag = partitions.map(|p| p.consumer_lag_stored.max(0)).sum();
            self.0.set(&name, lag);
        }
    }
}

impl ConsumerContext for LagContext {}

/// A consumer of some topics.
pub struct KafkaSource {
    consumer: StreamConsumer<LagContext>,
    with_headers: bool,
}

impl KafkaSource {
    /// Joins `group` and subscribes to `topics`, both without their prefix; `lag` is kept up to date.
    ///
    /// # Errors
    /// Where the client refuses its configuration.
    pub fn open(
        cluster: &Cluster,
        group: &str,
        topics: &[&str],
        lag: Arc<Lag>,
    ) -> anyhow::Result<KafkaSource> {
        let topics: Vec<String> = topics.iter().map(|topic| cluster.topic(topic)).collect();
        let consumer: StreamConsumer<LagContext> = cluster
            .client()
            .set("group.id", format!("{}{group}", cluster.topic_prefix))
            .set("enable.auto.offset.store", "false")
            .set(
                "enable.auto.commit",
                if cluster.embedded { "false" } else { "true" },
            )
            .set("auto.commit.interval.ms", "1000")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            // Another relay reads the partitions of a killed one after this time.
            .set("session.timeout.ms", GROUP_SESSION_MS.to_string())
            .set("heartbeat.interval.ms", "2000")
            .set("fetch.wait.max.ms", "100")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", "16384")
            .set("topic.metadata.refresh.interval.ms", "10000")
            .set("statistics.interval.ms", "5000")
            .create_with_context(LagContext(lag))?;
        if cluster.embedded {
            let mut all = TopicPartitionList::new();
            for topic in &topics {
                for partition in 0..i32::from(cluster.partitions) {
                    all.add_partition_offset(topic, partition, Offset::Beginning)?;
                }
            }
            consumer.assign(&all)?;
        } else {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            consumer.subscribe(&names)?;
        }
        Ok(KafkaSource {
            consumer,
            with_headers: false,
        })
    }

    /// The same, whose records come with their headers.
    pub fn with_headers(self) -> KafkaSource {
        KafkaSource {
            with_headers: true,
            ..self
        }
    }

    fn owned(&self, message: &BorrowedMessage<'_>) -> Incoming {
        let mut record = owned(message);
        if self.with_headers {
            record.headers = message.headers().map(texts).unwrap_or_default();
        }
        record
    }
}

fn texts(headers: &BorrowedHeaders) -> Vec<(String, String)> {
    let text = |value: &[u8]| Some(std::str::from_utf8(value).ok()?.to_owned());
    headers
        .iter()
        .filter_map(|header| Some((header.key.to_owned(), text(header.value?)?)))
        .collect()
}

fn owned(message: &BorrowedMessage<'_>) -> Incoming {
    Incoming {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().unwrap_or_default().to_vec(),
        value: message.payload().unwrap_or_default().to_vec(),
        headers: Vec::new(),
    }
}

impl Source for KafkaSource {
    async fn next(&mut self, max: usize, gather: Duration) -> anyhow::Result<Vec<Incoming>> {
        let first = self.consumer.recv().await.context("reading from Kafka")?;
        let mut bytes = first.payload_len();
        let mut batch = vec![self.owned(&first)];
        let until = tokio::time::Instant::now() + gather;
        while batch.len() < max && bytes < BATCH_BYTES_MAX {
            let next = match self.consumer.recv().now_or_never() {
                Some(next) => next,
                // A wait of no time is one too, in which the batch could be cancelled.
                None if gather.is_zero() => break,
                None => match tokio::time::timeout_at(until, self.consumer.recv()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            // The next call meets this error again; what was read goes first.
            let Ok(message) = next else { break };
            bytes += message.payload_len();
            batch.push(self.owned(&message));
        }
        Ok(batch)
    }

    async fn acknowledge(&mut self, batch: &[Incoming]) -> anyhow::Result<()> {
        let mut next: HashMap<(&str, i32), i64> = HashMap::new();
        for record in batch {
            let offset = next.entry((&record.topic, record.partition)).or_default();
            *offset = (*offset).max(record.offset + 1);
        }
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), offset) in next {
            offsets.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        }
        match self.consumer.store_offsets(&offsets) {
            Ok(()) => Ok(()),
            // The partition has moved to another relay, which reads the batch again.
            Err(error) => Err(error).context("the offsets cannot be stored"),
        }
    }
}
