//! Consuming a durable queue: a bounded number of deliveries ahead, acknowledged explicitly once they took effect. What
//! was not acknowledged when the connection broke is delivered again.

use super::{Link, Server};
use crate::limits::{BATCH_BYTES_MAX, RABBITMQ_CONNECT_MS, RABBITMQ_PREFETCH};
use crate::ports::{Incoming, Source};
use crate::process::outage::within;
use anyhow::{Context, bail};
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use std::time::Duration;

/// A consumer of one queue.
pub struct RabbitSource {
    server: Server,
    queue: String,
    reading: Option<Reading>,
}

struct Reading {
    link: Link,
    deliveries: Consumer,
}

impl RabbitSource {
    /// A consumer of `queue` (without its prefix) that connects when it is first read.
    pub fn new(server: Server, queue: &str) -> RabbitSource {
        RabbitSource {
            queue: server.named(queue),
            server,
            reading: None,
        }
    }

    async fn open(&self) -> anyhow::Result<Reading> {
        let link = self.server.open().await?;
        let opening = async {
            let link = self.queue(link).await?;
            link.channel
                .basic_qos(RABBITMQ_PREFETCH, BasicQosOptions::default())
                .await?;
            let deliveries = consume(&link.channel, &self.queue).await?;
            Ok(Reading { link, deliveries })
        };
        within(RABBITMQ_CONNECT_MS, "opening the queue", opening).await
    }

    /// Declares the queue if it is missing; an existing one keeps its kind and settings, as other systems may have made
    /// it. The server closes the channel on which a missing queue is asked for, hence a second link.
    async fn queue(&self, link: Link) -> anyhow::Result<Link> {
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        if declare(&link.channel, &self.queue, passive).await.is_ok() {
            return Ok(link);
        }
        let link = self.server.open().await?;
        declare(&link.channel, &self.queue, QueueDeclareOptions::durable()).await?;
        Ok(link)
    }
}

async fn declare(
    channel: &Channel,
    queue: &str,
    options: QueueDeclareOptions,
) -> anyhow::Result<()> {
    channel
        .queue_declare(queue.into(), options, FieldTable::default())
        .await
        .with_context(|| format!("queue {queue}"))?;
    Ok(())
}

async fn consume(channel: &Channel, queue: &str) -> anyhow::Result<Consumer> {
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume(queue.into(), "".into(), options, FieldTable::default())
        .await
        .with_context(|| format!("queue {queue}"))
}

/// The headers that are text.
fn headers(delivery: &Delivery) -> Vec<(String, String)> {
    let Some(table) = delivery.properties.headers() else {
        return Vec::new();
    };
    let text = |value: &AMQPValue| match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    };
    table
        .inner()
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .collect()
}

fn owned(queue: &str, delivery: Delivery) -> anyhow::Result<Incoming> {
    Ok(Incoming {
        topic: queue.to_owned(),
        partition: 0,
        offset: i64::try_from(delivery.delivery_tag).context("a delivery tag")?,
        headers: headers(&delivery),
        key: Vec::new(),
        value: delivery.data,
    })
}

impl Source for RabbitSource {
    async fn next(&mut self, max: usize, gather: Duration) -> anyhow::Result<Vec<Incoming>> {
        if self.reading.is_none() {
            self.reading = Some(self.open().await?);
        }
        let Some(reading) = &mut self.reading else {
            bail!("RabbitMQ is not open");
        };
        let first = match reading.deliveries.next().await {
            Some(Ok(delivery)) => owned(&self.queue, delivery)?,
            ended => {
                self.reading = None;
                let reason = ended.and_then(Result::err).map(|error| error.to_string());
                bail!("RabbitMQ ended the reading: {}", reason.unwrap_or_default());
            }
        };
        let mut bytes = first.value.len();
        let mut batch = vec![first];
        let until = tokio::time::Instant::now() + gather;
        while batch.len() < max && bytes < BATCH_BYTES_MAX {
            let next = match reading.deliveries.next().now_or_never() {
                Some(next) => next,
                // A wait of no time is one too, in which the batch could be cancelled.
                None if gather.is_zero() => break,
                None => match tokio::time::timeout_at(until, reading.deliveries.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
            };
            // The next call meets this end again; what was read goes first.
            let Some(Ok(delivery)) = next else { break };
            bytes += delivery.data.len();
            batch.push(owned(&self.queue, delivery)?);
        }
        Ok(batch)
    }

    async fn acknowledge(&mut self, batch: &[Incoming]) -> anyhow::Result<()> {
        let (Some(reading), Some(last)) = (&self.reading, batch.last()) else {
            bail!("RabbitMQ is not open");
        };
        // A batch is everything delivered up to its last record.
        let acknowledging = async {
            let tag = u64::try_from(last.offset)?;
            let options = BasicAckOptions { multiple: true };
            Ok(reading.link.channel.basic_ack(tag, options).await?)
        };
        let acknowledged = within(RABBITMQ_CONNECT_MS, "acknowledging", acknowledging).await;
        if acknowledged.is_err() {
            self.reading = None;
        }
        acknowledged
    }
}
