//! Waiting with a deadline: the only place that sleeps. The error names what was awaited, and an interrupt (Ctrl-C at
//! the terminal) ends a wait at once.

use anyhow::{Result, anyhow, ensure};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

const STEP_MIN: Duration = Duration::from_millis(2);
const STEP_MAX: Duration = Duration::from_millis(50);

/// The process-wide interrupt flag, for a signal handler to set; from then on the waits of this module fail with
/// "interrupted" instead of running to their deadline.
pub fn interrupted() -> &'static Arc<AtomicBool> {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    FLAG.get_or_init(|| Arc::new(AtomicBool::new(false)))
}

/// Whether an interrupt has been asked for.
pub fn is_interrupted() -> bool {
    interrupted().load(Ordering::Relaxed)
}

/// Waits until `ready` holds.
///
/// # Errors
/// After `within`, naming `what`; at once when interrupted.
pub fn wait_for(within: Duration, what: &str, mut ready: impl FnMut() -> bool) -> Result<()> {
    wait_ok(within, what, || {
        ensure!(ready(), "still waiting");
        Ok(())
    })
}

/// Waits until `attempt` succeeds and returns its result.
///
/// # Errors
/// After `within`, naming `what` and the last failure; at once when interrupted.
pub fn wait_ok<T>(
    within: Duration,
    what: &str,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let mut failure = anyhow!("never tried");
    let value = poll(within, || {
        if is_interrupted() {
            return Some(Err(anyhow!("interrupted while waiting for {what}")));
        }
        attempt().map_err(|error| failure = error).ok().map(Ok)
    });
    value.unwrap_or_else(|| {
        Err(failure.context(format!("{what}: not within {:.1} s", within.as_secs_f32())))
    })
}

/// Calls `step` until it gives something or time is up; ignores interrupts, for work that must be finished even then.
pub(crate) fn poll<T>(within: Duration, mut step: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + within;
    let mut pause = STEP_MIN;
    loop {
        if let Some(value) = step() {
            return Some(value);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::sleep(pause.min(left));
        pause = (pause * 2).min(STEP_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_named_with_the_last_failure() {
        let error = wait_ok(Duration::from_millis(5), "the moon", || -> Result<()> {
            Err(anyhow!("clouds"))
        })
        .unwrap_err();
        assert_eq!(format!("{error:#}"), "the moon: not within 0.0 s: clouds");
    }

    #[test]
    fn what_is_there_needs_no_waiting() {
        wait_for(Duration::ZERO, "now", || true).unwrap();
    }
}
