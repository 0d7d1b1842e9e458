//! The loop from a bus to the writer: a batch is acknowledged when each of its messages is an order or a failure.

use super::{Bus, Message, Purchases, read};
use crate::limits::{ROUND_TIMEOUT_MS, SECKILL_MESSAGES_MAX};
use crate::ports::{Incoming, Source};
use crate::process::batches;
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, persist, within};
use crate::process::shutdown::Shutdown;
use std::sync::Arc;
use std::time::Duration;

/// A batch does not wait for more messages: those that come while it is processed form the next.
const GATHER: Duration = Duration::ZERO;

/// Consumes other systems' purchases.
pub struct SeckillConsumer<S, W> {
    /// What `source` reads.
    pub bus: Bus,
    /// Reads records with their headers, which show whose they are.
    pub source: S,
    /// Makes orders or failures of them.
    pub writer: Arc<W>,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
}

impl<S: Source, W: Purchases> SeckillConsumer<S, W> {
    /// Runs until shutdown. What is not acknowledged by then is read again.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let name = self.bus.name();
        let mut reading = Outage::new(format!("flash-sale messages of {name}"));
        let mut writing = Outage::new(format!("writing flash-sale messages of {name}"));
        loop {
            let size = (SECKILL_MESSAGES_MAX, GATHER);
            let batch = batches::next(&mut self.source, size, &mut reading, &mut shutdown).await;
            let Some(batch) = batch else { return };
            let messages = self.read(&batch);
            let round = || within(ROUND_TIMEOUT_MS, "writing", self.writer.take_in(&messages));
            if !messages.is_empty() && persist(&mut writing, &mut shutdown, round).await.is_none() {
                return;
            }
            drop(messages);
            batches::acknowledge(&mut self.source, &batch, &reading).await;
        }
    }

    fn read<'a>(&self, batch: &'a [Incoming]) -> Vec<Message<'a>> {
        let messages: Vec<Message<'a>> = batch
            .iter()
            .filter_map(|record| read::message(self.bus, record))
            .collect();
        let unreadable = messages.iter().filter(|one| one.purchase.is_err()).count();
        let counts = &self.metrics.seckill[self.bus as usize];
        counts.own.add(batch.len() - messages.len());
        counts.unreadable.add(unreadable);
        counts.foreign.add(messages.len() - unreadable);
        messages
    }
}

#[cfg(test)]
mod tests;
