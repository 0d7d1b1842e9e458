//! Circuit breakers: where a backend fails again and again, calls are refused at once, until it answers.
//! docs/decisions/0028.
//!
//! Calls to a backend that answers take no lock and read no clock: one load before, one addition after.

mod machine;
mod tally;

use crate::by_address::ByAddress;
use crate::config;
use crate::metrics::{BreakerMetrics, Metrics};
use machine::{Admission, Machine};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::time::sleep;

pub use machine::{Period, Rules, State};
pub use tally::Counting;

/// The breakers of a process, by the names of their backends.
#[derive(Debug)]
pub struct Breakers {
    rules: Rules,
    by_name: ByAddress<Arc<Breaker>>,
}

impl Breakers {
    /// None yet; all will have these rules.
    pub fn new(config: &config::CircuitBreaker) -> Arc<Self> {
        Arc::new(Self {
            rules: config.into(),
            by_name: ByAddress::default(),
        })
    }

    /// The breaker of the backend of this name, which must hold no secret.
    pub fn get(&self, name: &str, metrics: &Metrics) -> Arc<Breaker> {
        let make = |_| {
            let made = Breaker::new(name.to_owned(), self.rules, metrics.breaker(name));
            Ok::<_, std::convert::Infallible>(Arc::new(made))
        };
        match self.by_name.get_or_make(name, make) {
            Ok(breaker) => breaker,
            Err(never) => match never {},
        }
    }
}

impl From<&config::CircuitBreaker> for Rules {
    fn from(config: &config::CircuitBreaker) -> Self {
        Self {
            counting: Counting::Interval,
            interval_ms: config.interval_ms,
            requests_min: config.requests_min,
            errors_percent: config.errors_percent,
            consecutive_errors_max: config.consecutive_errors_max,
            open_ms: config.open_ms,
            half_open_requests_max: config.half_open_requests_max,
            probe_ms: config.probe_ms,
        }
    }
}

/// The breaker is open, or has as many calls on trial as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct Refused;

/// One breaker, shared by all threads.
#[derive(Debug)]
pub struct Breaker {
    name: String,
    counting: Counting,
    began: Instant,
    /// The machine's period, for those that need no more.
    period: AtomicU64,
    /// Calls that have succeeded since the machine was told.
    succeeded: AtomicU64,
    machine: Mutex<Machine>,
    metrics: BreakerMetrics,
}

/// A call that was admitted.
#[derive(Debug)]
pub struct Pass {
    period: Period,
    trial: Option<Trial>,
}

/// The place of a call among those that are tried, free again when dropped.
#[derive(Debug)]
struct Trial(Option<Arc<Breaker>>, Period);

/// The breaker has opened: its backend is to be watched.
#[derive(Debug)]
#[must_use]
pub struct Opened {
    period: Period,
    every: Duration,
}

impl Pass {
    /// How many times the breaker had opened: what was connected before another time may be dead.
    pub fn outages(&self) -> u64 {
        self.period.outages()
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        if let Some(breaker) = &self.0 {
            breaker.with(|machine, _| machine.left(self.1));
        }
    }
}

impl Breaker {
    /// A closed one.
    pub fn new(name: String, rules: Rules, metrics: BreakerMetrics) -> Self {
        let machine = Machine::new(rules);
        metrics.state.set(State::Closed as i64);
        Self {
            name,
            counting: rules.counting,
            began: Instant::now(),
            period: AtomicU64::new(machine.period().number()),
            succeeded: AtomicU64::new(0),
            machine: Mutex::new(machine),
            metrics,
        }
    }

    /// Checks whether a call would be refused now, for one that must wait before it can be made.
    ///
    /// # Errors
    /// [`Refused`], which is counted.
    pub fn check(&self) -> Result<(), Refused> {
        if self.present().is_closed() {
            return Ok(());
        }
        match self.with(Machine::refuses) {
            false => Ok(()),
            true => Err(self.refused()),
        }
    }

    /// Admits a call.
    ///
    /// # Errors
    /// [`Refused`], which is counted.
    pub fn admit(self: &Arc<Self>) -> Result<Pass, Refused> {
        let period = self.present();
        if period.is_closed() {
            return Ok(Pass {
                period,
                trial: None,
            });
        }
        match self.with(Machine::admit) {
            Admission::Made(period) => Ok(Pass {
                period,
                trial: None,
            }),
            Admission::Tried(period) => Ok(Pass {
                period,
                trial: Some(Trial(Some(self.clone()), period)),
            }),
            Admission::Refused => Err(self.refused()),
        }
    }

    /// The call, or another with the same pass, has succeeded.
    pub fn succeeded(&self, pass: &mut Pass) {
        if let Some(mut trial) = pass.trial.take() {
            trial.0 = None;
            self.with(|machine, now| machine.tried(trial.1, now));
        } else if pass.period == self.present() {
            match self.counting {
                Counting::Interval => _ = self.succeeded.fetch_add(1, Ordering::Relaxed),
                Counting::Rolling => {
                    self.with(|machine, now| machine.succeeded(pass.period, 1, now));
                }
            }
        }
    }

    /// The call, or another with the same pass, has failed. Says whether the breaker has opened by that.
    pub fn failed(&self, pass: &mut Pass) -> Option<Opened> {
        if let Some(trial) = &mut pass.trial {
            // A breaker that opens has no places.
            trial.0 = None;
        }
        pass.trial = None;
        self.with(|machine, now| {
            let before = machine.period();
            machine.succeeded(before, self.succeeded.swap(0, Ordering::Relaxed), now);
            machine.failed(pass.period, now);
            let after = machine.period();
            (before != after).then(|| Opened {
                period: after,
                every: Duration::from_millis(machine.probe_after_ms()),
            })
        })
    }

    /// Asks the backend again and again, by `ping`, whether it answers, for as long as the breaker stays open. Each
    /// `ping` has a deadline of its own. Ends with the thread's runtime.
    pub fn watch<P, F>(self: Arc<Self>, opened: Opened, ping: P)
    where
        P: Fn() -> F + Send + 'static,
        F: Future<Output = bool> + Send,
    {
        // Outside a runtime the process is ending.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move { self.ask(opened, ping).await });
        }
    }

    async fn ask<P, F>(&self, opened: Opened, ping: P)
    where
        P: Fn() -> F,
        F: Future<Output = bool>,
    {
        loop {
            sleep(opened.every).await;
            if self.present() != opened.period {
                return;
            }
            if ping().await {
                return self.with(|machine, now| machine.answered(opened.period, now));
            }
        }
    }

    fn present(&self) -> Period {
        Period::from_number(self.period.load(Ordering::Acquire))
    }

    fn refused(&self) -> Refused {
        self.metrics.refused.inc();
        Refused
    }

    /// Asks the machine, and tells of a change: under the lock, so that nobody sees changes in another order.
    fn with<T>(&self, ask: impl FnOnce(&mut Machine, tally::Ms) -> T) -> T {
        let mut machine = self.lock();
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let from = machine.state();
        let said = ask(&mut machine, now);
        let to = machine.state();
        if from != to {
            self.period
                .store(machine.period().number(), Ordering::Release);
            self.metrics.state.set(to as i64);
            let (name, from, to) = (&self.name, from.name(), to.name());
            tracing::warn!(name, from, to, "a circuit breaker has changed");
        }
        said
    }

    fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
