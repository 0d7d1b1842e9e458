//! Intents that look old are looked at twice: Redis' clock may have been set forward since they were left, and their
//! orders may be on their way.

use contract::store::call::Holder;
use domain::limits::INSERT_DEADLINE_MS;
use domain::{ProductId, SkuId};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// An order that is on its way is there after this time, or never will be.
const SEEN_FOR: Duration = Duration::from_millis(INSERT_DEADLINE_MS + 1_000);
/// What was not seen again for so long was something else.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3_600);
const SUSPECTS_MAX: usize = 100_000;

type Suspect = (ProductId, Holder, SkuId);

#[derive(Debug, Default)]
pub struct Suspects(HashMap<Suspect, Instant>);

impl Suspects {
    /// Whether it was a suspect long enough before `now`; it is one from now on.
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
    }
}
