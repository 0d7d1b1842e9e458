//! Stopping: one signal tells every connection to finish what it has and take no more.

use tokio::sync::watch;

/// Gives the signal.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

/// Receives it.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

/// A signal not yet given.
pub fn signal() -> (Stopper, Stopping) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stopping(receiver))
}

impl Stopper {
    /// Gives the signal; a second time changes nothing.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stopping {
    /// Returns once the signal was given, or can no longer be.
    pub async fn stopped(&mut self) {
        // An error means that the giver is gone, and the process with it.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Returns when the process is asked to end: SIGTERM or SIGINT.
pub async fn asked() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
