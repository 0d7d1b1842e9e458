//! What happens to the platform when its parts go away: paused, stopped, or killed in the middle of load.
//! Each test has servers of its own, one test at a time.
#![allow(clippy::unwrap_used)] // a failed unwrap in a test is a failed test

mod audit;
mod blocks;
mod clocks;
mod frozen;
mod histories;
mod kill;
mod load;
mod outage;
mod steps;
mod zombie;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Servers are killed here and times are measured: one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much of something: a long campaign says so in a variable.
fn number(variable: &str, usually: usize) -> usize {
    let said = std::env::var(variable).ok();
    said.and_then(|number| number.parse().ok())
        .unwrap_or(usually)
}
