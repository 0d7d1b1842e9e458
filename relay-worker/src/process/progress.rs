//! The progress of each loop of this process: its last successful round, and its present error. Loops report through
//! their `Outage`, so that none is left out; `/health` and `/metrics` show it.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Characters of an error that are shown.
const ERROR_CHARS_MAX: usize = 300;

#[derive(Debug, Default)]
struct State {
    last_progress: Option<Instant>,
    /// Of the loops that report under this name, how many are failing, since when, how often and why.
    failing: usize,
    since: Option<Instant>,
    failures: u64,
    error: String,
}

/// By name. There is one set of loops in a process.
static LOOPS: Mutex<BTreeMap<String, State>> = Mutex::new(BTreeMap::new());

fn loops() -> MutexGuard<'static, BTreeMap<String, State>> {
    LOOPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Registers a loop.
pub fn begins(name: &str) {
    let mut loops = loops();
    if !loops.contains_key(name) {
        loops.insert(name.to_owned(), State::default());
    }
}

/// Notes a successful round: something was done, or there was nothing to do.
pub fn got_on(name: &str) {
    if let Some(state) = loops().get_mut(name) {
        state.last_progress = Some(Instant::now());
    }
}

/// Notes a failed round; `first`: the loop that reports was not failing before.
pub fn failed(name: &str, first: bool, error: &anyhow::Error) {
    let mut loops = loops();
    let state = loops.entry(name.to_owned()).or_default();
    state.failing += usize::from(first);
    state.since.get_or_insert_with(Instant::now);
    state.failures += 1;
    state.error = format!("{error:#}").chars().take(ERROR_CHARS_MAX).collect();
}

/// Notes that a loop that was failing has recovered or ended.
pub fn recovered(name: &str) {
    if let Some(state) = loops().get_mut(name) {
        state.failing = state.failing.saturating_sub(1);
        if state.failing == 0 {
            state.since = None;
            state.failures = 0;
            state.error.clear();
        }
    }
}

#[derive(Debug, Serialize)]
struct Loop<'a> {
    name: &'a str,
    /// Ms since its last successful round; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_progress_ms_ago: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<Failing<'a>>,
}

#[derive(Debug, Serialize)]
struct Failing<'a> {
    for_ms: u128,
    /// In a row.
    failures: u64,
    error: &'a str,
}

#[derive(Debug, Serialize)]
struct Health<'a> {
    /// `ok`, or `degraded` while a loop is failing. The process is alive either way, and waits for servers that are
    /// away.
    status: &'static str,
    loops: Vec<Loop<'a>>,
}

/// The body of `/health`: JSON.
pub fn health() -> String {
    let loops = loops();
    let all = loops.iter().map(|(name, state)| Loop {
        name,
        last_progress_ms_ago: state.last_progress.map(|at| at.elapsed().as_millis()),
        failing: state.since.map(|since| Failing {
            for_ms: since.elapsed().as_millis(),
            failures: state.failures,
            error: &state.error,
        }),
    });
    let all: Vec<Loop<'_>> = all.collect();
    let failing = all.iter().any(|one| one.failing.is_some());
    let health = Health {
        status: if failing { "degraded" } else { "ok" },
        loops: all,
    };
    serde_json::to_string(&health).unwrap_or_default() + "\n"
}

/// The gauges, made anew for each reader.
pub struct Collected {
    age: Desc,
    failing: Desc,
}

const LAST_PROGRESS: (&str, &str) = (
    "relay_loop_last_progress_age_seconds",
    "time since a loop got something done or found nothing to do",
);
const FAILING: (&str, &str) = (
    "relay_loop_failing_seconds",
    "time since a loop began to fail; 0 while it does not",
);

fn described((name, help): (&str, &str)) -> prometheus::Result<Desc> {
    let labels = vec!["loop".to_owned()];
    Desc::new(name.to_owned(), help.to_owned(), labels, HashMap::new())
}

impl Collected {
    /// Knows nothing but the gauges' names.
    ///
    /// # Errors
    /// Where those are not legal.
    pub fn new() -> prometheus::Result<Collected> {
        Ok(Collected {
            age: described(LAST_PROGRESS)?,
            failing: described(FAILING)?,
        })
    }

    fn read() -> prometheus::Result<Vec<MetricFamily>> {
        let gauges = |(name, help): (&str, &str)| GaugeVec::new(Opts::new(name, help), &["loop"]);
        let (age, failing) = (gauges(LAST_PROGRESS)?, gauges(FAILING)?);
        for (name, state) in loops().iter() {
            if let Some(at) = state.last_progress {
                let seconds = at.elapsed().as_secs_f64();
                age.with_label_values(&[name]).set(seconds);
            }
            let seconds = state
                .since
                .map_or(0.0, |since| since.elapsed().as_secs_f64());
            failing.with_label_values(&[name]).set(seconds);
        }
        Ok([age.collect(), failing.collect()].concat())
    }
}

impl Collector for Collected {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.age, &self.failing]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // Names and labels were checked when this was made.
        Collected::read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::outage::Outage;
    use anyhow::anyhow;
    use prometheus::TextEncoder;

    fn shown(name: &str) -> serde_json::Value {
        let health: serde_json::Value = serde_json::from_str(&health()).unwrap();
        let loops = health["loops"].as_array().unwrap().iter();
        loops
            .clone()
            .find(|one| one["name"] == name)
            .unwrap()
            .clone()
    }

    #[test]
    fn a_loop_fails_until_each_of_its_parts_is_over_it() {
        let name = "test of progress";
        let (mut one, mut two) = (Outage::new(name), Outage::new(name));
        one.over();
        assert!(shown(name)["last_progress_ms_ago"].is_number());
        assert!(shown(name)["failing"].is_null());
        one.failed(&anyhow!("no \"route\""));
        one.failed(&anyhow!("no \"route\""));
        two.failed(&anyhow!("no answer"));
        assert_eq!(shown(name)["failing"]["failures"], 3);
        one.over();
        assert_eq!(shown(name)["failing"]["error"], "no answer");
        drop(two);
        assert!(shown(name)["failing"].is_null());
        let families = Collected::new().unwrap().collect();
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        let line = "relay_loop_failing_seconds{loop=\"test of progress\"} 0";
        assert!(text.lines().any(|have| have == line), "{text}");
    }
}
