//! An intent that looks old is checked twice before it is released: Redis' clock may have jumped forward, and its order
//! may still be on its way.

use contract::store::call::Holder;
use domain::limits::INSERT_DEADLINE_MS;
use domain::{ProductId, SkuId};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// After this time an order on its way is inserted, or never will be.
const SEEN_FOR: Duration = Duration::from_millis(INSERT_DEADLINE_MS + 1_000);
/// A full map drops suspects that are this old.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);
const SUSPECTS_MAX: usize = 100_000;

type Suspect = (ProductId, Holder, SkuId);

/// Intents that looked old, with the time of their first check; at most `SUSPECTS_MAX`.
#[derive(Debug, Default)]
pub struct Suspects(HashMap<Suspect, Instant>);

impl Suspects {
    /// Whether the suspect was first seen at least `SEEN_FOR` before `now`; it is forgotten then. A new one is
    /// remembered, unless the map is full.
    pub fn convict(&mut self, suspect: Suspect, now: Instant) -> bool {
        if self.0.len() >= SUSPECTS_MAX {
            self.0
                .retain(|_, since| now.duration_since(*since) < FORGOTTEN_AFTER);
        }
        if self.0.len() >= SUSPECTS_MAX && !self.0.contains_key(&suspect) {
            return false;
        }
        let since = *self.0.entry(suspect).or_insert(now);
        let convicted = now.duration_since(since) >= SEEN_FOR;
        if convicted {
            self.0.remove(&suspect);
        }
        convicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_convicted_at_first_sight() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        let suspect = (ProductId(1), Holder::Sale(3), SkuId(0));
        let other = (ProductId(2), Holder::Sale(3), SkuId(0));
        assert!(!suspects.convict(suspect, now));
        assert!(!suspects.convict(suspect, now + SEEN_FOR / 2));
        assert!(!suspects.convict(other, now + SEEN_FOR));
        assert!(suspects.convict(suspect, now + SEEN_FOR));
        assert_eq!(SEEN_FOR.as_millis(), u128::from(INSERT_DEADLINE_MS) + 1_000);
    }

    /// A full map takes nobody in until its oldest are forgotten, and convicts those that it has.
    #[test]
    fn a_full_map_makes_room_after_an_hour() {
        let (mut suspects, now) = (Suspects::default(), Instant::now());
        let suspect = |at: usize| (ProductId(at as u64), Holder::Sale(3), SkuId(0));
        for at in 0..SUSPECTS_MAX {
            assert!(!suspects.convict(suspect(at), now));
        }
        assert!(!suspects.convict(suspect(SUSPECTS_MAX), now));
        assert_eq!(suspects.0.len(), SUSPECTS_MAX);
        assert!(suspects.convict(suspect(7), now + SEEN_FOR));
        assert!(!suspects.convict(suspect(7), now + SEEN_FOR));
        let later = now + FORGOTTEN_AFTER;
        assert!(!suspects.convict(suspect(SUSPECTS_MAX), later));
        assert_eq!(
            suspects.0.len(),
            2,
            "those of the first moment are forgotten"
        );
    }
}
