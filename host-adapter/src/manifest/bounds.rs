//! What a manifest says about a component to this host alone, in `[component.ID.tool.host-adapter]`. Spin ignores the
//! table `tool`, in which every tool may have one of its own.

use crate::config;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};

/// Bounds on one component's requests; each that is absent is left to the flags.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// Requests that it handles at a time, over all threads; one more waits.
    pub concurrent_requests_max: Option<Concurrent>,
    /// Requests that one of its instances handles before it is dropped.
    pub instance_requests_max: Option<NonZeroUsize>,
    /// Requests that each of its routes takes a second, over all threads; one more is refused.
    pub requests_per_second_max: Option<NonZeroU32>,
    /// When its requests are refused at once, as it fails again and again.
    pub breaker: Option<Breaker>,
}

/// The circuit breaker of one component, for its requests that change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breaker {
    /// How long such a request may take until its answer begins, in ms; a longer one has failed.
    pub timeout_ms: NonZeroU32,
    /// It opens where this part of the requests of the last ten seconds has failed, in percent.
    pub errors_percent: Percent,
    /// With fewer requests it stays closed.
    pub requests_min: NonZeroU32,
    /// How long it stays open; then one request is tried.
    pub open_ms: NonZeroU32,
}

/// A part of a hundred, from 1 to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "i64")]
pub struct Percent(u64);

impl Percent {
    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<i64> for Percent {
    type Error = &'static str;

    fn try_from(number: i64) -> Result<Self, Self::Error> {
        match u64::try_from(number) {
            Ok(percent @ 1..=100) => Ok(Self(percent)),
            _ => Err("expected a number from 1 to 100"),
        }
    }
}

/// A number of requests at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrent {
    /// As many as this.
    Count(NonZeroUsize),
    /// `"cores"`: one for each processor that this process may use.
    Cores,
}

impl Concurrent {
    /// The number on this machine.
    pub fn count(self) -> usize {
        match self {
            Self::Count(count) => count.get(),
            Self::Cores => config::cores(),
        }
    }
}

impl<'de> Deserialize<'de> for Concurrent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

/// Reads a number or a word.
struct Written;

impl Visitor<'_> for Written {
    type Value = Concurrent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of at least 1, or \"cores\"")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Concurrent, E> {
        let count = usize::try_from(number).ok().and_then(NonZeroUsize::new);
        let count = count.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))?;
        Ok(Concurrent::Count(count))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Concurrent, E> {
        match word {
            "cores" => Ok(Concurrent::Cores),
            other => Err(E::invalid_value(Unexpected::Str(other), &self)),
        }
    }
}
