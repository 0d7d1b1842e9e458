//! Starts loops: each is restarted whenever it panics or cannot be made, until the process stops.

use crate::process::metrics::Metrics;
use crate::process::shutdown::Shutdown;
use crate::process::supervise::supervise;
use std::future::Future;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Starts loops, and waits for their end.
pub(super) struct Starter {
    metrics: Arc<Metrics>,
    stopping: Shutdown,
    loops: JoinSet<()>,
}

impl Starter {
    pub(super) fn new(metrics: Arc<Metrics>, stopping: Shutdown) -> Starter {
        Starter {
            metrics,
            stopping,
            loops: JoinSet::new(),
        }
    }

    /// Starts a supervised loop. `name` is in the log, and once it has failed in `/health` and the metrics.
    pub(super) fn start<F>(
        &mut self,
        name: &'static str,
        make: impl Fn(Shutdown) -> anyhow::Result<F> + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stopping.clone();
        let again = move || make(stop.clone());
        let (metrics, stopping) = (self.metrics.clone(), self.stopping.clone());
        self.loops.spawn(supervise(name, metrics, stopping, again));
    }

    /// Runs work that is not restarted.
    pub(super) fn run(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.loops.spawn(work);
    }

    /// Waits until all have ended.
    pub(super) async fn ended(mut self) {
        while self.loops.join_next().await.is_some() {}
    }
}
