//! Stopping: one signal, upon which every connection finishes its requests and takes no more.

use tokio::sync::watch;

/// The sending end of the signal; dropping it stops, too.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<bool>);

/// The receiving end of the signal.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

/// A signal that was not given yet.
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
    /// Returns once the signal was given, or its sender is gone.
    pub async fn stopped(&mut self) {
        // An error means that the sender is gone: stop as well.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Returns when the process is asked to end: SIGTERM or SIGINT.
///
/// # Errors
/// Where a signal handler cannot be installed.
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
