//! The bound that a manifest sets on the requests that a component handles at a time, over all threads: each of them
//! has a slot. One more waits for a slot, first come first served.

use super::permits::Permits;
use crate::application::Guest;
use crate::limits;
use crate::metrics::ServerMetrics;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// A request's slot, free again when dropped.
pub type Slot = OwnedSemaphorePermit;

/// No slot became free in time, or too many wait for one.
#[derive(Debug, thiserror::Error)]
#[error("too many requests to the component at a time")]
pub struct Crowded;

/// The slots of one component.
#[derive(Debug)]
pub struct Slots {
    free: Arc<Semaphore>,
    waiting: Permits,
    refused: prometheus::IntCounter,
}

impl Slots {
    /// The slots of `guest`; `None` where its manifest sets no bound.
    pub fn of(guest: &Guest, metrics: &ServerMetrics) -> Option<Arc<Self>> {
        // Shown for every component, like its requests in flight.
        let waiting = metrics.component_waiting(&guest.id);
        let (_, refused) = metrics.component(&guest.id);
        let max = guest.bounds.concurrent_requests_max?.count();
        Some(Arc::new(Self::new(max, waiting, refused)))
    }

    fn new(max: usize, waiting: prometheus::IntGauge, refused: prometheus::IntCounter) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        let waiting_max = max.saturating_mul(limits::SLOT_WAITERS_MAX);
        Self {
            free: Arc::new(Semaphore::new(max)),
            waiting: Permits::new(waiting_max, waiting, refused.clone()),
            refused,
        }
    }

    /// A slot, for which the caller waits until then at most. Nobody overtakes those that wait.
    ///
    /// # Errors
    /// [`Crowded`], which is counted.
    pub async fn take(&self, until: Instant) -> Result<Slot, Crowded> {
        if let Ok(slot) = self.free.clone().try_acquire_owned() {
            return Ok(slot);
        }
        let slot = self.wait(until).await;
        slot.ok_or_else(|| {
            self.refused.inc();
            Crowded
        })
    }

    async fn wait(&self, until: Instant) -> Option<Slot> {
        let _waiter = self.waiting.take().then(|| Waiter(&self.waiting))?;
        let slot = self.free.clone().acquire_owned();
        timeout_at(until, slot).await.ok()?.ok()
    }
}

/// A place among those that wait, given back when dropped.
struct Waiter<'a>(&'a Permits);

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

#[cfg(test)]
mod tests;
