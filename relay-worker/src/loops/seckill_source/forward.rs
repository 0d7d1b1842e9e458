//! The loop from the topic to RabbitMQ: forwards our own purchases unchanged, and acknowledges them when the server has
//! confirmed them. A slow RabbitMQ delays nothing else.

use super::read;
use crate::dead_letter;
use crate::limits::SECKILL_MESSAGES_MAX;
use crate::ports::{Incoming, Outgoing, Publisher, Source, Verdict};
use crate::process::batches;
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, persist};
use crate::process::shutdown::Shutdown;
use contract::wire::header;
use std::sync::Arc;
use std::time::Duration;

const GATHER: Duration = Duration::ZERO;

/// Forwards our own purchases.
pub struct Forwarder<S, P, D> {
    /// Reads the topic with headers, in its own consumer group.
    pub source: S,
    /// Publishes to RabbitMQ.
    pub publisher: P,
    /// Takes what RabbitMQ refuses for good, as dead letters of the topic.
    pub letters: Arc<D>,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
}

impl<S: Source, P: Publisher, D: Publisher> Forwarder<S, P, D> {
    /// Runs until shutdown. What is not acknowledged by then is read again.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut reading = Outage::new("purchases to pass on");
        let mut sending = Outage::new("passing purchases on to RabbitMQ");
        loop {
            let size = (SECKILL_MESSAGES_MAX, GATHER);
            let batch = batches::next(&mut self.source, size, &mut reading, &mut shutdown).await;
            let Some(batch) = batch else { return };
            let own = batch.iter().filter(|record| read::is_own(record)).collect();
            let refused = self.deliver(own, &mut sending, &mut shutdown).await;
            let Some(refused) = refused else { return };
            let (letters, metrics) = (&*self.letters, &self.metrics);
            let aside =
                dead_letter::put_aside(letters, metrics, refused, &mut sending, &mut shutdown);
            let Some(()) = aside.await else { return };
            batches::acknowledge(&mut self.source, &batch, &reading).await;
        }
    }

    /// Sends until each record is confirmed or refused; what is confirmed is not sent again. Returns the dead letters
    /// of those that were refused, or `None` where shutdown came first.
    async fn deliver(
        &self,
        mut waiting: Vec<&Incoming>,
        outage: &mut Outage,
        shutdown: &mut Shutdown,
    ) -> Option<Vec<Outgoing>> {
        let mut refused = Vec::new();
        while !waiting.is_empty() {
            let batch = waiting.iter().map(|record| outgoing(record)).collect();
            let verdicts = self.publisher.publish(batch).await;
            let sent = std::mem::take(&mut waiting).into_iter().zip(verdicts);
            let mut away = None;
            for (record, verdict) in sent {
                match verdict {
                    Verdict::Delivered => self.metrics.rabbitmq_published.add(1),
                    Verdict::Refused(reason) => {
                        let reason = format!("RabbitMQ refuses it: {reason}");
                        refused.push(dead_letter::outgoing(record, &reason));
                    }
                    Verdict::Away(reason) => {
                        away = Some(reason);
                        waiting.push(record);
                    }
                }
            }
            let Some(reason) = away else { break };
            let pause = outage.failed(&anyhow::anyhow!(reason));
            if shutdown.pause(pause).await {
                return None;
            }
            persist(outage, shutdown, || self.publisher.reachable()).await?;
        }
        outage.over();
        Some(refused)
    }
}

/// The record under AMQP's names.
fn outgoing(record: &Incoming) -> Outgoing {
    let header = |(name, text): &(String, String)| Some((header::in_amqp(name)?, text.clone()));
    Outgoing {
        topic: record.topic.clone(),
        key: String::from_utf8_lossy(&record.key).into_owned(),
        value: record.value.clone(),
        headers: record.headers.iter().filter_map(header).collect(),
    }
}

#[cfg(test)]
mod tests;
