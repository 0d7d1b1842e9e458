//! Publishing: idempotent, acknowledged by all replicas, ordered per key. A producer with a fatal error is replaced.

use super::Cluster;
use crate::limits::PUBLISH_TIMEOUT_MS;
use crate::ports::{Delivery, Outgoing, PipelinedPublisher, Publisher, Verdict};
use anyhow::{Context, anyhow};
use futures::FutureExt;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the brokers may take to answer a probe.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long flushing may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause before a record is offered again to a client whose queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);
/// How long after the client's own timeout a delivery report may come.
const REPORT_GRACE: Duration = Duration::from_secs(1);

/// A producer; clones are the same one.
#[derive(Clone)]
pub struct KafkaPublisher(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    /// Held only to clone or replace the handle.
    producer: Mutex<FutureProducer>,
}

impl KafkaPublisher {
    /// Connects in the background.
    ///
    /// # Errors
    /// Where the client refuses its configuration.
    pub fn new(cluster: &Cluster) -> anyhow::Result<KafkaPublisher> {
        Ok(KafkaPublisher(Arc::new(Inner {
            producer: Mutex::new(producer(cluster)?),
            cluster: cluster.clone(),
        })))
    }

    /// Waits until every record is sent.
    ///
    /// # Errors
    /// Where records are left after 5 s.
    pub async fn flush(&self) -> anyhow::Result<()> {
        let handle = self.0.handle();
        tokio::task::spawn_blocking(move || handle.flush(FLUSH_TIMEOUT))
            .await?
            .context("records are left in the producer")
    }
}

impl Inner {
    fn handle(&self) -> FutureProducer {
        self.producer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces a producer with a fatal error: an idempotent one that lost its sequence refuses every further record.
    fn replace_if_broken(&self, used: &FutureProducer) {
        let Some((code, reason)) = used.client().fatal_error() else {
            return;
        };
        let mut current = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if current.client().fatal_error().is_none() {
            return;
        }
        match producer(&self.cluster) {
            Ok(fresh) => {
                tracing::warn!(code = %code, "the producer is replaced: {reason}");
                *current = fresh;
            }
            Err(error) => tracing::error!("the broken producer cannot be replaced: {error:#}"),
        }
    }

    /// The verdict on a record that the client has taken.
    async fn delivered(
        self: Arc<Self>,
        used: FutureProducer,
        delivery: DeliveryFuture,
        last_report: tokio::time::Instant,
    ) -> Verdict {
        let verdict = match tokio::time::timeout_at(last_report, delivery).await {
            Ok(Ok(Ok(_))) => return Verdict::Delivered,
            Ok(Ok(Err((error, _)))) => verdict(&error),
            Ok(Err(_)) => Verdict::Away("the producer ended".to_owned()),
            Err(_) => Verdict::Away("no delivery report in time".to_owned()),
        };
        self.replace_if_broken(&used);
        verdict
    }
}

fn producer(cluster: &Cluster) -> anyhow::Result<FutureProducer> {
    Ok(cluster
        .client()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        // With more, a record that is sent again may be overtaken by the next one, and a broker that does not know this
        // producer takes that one's sequence for the first: the overtaken record then counts as sent already.
        .set("max.in.flight.requests.per.connection", "1")
        .set("linger.ms", "2")
        .set("batch.num.messages", "10000")
        .set("compression.type", "lz4")
        // The partitioner of Java clients, so that their consumers may join by partition.
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", PUBLISH_TIMEOUT_MS.to_string())
        .set("queue.buffering.max.messages", "100000")
        .create()?)
}

/// Only an error of the record itself is a refusal: a missing permission or topic may be there later.
fn verdict(error: &KafkaError) -> Verdict {
    use RDKafkaErrorCode::{
        InvalidMessage, InvalidMessageSize, InvalidRecord, MessageSizeTooLarge,
    };
    match error.rdkafka_error_code() {
        Some(InvalidMessage | InvalidMessageSize | InvalidRecord | MessageSizeTooLarge) => {
            Verdict::Refused(error.to_string())
        }
        _ => Verdict::Away(error.to_string()),
    }
}

fn headers(record: &Outgoing) -> OwnedHeaders {
    let empty = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().fold(empty, |headers, (key, value)| {
        headers.insert(Header {
            key,
            value: Some(value),
        })
    })
}

/// Hands a record to the client; waits while its queue is full, up to `deadline`.
async fn enqueue(
    producer: &FutureProducer,
    record: &Outgoing,
    deadline: Instant,
) -> Result<DeliveryFuture, Verdict> {
    let mut waiting = FutureRecord::to(&record.topic)
        .key(&record.key)
        .payload(&record.value)
        .headers(headers(record));
    loop {
        match producer.send_result(waiting) {
            Ok(delivery) => return Ok(delivery),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                if Instant::now() < deadline =>
            {
                waiting = back;
                tokio::time::sleep(QUEUE_FULL_PAUSE).await;
            }
            Err((error, _)) => return Err(verdict(&error)),
        }
    }
}

impl PipelinedPublisher for KafkaPublisher {
    async fn send(&self, batch: Vec<Outgoing>) -> Vec<Delivery> {
        let producer = self.0.handle();
        let limit = Duration::from_millis(PUBLISH_TIMEOUT_MS);
        let deadline = Instant::now() + limit;
        let mut deliveries: Vec<Delivery> = Vec::with_capacity(batch.len());
        for record in &batch {
            let taken = enqueue(&producer, record, deadline).await;
            let last_report = tokio::time::Instant::now() + limit + REPORT_GRACE;
            deliveries.push(match taken {
                Err(verdict) => std::future::ready(verdict).boxed(),
                Ok(delivery) => self
                    .0
                    .clone()
                    .delivered(producer.clone(), delivery, last_report)
                    .boxed(),
            });
        }
        deliveries
    }
}

impl Publisher for KafkaPublisher {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Verdict> {
        let mut verdicts = Vec::with_capacity(batch.len());
        for delivery in self.send(batch).await {
            verdicts.push(delivery.await);
        }
        verdicts
    }

    async fn reachable(&self) -> anyhow::Result<()> {
        let handle = self.0.handle();
        let probe = tokio::task::spawn_blocking(move || {
            handle.client().fetch_metadata(None, REACH_TIMEOUT)
        });
        let metadata = probe.await??;
        if metadata.brokers().is_empty() {
            return Err(anyhow!("Kafka has no broker"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
