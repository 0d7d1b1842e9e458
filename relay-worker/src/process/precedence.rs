//! Precedence of the batch writer over the outbox: while an intake is behind, the outbox waits, as both need the same
//! databases and processors. Never for long, as an event that is published late moves stock late.

use crate::limits::{OUTBOX_GIVES_WAY_MS_MAX, PRECEDENCE_MS};
use crate::process::shutdown::Shutdown;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Shared by the batch writer and the outbox of every shard.
#[derive(Clone, Debug, Default)]
pub struct Precedence(Arc<Mutex<Option<Instant>>>);

impl Precedence {
    /// Lets the writer go first for a while: its read was full, so more is waiting.
    pub fn take(&self) {
        let until = Instant::now() + Duration::from_millis(PRECEDENCE_MS);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Waits while the writer goes first, at most until `OUTBOX_GIVES_WAY_MS_MAX` after `since`, or until stopping.
    pub async fn give_way(&self, since: Instant, shutdown: &mut Shutdown) {
        let latest = since + Duration::from_millis(OUTBOX_GIVES_WAY_MS_MAX);
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let Some(until) = until
                .map(|until| until.min(latest))
                .filter(|until| *until > now)
            else {
                return;
            };
            if shutdown.pause(until - now).await {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn the_outbox_gives_way_but_not_for_ever() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let (trigger, mut stopping) = crate::process::shutdown::channel();
        let precedence = Precedence::default();
        let now = Instant::now();
        let goes_on = |since, stopping: &mut Shutdown| {
            let waiting = precedence.give_way(since, stopping);
            waiting.now_or_never().is_some()
        };
        assert!(goes_on(now, &mut stopping), "nobody goes first");
        precedence.take();
        assert!(!goes_on(now, &mut stopping));
        let long_ago = now - Duration::from_millis(OUTBOX_GIVES_WAY_MS_MAX);
        assert!(
            goes_on(long_ago, &mut stopping),
            "it has waited long enough"
        );
        trigger.stop();
        assert!(goes_on(now, &mut stopping));
    }
}
