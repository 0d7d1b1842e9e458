//! What happens to the platform when its parts fail: paused, stopped, or killed under load. Each test has its own
//! servers, one test at a time.
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

/// One test at a time: servers are killed and times are measured.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number from an environment variable, which long campaigns set.
fn number(variable: &str, usually: usize) -> usize {
    let said = std::env::var(variable).ok();
    said.and_then(|number| number.parse().ok())
        .unwrap_or(usually)
}
