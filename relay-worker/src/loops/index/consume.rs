//! The loop from the bus to the index: sends what has arrived in bulk requests, each document until it is indexed or a
//! dead letter.

use super::Index;
use super::bulk::{Verdict, newest};
use super::schema::ALIAS;
use crate::dead_letter;
use crate::limits::{BULK_DOCUMENTS_MAX, BULK_GATHER_MS, ROUND_TIMEOUT_MS};
use crate::ports::{Incoming, Outgoing, Publisher, Source};
use crate::process::batches;
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, persist, within};
use crate::process::shutdown::Shutdown;
use contract::wire::event::OrderDocument;
use contract::wire::message::OrderMessage;
use std::sync::Arc;
use std::time::Duration;

/// Consumes the events of orders.
pub struct IndexConsumer<S, P> {
    /// Reads the topics of created and changed orders.
    pub source: S,
    /// Takes the dead letters.
    pub publisher: Arc<P>,
    /// Written through its alias.
    pub index: Index,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
}

impl<S: Source, P: Publisher> IndexConsumer<S, P> {
    /// Runs until shutdown. What is not acknowledged by then is read again.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("indexer");
        let gather = Duration::from_millis(BULK_GATHER_MS);
        loop {
            let size = (BULK_DOCUMENTS_MAX, gather);
            let batch = batches::next(&mut self.source, size, &mut outage, &mut shutdown).await;
            let Some(batch) = batch else { return };
            let taken_in = self.take_in(&batch, &mut outage, &mut shutdown).await;
            let Some(()) = taken_in else { return };
            batches::acknowledge(&mut self.source, &batch, &outage).await;
        }
    }

    /// `None` where shutdown came first; the batch is read again then.
    async fn take_in(
        &self,
        batch: &[Incoming],
        outage: &mut Outage,
        shutdown: &mut Shutdown,
    ) -> Option<()> {
        let mut aside = Vec::new();
        let mut documents = Vec::with_capacity(batch.len());
        for record in batch {
            match serde_json::from_slice::<OrderMessage>(&record.value) {
                Ok(message) => documents.push(message.order),
                Err(error) => aside.push(dead_letter::outgoing(record, &error.to_string())),
            }
        }
        let mut waiting = newest(documents);
        while !waiting.is_empty() {
            let round = || within(ROUND_TIMEOUT_MS, "a bulk request", self.send(&waiting));
            let (again, refused) = persist(outage, shutdown, round).await?;
            for (id, reason) in refused {
                aside.extend(refusal(batch, &id, &reason));
            }
            if !again.is_empty() {
                self.metrics.documents_retried.add(again.len());
                let pause = outage.failed(&anyhow::anyhow!("{} documents wait", again.len()));
                if shutdown.pause(pause).await {
                    return None;
                }
            }
            waiting.retain(|document| again.contains(&document.id));
        }
        dead_letter::put_aside(&*self.publisher, &self.metrics, aside, outage, shutdown).await
    }

    /// Ids to send again, and those refused for good with the reason.
    async fn send(
        &self,
        documents: &[OrderDocument],
    ) -> anyhow::Result<(Vec<String>, Vec<(String, String)>)> {
        let sent: Vec<&OrderDocument> = documents.iter().collect();
        let verdicts = self.index.bulk(ALIAS, &sent).await?;
        let (mut again, mut refused) = (Vec::new(), Vec::new());
        for (document, verdict) in documents.iter().zip(verdicts) {
            match verdict {
                Verdict::Delivered => self.metrics.documents_indexed.add(1),
                Verdict::Retry(reason) => {
                    tracing::debug!(order_id = %document.id, "to be indexed again: {reason}");
                    again.push(document.id.clone());
                }
                Verdict::DeadLetter(reason) => {
                    self.metrics.documents_refused.add(1);
                    refused.push((document.id.clone(), reason));
                }
            }
        }
        Ok((again, refused))
    }
}

/// The dead letter of a refused document, made of its last record.
fn refusal(batch: &[Incoming], id: &str, reason: &str) -> Option<Outgoing> {
    let record = batch
        .iter()
        .rev()
        .find(|record| record.key == id.as_bytes())?;
    Some(dead_letter::outgoing(record, reason))
}
