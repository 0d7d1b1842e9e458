//! Linear memory of guests: bounds for each instance, for all instances of a component, and for all of the process.
//! What a guest will ask for is not known beforehand; the host can only refuse.

use crate::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use wasmtime::ResourceLimiter;

/// A bound on the bytes that several instances have together.
#[derive(Debug)]
pub struct Budget {
    bytes: AtomicUsize,
    bytes_max: usize,
}

impl Budget {
    /// At most `bytes_max`.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            bytes: AtomicUsize::new(0),
            bytes_max,
        })
    }

    fn take(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|all| *all <= self.bytes_max);
        self.bytes.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Whether more than three quarters are taken.
    fn is_nearly_used(&self) -> bool {
        self.bytes.load(Relaxed) > self.bytes_max / 4 * 3
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
    }
}

/// The bounds on the instances of one component.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// Bytes of one instance, over all its memories.
    pub instance_bytes_max: usize,
    /// Shared by all instances of the component.
    pub component: Arc<Budget>,
    /// Shared by all instances of the process.
    pub process: Arc<Budget>,
}

impl Bounds {
    /// Whether there is room for an instance that begins with so many bytes, with some left for the growth of others.
    /// Always true for the first of a component.
    pub fn has_room(&self, initial_bytes: usize) -> bool {
        let held = self.component.bytes.load(Relaxed);
        held == 0
            || held.saturating_add(initial_bytes) <= self.component.bytes_max / 2
                && !self.process.is_nearly_used()
    }

    /// Whether memory is short, so that instances should be dropped instead of reused.
    pub fn is_short(&self) -> bool {
        self.component.is_nearly_used() || self.process.is_nearly_used()
    }
}

/// The memory of one instance, given back when dropped.
#[derive(Debug)]
pub struct Memory {
    bytes: usize,
    bounds: Bounds,
    /// Set where its last request for memory was refused.
    refused: Option<Refused>,
}

/// Why a guest got no more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The instance has all that one may have.
    #[error("more memory than --max-instance-memory allows")]
    Instance,
    /// Its component's instances have all that these may have.
    #[error("more memory than its component's half of --max-guest-memory")]
    Component,
    /// All instances of the process have all that these may have.
    #[error("more memory than --max-guest-memory leaves")]
    Process,
}

impl Memory {
    /// No bytes yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bytes: 0,
            bounds,
            refused: None,
        }
    }

    /// The bytes it has.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bound that refused the guest's last request for memory, if one did: often why the guest fails.
    pub fn refused(&self) -> Option<Refused> {
        self.refused
    }

    fn take(&mut self, bytes: usize) -> Result<(), Refused> {
        let bounds = &self.bounds;
        if self.bytes.saturating_add(bytes) > bounds.instance_bytes_max {
            return Err(Refused::Instance);
        }
        if !bounds.component.take(bytes) {
            return Err(Refused::Component);
        }
        if !bounds.process.take(bytes) {
            bounds.component.give_back(bytes);
            return Err(Refused::Process);
        }
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.bounds.component.give_back(self.bytes);
        self.bounds.process.give_back(self.bytes);
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let taken = self.take(desired.saturating_sub(current));
        self.refused = taken.err();
        Ok(taken.is_ok())
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= limits::TABLE_ELEMENTS_MAX)
    }
}

#[cfg(test)]
mod tests;
