//! Supervises a loop: one that panics is logged, counted and restarted, without an effect on others.

use crate::process::metrics::Metrics;
use crate::process::outage::Outage;
use crate::process::shutdown::Shutdown;
use anyhow::anyhow;
use std::future::Future;
use std::sync::Arc;

/// Runs the loop that `make` makes until it returns, which it does when stopping. Where making fails or the loop
/// panics, tries again with backoff.
pub async fn supervise<F>(
    name: &'static str,
    metrics: Arc<Metrics>,
    mut shutdown: Shutdown,
    make: impl Fn() -> anyhow::Result<F>,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut outage = Outage::of_watcher(name);
    loop {
        let ended = match make() {
            Ok(work) => tokio::spawn(work).await.map_err(|end| {
                metrics.loops_restarted.add(1);
                anyhow!("ended: {end}")
            }),
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => return,
            Err(error) => {
                let pause = outage.failed(&error);
                if shutdown.pause(pause).await {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::shutdown;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn a_panic_is_followed_by_a_new_start() {
        let starts = AtomicU32::new(0);
        let metrics = Arc::new(Metrics::new(1).unwrap());
        let (_trigger, stop) = shutdown::channel();
        supervise("test", metrics.clone(), stop, || {
            let start = starts.fetch_add(1, Ordering::Relaxed);
            Ok(async move { assert!(start > 0, "the first start fails") })
        })
        .await;
        assert_eq!(starts.load(Ordering::Relaxed), 2);
        assert_eq!(metrics.loops_restarted.get(), 1);
    }
}
