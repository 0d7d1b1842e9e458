//! Until when this host may serve from its store: as long as its recent beats came back over the channel, so that it
//! has received every message before them. Times are in ms since the lease was created.

use crate::limits::CACHE_LEASE;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// The lease of this host.
#[derive(Debug)]
pub struct Lease {
    start: Instant,
    /// When the last beat that came back was sent, plus one; 0: none was.
    beat: AtomicU64,
    connected: AtomicBool,
}

impl Lease {
    /// A lease that does not hold yet.
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            beat: AtomicU64::new(0),
            connected: AtomicBool::new(false),
        }
    }

    /// `at` as the time of a beat, in ms.
    pub fn stamp(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1)
    }

    /// Renews the lease: the beat sent at `stamp` has come back.
    pub fn renew(&self, stamp: u64) {
        self.beat.fetch_max(stamp.saturating_add(1), SeqCst);
        self.connected.store(true, SeqCst);
    }

    /// Ends the lease: the connection is lost.
    pub fn revoke(&self) {
        self.connected.store(false, SeqCst);
    }

    /// Whether stored replies may be served at `now`.
    pub fn holds(&self, now: Instant) -> bool {
        self.connected.load(SeqCst)
            && self
                .good_until(CACHE_LEASE)
                .is_some_and(|until| now < until)
    }

    /// When every host's lease has ended if the channel has failed: two leases after the last beat of this host that
    /// came back, as another host's may be later by the time between two beats. `None` where none came back.
    pub fn all_over(&self) -> Option<Instant> {
        self.good_until(2 * CACHE_LEASE)
    }

    fn good_until(&self, after: Duration) -> Option<Instant> {
        let sent = self.beat.load(SeqCst).checked_sub(1)?;
        self.start.checked_add(Duration::from_millis(sent) + after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_by_itself() {
        let lease = Lease::new();
        let now = Instant::now();
        assert!(!lease.holds(now) && lease.all_over().is_none());
        lease.renew(lease.stamp(now));
        assert!(lease.holds(now));
        assert!(lease.holds(now + CACHE_LEASE - Duration::from_millis(2)));
        assert!(!lease.holds(now + CACHE_LEASE));
        let later = now + CACHE_LEASE / 2;
        lease.renew(lease.stamp(later));
        lease.renew(lease.stamp(now));
        assert!(lease.holds(now + CACHE_LEASE));
        lease.revoke();
        assert!(!lease.holds(now));
        assert!(
            lease
                .all_over()
                .is_some_and(|over| over > later + CACHE_LEASE)
        );
    }
}
