//! Stopping: every loop checks between two rounds, and none is cancelled within one.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The receiving end, one for every loop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// The sending end; dropping it stops the loops, too.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// Both ends; clone the second for each loop.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Asks all loops to stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Whether the loop is to stop.
    pub fn requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Returns when the loop is to stop.
    pub async fn wait(&mut self) {
        // An error is a dropped trigger: stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Waits for `pause`, or until stopping; true in the second case.
    pub async fn pause(&mut self, pause: Duration) -> bool {
        tokio::select! {
            () = self.wait() => true,
            () = tokio::time::sleep(pause) => false,
        }
    }
}

/// Returns at SIGTERM or SIGINT.
///
/// # Errors
/// Where the signal handlers cannot be installed.
pub async fn signalled() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
