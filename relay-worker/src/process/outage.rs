//! A loop's outages: exponential backoff, and one log line when an outage starts and one when it ends, instead of a
//! flood. Also reports the loop's progress.

use crate::limits::{OUTAGE_WAIT_MS_MAX, OUTAGE_WAIT_MS_MIN};
use crate::process::progress;
use crate::process::shutdown::Shutdown;
use std::future::Future;
use std::time::{Duration, Instant};

/// The state of one loop: whether its rounds fail, and since when.
#[derive(Debug)]
pub struct Outage {
    what: String,
    failures: u32,
    since: Option<Instant>,
}

/// The wait in ms after failure number `failures` (1-based) in a row.
pub fn wait_ms(failures: u32) -> u64 {
    OUTAGE_WAIT_MS_MIN
        .saturating_mul(1 << failures.saturating_sub(1).min(16))
        .min(OUTAGE_WAIT_MS_MAX)
}

impl Outage {
    /// Of the loop `what`, which is in `/health` and `/metrics` from here on.
    pub fn new(what: impl Into<String>) -> Outage {
        let what = what.into();
        progress::begins(&what);
        Outage {
            what,
            failures: 0,
            since: None,
        }
    }

    /// Of a supervisor of the loop `what`, in `/health` and `/metrics` only once it has failed.
    pub fn of_watcher(what: &str) -> Outage {
        Outage {
            what: what.to_owned(),
            failures: 0,
            since: None,
        }
    }

    /// The loop's name.
    pub fn name(&self) -> &str {
        &self.what
    }

    /// Notes a failed round; gives how long to wait before the next.
    pub fn failed(&mut self, error: &anyhow::Error) -> Duration {
        self.failures = self.failures.saturating_add(1);
        progress::failed(&self.what, self.since.is_none(), error);
        if self.since.is_none() {
            self.since = Some(Instant::now());
            tracing::error!(loop_name = %self.what, "failed, will be tried again: {error:#}");
        } else {
            tracing::debug!(loop_name = %self.what, failures = self.failures, "still failing: {error:#}");
        }
        Duration::from_millis(wait_ms(self.failures))
    }

    /// Notes a round that succeeded.
    pub fn over(&mut self) {
        if let Some(since) = self.since.take() {
            let duration_ms = since.elapsed().as_millis() as u64;
            tracing::info!(loop_name = %self.what, duration_ms, failures = self.failures, "works again");
            progress::recovered(&self.what);
        }
        progress::got_on(&self.what);
        self.failures = 0;
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        if self.since.is_some() {
            progress::recovered(&self.what);
        }
    }
}

/// Repeats `round` until it succeeds, with backoff; `None` when stopping.
pub async fn persist<T, F, R>(
    outage: &mut Outage,
    shutdown: &mut Shutdown,
    mut round: F,
) -> Option<T>
where
    F: FnMut() -> R,
    R: Future<Output = anyhow::Result<T>>,
{
    loop {
        match round().await {
            Ok(value) => {
                outage.over();
                return Some(value);
            }
            Err(error) => {
                let pause = outage.failed(&error);
                if shutdown.pause(pause).await {
                    return None;
                }
            }
        }
    }
}

/// Runs `round` with a deadline; `what` names it in the error.
///
/// # Errors
/// That of `round`, or that it took too long.
pub async fn within<T>(
    limit_ms: u64,
    what: &str,
    round: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    match tokio::time::timeout(Duration::from_millis(limit_ms), round).await {
        Ok(outcome) => outcome,
        Err(_) => Err(anyhow::anyhow!("{what}: no answer within {limit_ms} ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let waits: Vec<u64> = (1..=7).map(wait_ms).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_000, 3_000]);
        assert_eq!(wait_ms(u32::MAX), 3_000);
    }
}
