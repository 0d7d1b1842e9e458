//! What a circuit breaker decides. Given all times and outcomes, it has no clock and waits for nothing.

use super::tally::{Counting, Ended, Ms, Tally};

/// When a breaker opens, and how it closes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Over which calls it counts.
    pub counting: Counting,
    /// How long the counted time is.
    pub interval_ms: Ms,
    /// With fewer calls it stays closed.
    pub requests_min: u64,
    /// Of so many calls, this part of a hundred has failed: it opens.
    pub errors_percent: u64,
    /// So many failures in a row: it opens.
    pub consecutive_errors_max: u64,
    /// How long it stays open, unless its backend is found to answer before.
    pub open_ms: Ms,
    /// Calls that are tried before it closes.
    pub half_open_requests_max: u64,
    /// How long after it opened its backend is asked for the first time whether it answers.
    pub probe_ms: Ms,
}

/// The state that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls are made.
    Closed = 0,
    /// A few calls are tried.
    HalfOpen = 1,
    /// Calls are refused.
    Open = 2,
}

impl State {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// The time between two changes of the state, by its number. What ends in another than it began in decides nothing.
///
/// Each time the breaker opens begins a group of three: open, half-open and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period(u64);

impl Period {
    const FIRST: Self = Self(2);

    /// Of this number.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self.0
    }

    /// How many times the breaker had opened.
    pub fn outages(self) -> u64 {
        self.0 / 3
    }

    /// The breaker is closed.
    pub fn is_closed(self) -> bool {
        self.0 % 3 == 2
    }

    fn next(self, state: State) -> Self {
        match state {
            State::Open => Self((self.outages() + 1) * 3),
            State::HalfOpen => Self(self.outages() * 3 + 1),
            State::Closed => Self(self.outages() * 3 + 2),
        }
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It is made.
    Made(Period),
    /// It is made, and one of the few that are tried: its outcome, or that it has none, must be told.
    Tried(Period),
    /// It is not.
    Refused,
}

/// The machine of one breaker.
#[derive(Debug)]
pub struct Machine {
    rules: Rules,
    phase: Phase,
    period: Period,
    tally: Tally,
    /// How many times it opened again without having closed.
    relapses: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Open {
        since: Ms,
    },
    HalfOpen {
        since: Ms,
        /// Calls in flight.
        trying: u64,
        succeeded: u64,
    },
}

impl Machine {
    /// Closed.
    pub fn new(rules: Rules) -> Self {
        Self {
            tally: Tally::new(rules.counting, rules.interval_ms),
            rules,
            phase: Phase::Closed,
            period: Period::FIRST,
            relapses: 0,
        }
    }

    /// Its state.
    pub fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen { .. } => State::HalfOpen,
        }
    }

    /// Its present period.
    pub fn period(&self) -> Period {
        self.period
    }

    /// How long after it opened to ask its backend whether it answers, and how long between two times: the longer, the
    /// more often it opened again after an answer.
    pub fn probe_after_ms(&self) -> Ms {
        let longer = 1_u64.checked_shl(self.relapses).unwrap_or(u64::MAX);
        let after = self.rules.probe_ms.saturating_mul(longer);
        after.min(self.rules.open_ms).max(1)
    }

    /// Whether a call would be refused at this time.
    pub fn refuses(&mut self, now: Ms) -> bool {
        match self.phase_at(now) {
            Phase::Closed => false,
            Phase::Open { .. } => true,
            Phase::HalfOpen {
                trying, succeeded, ..
            } => trying + succeeded >= self.rules.half_open_requests_max,
        }
    }

    /// Admits a call at this time, or refuses it.
    pub fn admit(&mut self, now: Ms) -> Admission {
        if self.refuses(now) {
            return Admission::Refused;
        }
        match &mut self.phase {
            Phase::HalfOpen { trying, .. } => {
                *trying += 1;
                Admission::Tried(self.period)
            }
            Phase::Closed | Phase::Open { .. } => Admission::Made(self.period),
        }
    }

    /// So many calls of this period that were made have succeeded.
    pub fn succeeded(&mut self, period: Period, count: u64, now: Ms) {
        if period == self.period && matches!(self.phase, Phase::Closed) {
            self.tally.succeeded(count, now);
        }
    }

    /// A call of this period that was tried has succeeded. With the last of those that are tried the breaker closes, or
    /// with any once a counted time has passed: where calls are few, the last may be far away.
    pub fn tried(&mut self, period: Period, now: Ms) {
        if period != self.period {
            return;
        }
        let Phase::HalfOpen {
            since,
            trying,
            succeeded,
        } = &mut self.phase
        else {
            return;
        };
        *trying = trying.saturating_sub(1);
        *succeeded += 1;
        let is_last = *succeeded >= self.rules.half_open_requests_max;
        if is_last || waited(since, now) >= self.rules.interval_ms {
            self.relapses = 0;
            self.enter(Phase::Closed);
        }
    }

    /// A call of this period that was tried has no outcome: another is tried in its place.
    pub fn left(&mut self, period: Period) {
        if let Phase::HalfOpen { trying, .. } = &mut self.phase
            && period == self.period
        {
            *trying = trying.saturating_sub(1);
        }
    }

    /// A call of this period has failed.
    pub fn failed(&mut self, period: Period, now: Ms) {
        if period != self.period {
            return;
        }
        match self.phase {
            Phase::Closed => {
                let ended = self.tally.failed(now);
                if self.is_too_much(ended) {
                    self.enter(Phase::Open { since: now });
                }
            }
            Phase::HalfOpen { .. } => {
                self.relapses = self.relapses.saturating_add(1);
                self.enter(Phase::Open { since: now });
            }
            Phase::Open { .. } => {}
        }
    }

    /// The backend has answered a probe of this period.
    pub fn answered(&mut self, period: Period, now: Ms) {
        if period == self.period && matches!(self.phase, Phase::Open { .. }) {
            self.half_open(now);
        }
    }

    fn is_too_much(&self, ended: Ended) -> bool {
        let rules = &self.rules;
        let failures = u128::from(ended.failures) * 100;
        let allowed = u128::from(ended.requests) * u128::from(rules.errors_percent);
        ended.requests >= rules.requests_min
            && (failures >= allowed || ended.consecutive >= rules.consecutive_errors_max)
    }

    /// The phase, half-open where it was open for long enough.
    fn phase_at(&mut self, now: Ms) -> Phase {
        if let Phase::Open { since } = &mut self.phase
            && waited(since, now) >= self.rules.open_ms
        {
            self.half_open(now);
        }
        self.phase
    }

    fn half_open(&mut self, now: Ms) {
        self.enter(Phase::HalfOpen {
            since: now,
            trying: 0,
            succeeded: 0,
        });
    }

    fn enter(&mut self, phase: Phase) {
        self.tally.clear();
        self.phase = phase;
        self.period = self.period.next(self.state());
    }
}

/// How long ago that was. Where the clock went back, the wait begins again, instead of becoming longer by as much.
fn waited(since: &mut Ms, now: Ms) -> Ms {
    *since = (*since).min(now);
    now - *since
}

#[cfg(test)]
mod tests;
