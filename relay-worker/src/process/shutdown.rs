//! Stopping: every loop asks between two rounds, none is cut in the middle of one.

use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Handed to every loop.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// Kept by the one who stops the loops; dropping it stops them too.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    pub fn requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    pub async fn wait(&mut self) {
        // An error is a dropped trigger: stop as well.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Waits for `pause`, or until stopping. True when stopping.
    pub async fn pause(&mut self, pause: Duration) -> bool {
        tokio::select! {
            () = self.wait() => true,
            () = tokio::time::sleep(pause) => false,
        }
    }
}

/// Resolves at SIGTERM or SIGINT.
///
/// # Errors
/// When the handlers cannot be installed.
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
