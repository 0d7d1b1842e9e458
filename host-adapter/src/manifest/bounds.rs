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
