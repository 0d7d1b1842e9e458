//! Calls counted by how they ended, over a time. Times are given, in ms.

/// A moment, in ms since some beginning.
pub type Ms = u64;

/// Parts of a rolling window.
const PARTS: usize = 10;

/// Over which calls a breaker counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// An interval that begins with a failure, where none is running. Successes outside of one need no time.
    Interval,
    /// The last so many ms, in tenths.
    Rolling,
}

/// Calls that ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// All.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Failures since the last success.
    pub consecutive: u64,
}

/// The counts.
#[derive(Debug)]
pub enum Tally {
    /// See [`Counting::Interval`].
    Interval {
        /// How long it lasts.
        interval_ms: Ms,
        /// When it began; `None` before the first failure.
        began: Option<Ms>,
        /// Calls since then.
        ended: Ended,
    },
    /// See [`Counting::Rolling`].
    Rolling {
        /// How long a part lasts.
        part_ms: Ms,
        /// The parts, each at its number modulo their count.
        parts: Box<[Part; PARTS]>,
        /// Failures since the last success.
        consecutive: u64,
    },
}

/// A part of a rolling window.
#[derive(Debug, Clone, Copy, Default)]
pub struct Part {
    number: u64,
    requests: u64,
    failures: u64,
}

impl Tally {
    /// Nothing has ended yet.
    pub fn new(counting: Counting, interval_ms: Ms) -> Self {
        match counting {
            Counting::Interval => Self::Interval {
                interval_ms,
                began: None,
                ended: Ended::default(),
            },
            Counting::Rolling => Self::Rolling {
                part_ms: (interval_ms / PARTS as Ms).max(1),
                parts: Box::default(),
                consecutive: 0,
            },
        }
    }

    /// Forgets all calls.
    pub fn clear(&mut self) {
        match self {
            Self::Interval { began, ended, .. } => (*began, *ended) = (None, Ended::default()),
            Self::Rolling {
                parts, consecutive, ..
            } => (**parts, *consecutive) = ([Part::default(); PARTS], 0),
        }
    }

    /// So many calls succeeded; of an interval, since the last failure.
    pub fn succeeded(&mut self, count: u64, now: Ms) {
        if count == 0 {
            return;
        }
        match self {
            Self::Interval {
                interval_ms,
                began,
                ended,
            } => {
                // Outside of an interval nothing is counted, so that nobody has to know when they ended.
                if is_running(*began, *interval_ms, now) {
                    ended.requests += count;
                    ended.consecutive = 0;
                }
            }
            Self::Rolling {
                part_ms,
                parts,
                consecutive,
            } => {
                part(parts, now / *part_ms).requests += count;
                *consecutive = 0;
            }
        }
    }

    /// A call failed. All calls that count, this one included.
    pub fn failed(&mut self, now: Ms) -> Ended {
        match self {
            Self::Interval {
                interval_ms,
                began,
                ended,
            } => {
                if !is_running(*began, *interval_ms, now) {
                    (*began, *ended) = (Some(now), Ended::default());
                }
                ended.requests += 1;
                ended.failures += 1;
                ended.consecutive += 1;
                *ended
            }
            Self::Rolling {
                part_ms,
                parts,
                consecutive,
            } => {
                let number = now / *part_ms;
                let last = part(parts, number);
                last.requests += 1;
                last.failures += 1;
                *consecutive += 1;
                sum(parts, number, *consecutive)
            }
        }
    }
}

/// Whether the interval is still running. A clock that went back ends it.
fn is_running(began: Option<Ms>, interval_ms: Ms, now: Ms) -> bool {
    began.is_some_and(|began| (began..began.saturating_add(interval_ms)).contains(&now))
}

/// The part with this number, emptied where its place is still that of another.
fn part(parts: &mut [Part; PARTS], number: u64) -> &mut Part {
    let part = &mut parts[number as usize % PARTS];
    if part.number != number {
        *part = Part {
            number,
            ..Part::default()
        };
    }
    part
}

/// The parts of the window that ends with this number. Those of a clock that went back are not among them.
fn sum(parts: &[Part; PARTS], number: u64, consecutive: u64) -> Ended {
    let first = number.saturating_sub(PARTS as u64 - 1);
    let current = parts
        .iter()
        .filter(|part| (first..=number).contains(&part.number));
    let none = Ended {
        consecutive,
        ..Ended::default()
    };
    current.fold(none, |sum, part| Ended {
        requests: sum.requests + part.requests,
        failures: sum.failures + part.failures,
        ..sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(requests: u64, failures: u64, consecutive: u64) -> Ended {
        Ended {
            requests,
            failures,
            consecutive,
        }
    }

    #[test]
    fn an_interval_begins_with_a_failure() {
        let mut tally = Tally::new(Counting::Interval, 10_000);
        tally.succeeded(1_000, 5);
        assert_eq!(tally.failed(7), ended(1, 1, 1));
        tally.succeeded(3, 10_006);
        assert_eq!(tally.failed(10_006), ended(5, 2, 1));
        assert_eq!(tally.failed(10_006), ended(6, 3, 2));
        tally.succeeded(3, 10_007);
        assert_eq!(tally.failed(10_007), ended(1, 1, 1), "10 s are over");
        assert_eq!(tally.failed(10_008), ended(2, 2, 2));
        assert_eq!(tally.failed(3), ended(1, 1, 1), "the clock went back");
        assert_eq!(tally.failed(u64::MAX), ended(1, 1, 1));
        tally.clear();
        assert_eq!(tally.failed(u64::MAX), ended(1, 1, 1));
    }

    #[test]
    fn a_window_rolls_by_tenths() {
        let mut tally = Tally::new(Counting::Rolling, 10_000);
        tally.succeeded(7, 0);
        tally.succeeded(2, 999);
        assert_eq!(tally.failed(9_999), ended(10, 1, 1));
        assert_eq!(
            tally.failed(10_000),
            ended(2, 2, 2),
            "the first second is over"
        );
        tally.succeeded(1, 10_500);
        assert_eq!(tally.failed(18_999), ended(4, 3, 1));
        assert_eq!(tally.failed(19_000), ended(4, 3, 2), "so is the tenth");
        assert_eq!(
            tally.failed(4_000),
            ended(1, 1, 3),
            "those of the future are not counted"
        );
        assert_eq!(tally.failed(1_000_000), ended(1, 1, 4));
        tally.succeeded(0, 1_000_000);
        assert_eq!(
            tally.failed(1_000_000),
            ended(2, 2, 5),
            "nothing interrupts nothing"
        );
        tally.clear();
        assert_eq!(tally.failed(1_000_000), ended(1, 1, 1));
    }
}
