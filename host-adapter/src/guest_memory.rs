//! Linear memory of guests: a bound for each instance, for all instances of a component, and for all of the process.
//! Nobody knows beforehand what a guest will ask for; what the host can do is to refuse.

use crate::limits;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use wasmtime::ResourceLimiter;

/// Bytes that several may have together.
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

    /// Three quarters are taken.
    fn is_nearly_used(&self) -> bool {
        self.bytes.load(Relaxed) > self.bytes_max / 4 * 3
    }

    fn give_back(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Relaxed);
    }
}

/// What the instances of one component may have.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// One instance, over all its memories.
    pub instance_bytes_max: usize,
    /// All of the component.
    pub component: Arc<Budget>,
    /// All of the process.
    pub process: Arc<Budget>,
}

impl Bounds {
    /// Whether there is room for an instance that begins with so many bytes, and for what those that are there may yet
    /// ask for. The first of a component has it always, as far as there is any.
    pub fn has_room(&self, initial_bytes: usize) -> bool {
        let held = self.component.bytes.load(Relaxed);
        held == 0
            || held.saturating_add(initial_bytes) <= self.component.bytes_max / 2
                && !self.process.is_nearly_used()
    }

    /// Whether instances had better be let go.
    pub fn is_short(&self) -> bool {
        self.component.is_nearly_used() || self.process.is_nearly_used()
    }
}

/// The memory of one instance, given back when dropped.
#[derive(Debug)]
pub struct Memory {
    bytes: usize,
    bounds: Bounds,
    /// What was refused last.
    refused: Option<Refused>,
}

/// Why a guest got no more memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has what one may have.
    #[error("more memory than --max-instance-memory allows")]
    Instance,
    /// The others of its component have the rest.
    #[error("more memory than its component's half of --max-guest-memory")]
    Component,
    /// All others have.
    #[error("more memory than --max-guest-memory leaves")]
    Process,
}

impl Memory {
    /// None yet.
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bytes: 0,
            bounds,
            refused: None,
        }
    }

    /// Bytes it has.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bound that the guest met, if it met one: mostly why it is lost.
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
mod tests {
    use super::*;

    fn bounds(process: &Arc<Budget>) -> Bounds {
        Bounds {
            instance_bytes_max: 40,
            component: Budget::new(60),
            process: process.clone(),
        }
    }

    #[test]
    fn an_instance_a_component_and_a_process_have_their_bounds() {
        let process = Budget::new(100);
        let (one, other) = (bounds(&process), bounds(&process));
        let mut first = Memory::new(one.clone());
        assert!(first.memory_growing(0, 30, None).unwrap());
        assert!(first.memory_growing(0, 10, None).unwrap(), "another memory");
        assert!(!first.memory_growing(10, 11, None).unwrap());
        assert_eq!(first.refused(), Some(Refused::Instance));
        let mut second = Memory::new(one.clone());
        assert!(!second.memory_growing(0, 21, None).unwrap());
        assert_eq!(second.refused(), Some(Refused::Component));
        let mut third = Memory::new(other.clone());
        let mut fourth = Memory::new(other);
        assert!(third.memory_growing(0, 40, None).unwrap());
        assert!(fourth.memory_growing(0, 20, None).unwrap());
        assert!(!second.memory_growing(0, 20, None).unwrap());
        assert_eq!(second.refused(), Some(Refused::Process));
        assert!(one.is_short() && !one.has_room(1));
        drop(first);
        assert!(bounds(&process).has_room(1_000), "the first of a component");
        assert!(second.memory_growing(0, 20, None).unwrap());
        assert_eq!(second.refused(), None);
        drop((second, third, fourth));
        assert_eq!(
            (
                process.bytes.load(Relaxed),
                one.component.bytes.load(Relaxed)
            ),
            (0, 0)
        );
    }
}
