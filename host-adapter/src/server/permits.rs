//! Bounds on what the host takes on at a time, over all threads: requests, those of each component, and connections.
//! Taking one of these never waits.

use super::Shared;
use super::account::{Account, Entry};
use super::slots::Slot;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A bound on how many of something there may be at a time.
#[derive(Debug)]
pub struct Permits {
    taken: AtomicUsize,
    max: usize,
    gauge: prometheus::IntGauge,
    refused: prometheus::IntCounter,
}

impl Permits {
    /// `max` permits; `gauge` shows those taken, `refused` is for callers to count failed attempts.
    pub fn new(max: usize, gauge: prometheus::IntGauge, refused: prometheus::IntCounter) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            max,
            gauge,
            refused,
        }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self) -> bool {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.max {
            self.gauge.inc();
            return true;
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        false
    }

    /// Takes one beyond the bound, in place of one that is about to be given back.
    fn take_over(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.gauge.inc();
    }

    /// Gives one back.
    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
    }
}

/// A request's place among all and among those of its component, given back when dropped.
pub struct Permit {
    shared: Arc<Shared>,
    component: usize,
    /// Its turn on an HTTP/2 connection.
    _turn: Option<OwnedSemaphorePermit>,
    /// Its slot, where its component has a bound of its own, and since when.
    slot: OnceLock<(Slot, Instant)>,
}

impl Permit {
    /// A place for a request to `component`, if there is one.
    pub fn take(
        shared: &Arc<Shared>,
        component: usize,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Option<Self> {
        let own = shared.component_requests.get(component)?;
        if !own.take() {
            own.refused.inc();
            return None;
        }
        if !shared.requests.take() {
            shared.requests.refused.inc();
            own.give_back();
            return None;
        }
        Some(Self {
            shared: shared.clone(),
            component,
            _turn: turn,
            slot: OnceLock::new(),
        })
    }

    /// Since when it has a slot.
    pub fn slot_since(&self) -> Option<Instant> {
        self.slot.get().map(|(_, since)| *since)
    }

    /// Keeps the slot for as long as the permit itself is held.
    pub fn keep(&self, slot: Slot) {
        // Each request is handed over once: there is no slot yet.
        let _ = self.slot.set((slot, Instant::now()));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.requests.give_back();
        if let Some(own) = self.shared.component_requests.get(self.component) {
            own.give_back();
        }
    }
}

/// A connection's place, given back when dropped.
pub struct Place {
    shared: Arc<Shared>,
    entry: Entry,
}

impl Place {
    /// A place for a client at `address`: a free one, or that of an idle connection, which is evicted.
    pub fn take(shared: &Arc<Shared>, address: IpAddr) -> Option<Self> {
        let (connections, ledger) = (&shared.connections, &shared.ledger);
        if !connections.take() {
            if !ledger.evict_idle(None) {
                connections.refused.inc();
                return None;
            }
            // One too many until the evicted one is gone.
            connections.take_over();
        }
        let open = || ledger.open(address, shared.up.connections_per_address_max());
        let entry = open().or_else(|| {
            let freed = ledger.evict_idle(Some(address));
            freed.then(|| ledger.open(address, usize::MAX)).flatten()
        });
        let Some(entry) = entry else {
            connections.give_back();
            connections.refused.inc();
            return None;
        };
        Some(Self {
            shared: shared.clone(),
            entry,
        })
    }

    /// The connection's account.
    pub fn account(&self) -> &Arc<Account> {
        self.entry.account()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.connections.give_back();
    }
}
