//! Which order shards answer: a circuit breaker per shard. Work for several shards skips one that is away, so that it
//! holds up no other; one attempt at a time finds out when it is back.

use crate::clients::database::Databases;
use crate::process::outage::{Outage, within};
use anyhow::{Context, anyhow};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

#[derive(Debug)]
struct Shard {
    /// Its name in messages.
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    outage: Outage,
    /// Present while the shard is away: when the next attempt may begin.
    next: Option<Instant>,
    trying: bool,
}

/// Shared by all loops that write to several shards.
#[derive(Clone, Debug)]
pub struct Availability(Arc<[Shard]>);

impl Availability {
    /// All shards of `databases`, which count as answering at first.
    pub fn of(databases: &Databases) -> Availability {
        Availability::new(databases.shards.iter().map(|shard| shard.name.clone()))
    }

    fn new(names: impl IntoIterator<Item = String>) -> Availability {
        let shard = |name: String| Shard {
            state: Mutex::new(State {
                outage: Outage::new(format!("shard {name}")),
                next: None,
                trying: false,
            }),
            name,
        };
        Availability(names.into_iter().map(shard).collect())
    }

    /// Does `work` on the shard of this index within `limit_ms`, unless the shard is away. `what` names the work in an
    /// error.
    ///
    /// # Errors
    /// Where the shard is away, or the work fails or takes too long; with the shard's name.
    pub async fn on_shard<T>(
        &self,
        shard: usize,
        limit_ms: u64,
        what: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let name = self.0.get(shard).map_or("", |shard| &shard.name);
        let Some(attempt) = self.attempt(shard) else {
            return Err(anyhow!("{name} is away"));
        };
        match within(limit_ms, what, work).await {
            Ok(done) => {
                attempt.answered();
                Ok(done)
            }
            Err(error) => {
                attempt.failed(&error);
                Err(error).with_context(|| name.to_owned())
            }
        }
    }

    /// Whether work for this shard may begin: always while it answers, else one attempt after each wait.
    fn attempt(&self, shard: usize) -> Option<Attempt> {
        self.attempt_at(shard, Instant::now())
    }

    fn attempt_at(&self, shard: usize, now: Instant) -> Option<Attempt> {
        let mut state = self.state(shard)?;
        if let Some(next) = state.next {
            if state.trying || now < next {
                return None;
            }
            state.trying = true;
        }
        let probe = state.trying;
        drop(state);
        Some(Attempt {
            shards: self.clone(),
            shard,
            probe,
        })
    }

    /// Whether work on this shard would be refused.
    pub fn is_away(&self, shard: usize) -> bool {
        self.state(shard).is_some_and(|state| {
            let due = state.next.is_none_or(|next| Instant::now() >= next);
            state.trying || !due
        })
    }

    fn state(&self, shard: usize) -> Option<std::sync::MutexGuard<'_, State>> {
        let state = &self.0.get(shard)?.state;
        Some(state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Work for one shard. Dropped without an outcome, it changes nothing.
#[derive(Debug)]
struct Attempt {
    shards: Availability,
    shard: usize,
    probe: bool,
}

impl Attempt {
    /// Notes that the shard has answered.
    fn answered(self) {
        if let Some(mut state) = self.shards.state(self.shard) {
            state.next = None;
            state.outage.over();
        }
    }

    /// Notes that the shard is away.
    fn failed(self, error: &anyhow::Error) {
        let Some(mut state) = self.shards.state(self.shard) else {
            return;
        };
        // Of attempts that were in flight together, one counts.
        if state.next.is_none() || self.probe {
            let wait = state.outage.failed(error);
            state.next = Some(Instant::now() + wait);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.probe
            && let Some(mut state) = self.shards.state(self.shard)
        {
            state.trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;
    use std::time::Duration;

    #[test]
    fn a_shard_that_is_away_is_tried_by_one_at_a_time() {
        let shards = Availability::new(["a".to_owned(), "b".to_owned()]);
        let together = [shards.attempt(0).unwrap(), shards.attempt(0).unwrap()];
        for attempt in together {
            attempt.failed(&anyhow!("refused"));
        }
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        assert!(
            shards
                .attempt_at(0, began - Duration::from_millis(50))
                .is_none()
        );
        assert!(shards.attempt(1).is_some() && !shards.is_away(1));

        let probe = shards.attempt_at(0, after(100)).unwrap();
        assert!(shards.attempt_at(0, after(100)).is_none() && shards.is_away(0));
        drop(probe);
        let probe = shards.attempt_at(0, after(100)).unwrap();
        probe.failed(&anyhow!("refused"));
        assert!(shards.attempt_at(0, after(150)).is_none(), "waits double");
        shards.attempt_at(0, after(10_000)).unwrap().answered();
        assert!(!shards.is_away(0));
        assert!(shards.attempt(0).is_some() && shards.attempt(0).is_some());
    }
}
