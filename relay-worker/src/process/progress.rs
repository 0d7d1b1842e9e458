//! The progress of each loop of this process: its last successful round, and its present error. Loops report through
//! their `Outage`, so that none is left out; `/health` and `/metrics` show it.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
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

/// Appends the gauges in Prometheus' text format.
pub fn render(text: &mut String) {
    let loops = loops();
    let mut series = |name: &str, help: &str, value: fn(&State) -> Option<f64>| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (loop_name, state) in loops.iter() {
            if let Some(value) = value(state) {
                let _ = writeln!(text, "{name}{{loop=\"{loop_name}\"}} {value:.3}");
            }
        }
    };
    series(
        "relay_loop_last_progress_age_seconds",
        "time since a loop got something done or found nothing to do",
        |state| Some(state.last_progress?.elapsed().as_secs_f64()),
    );
    series(
        "relay_loop_failing_seconds",
        "time since a loop began to fail; 0 while it does not",
        |state| {
            Some(
                state
                    .since
                    .map_or(0.0, |since| since.elapsed().as_secs_f64()),
            )
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::outage::Outage;
    use anyhow::anyhow;

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
        let mut text = String::new();
        render(&mut text);
        let line = "relay_loop_failing_seconds{loop=\"test of progress\"} 0.000";
        assert!(text.lines().any(|have| have == line), "{text}");
    }
}
