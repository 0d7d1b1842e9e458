//! Which stored replies are still valid. An invalidation takes the next number and writes it to the slot of each group;
//! a reply keeps the number that was current before its component was asked, and is valid while none of its slots holds
//! a later one. So an invalidation costs the same however much is stored, readers never wait for it, and a reply that
//! was being made meanwhile is stale from the start.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The number of slots. Groups that share one are invalidated together, which is rare and harmless.
const SLOTS: usize = 1 << 16;

/// The number of an invalidation: also of the time up to the next.
pub type Number = u64;

/// The slot that holds the number of a group's last invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(u16);

impl Slot {
    /// The slot of a group or a URI.
    pub fn of(name: &(impl Hash + ?Sized)) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self((hasher.finish() % SLOTS as u64) as u16)
    }
}

/// All slots of the process.
#[derive(Debug)]
pub struct Stamps {
    last: AtomicU64,
    emptied: AtomicU64,
    slots: Box<[AtomicU64]>,
}

impl Stamps {
    /// Slots without any invalidation.
    pub fn new() -> Self {
        Self {
            last: AtomicU64::new(0),
            emptied: AtomicU64::new(0),
            slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The current number; to be taken before a component is asked.
    pub fn now(&self) -> Number {
        self.last.load(SeqCst)
    }

    /// Makes stale whatever was asked for before this call and has one of these slots.
    pub fn invalidate(&self, slots: impl IntoIterator<Item = Slot>) {
        let number = self.next();
        for slot in slots {
            self.slots[usize::from(slot.0)].fetch_max(number, SeqCst);
        }
    }

    /// Makes stale whatever was asked for before this call.
    pub fn empty(&self) {
        let number = self.next();
        self.emptied.fetch_max(number, SeqCst);
    }

    /// Whether what was asked for at `number`, and has these slots, is still valid.
    pub fn hold(&self, number: Number, slots: &[Slot]) -> bool {
        let later = |stamp: &AtomicU64| stamp.load(SeqCst) > number;
        !later(&self.emptied)
            && !slots
                .iter()
                .any(|slot| later(&self.slots[usize::from(slot.0)]))
    }

    fn next(&self) -> Number {
        self.last.fetch_add(1, SeqCst) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_under_way_is_stale_and_what_comes_after_is_not() {
        let (stamps, a, b) = (Stamps::new(), Slot::of("a"), Slot::of("b"));
        assert_ne!(a, b);
        let under_way = stamps.now();
        assert!(stamps.hold(under_way, &[a, b]));
        stamps.invalidate([a]);
        let after = stamps.now();
        assert!(!stamps.hold(under_way, &[a]));
        assert!(!stamps.hold(under_way, &[b, a]));
        assert!(stamps.hold(under_way, &[b]));
        assert!(stamps.hold(after, &[a, b]));
        stamps.empty();
        assert!(!stamps.hold(after, &[]));
        assert!(stamps.hold(stamps.now(), &[a, b]));
    }

    #[test]
    fn a_reply_that_is_older_than_the_last_write_is_never_true() {
        // Each round writes a value, invalidates, and then reads: whatever a filler stored meanwhile may be valid only
        // if its value is at least that of the last round.
        let (stamps, slot) = (Stamps::new(), Slot::of("order"));
        let (value, stored) = (AtomicU64::new(0), std::sync::Mutex::new((0, 0)));
        let done = std::sync::atomic::AtomicBool::new(false);
        let mut hits = 0;
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(SeqCst) {
                        let number = stamps.now();
                        let seen = value.load(SeqCst);
                        std::thread::yield_now();
                        *stored.lock().unwrap() = (number, seen);
                    }
                });
            }
            for round in 1..=3_000 {
                value.store(round, SeqCst);
                stamps.invalidate([slot]);
                for _ in 0..3 {
                    let (number, seen) = *stored.lock().unwrap();
                    if stamps.hold(number, &[slot]) {
                        hits += 1;
                        assert!(seen >= round, "read {seen} after the write of {round}");
                    }
                    std::thread::yield_now();
                }
            }
            done.store(true, SeqCst);
        });
        assert!(hits > 0, "nothing was ever read from the store");
    }
}
