//! How a loop reads its source: batch by batch, with retries for as long as reading fails.

use crate::ports::{Incoming, Source};
use crate::process::outage::Outage;
use crate::process::shutdown::Shutdown;
use std::time::Duration;

/// The next batch of up to `max` records, gathered for at most `gather` after the first; `None` when stopping.
pub async fn next<S: Source>(
    source: &mut S,
    (max, gather): (usize, Duration),
    outage: &mut Outage,
    shutdown: &mut Shutdown,
) -> Option<Vec<Incoming>> {
    loop {
        let read = tokio::select! {
            () = shutdown.wait() => return None,
            read = source.next(max, gather) => read,
        };
        match read {
            Ok(batch) => {
                outage.over();
                return Some(batch);
            }
            Err(error) => {
                let pause = outage.failed(&error);
                shutdown.pause(pause).await;
            }
        }
    }
}

/// Acknowledges a batch that took effect. Where that fails, the batch is read again, which is harmless.
pub async fn acknowledge<S: Source>(source: &mut S, batch: &[Incoming], outage: &Outage) {
    if let Err(error) = source.acknowledge(batch).await {
        tracing::info!(
            loop_name = outage.name(),
            "a batch will be read again: {error:#}"
        );
    }
}
