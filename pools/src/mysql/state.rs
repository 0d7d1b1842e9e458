//! The state of a connection between two statements.

use super::known::Known;
use super::lease::Lease;
use super::statement::Mode;

/// The state of one connection.
#[derive(Debug)]
pub struct State {
    /// Its session, while it must keep this one.
    pub lease: Option<Lease>,
    /// Whether its statements are transactions of their own.
    pub mode: Mode,
    /// A session was lost while in use.
    pub lost: bool,
    /// The numbers that the last statement left.
    pub known: Known,
}

impl Default for State {
    fn default() -> Self {
        Self {
            lease: None,
            mode: Mode::Automatic,
            lost: false,
            known: Known::default(),
        }
    }
}

impl State {
    /// Gives the session back where it holds no state of this connection, or is unusable.
    pub fn settle(&mut self) {
        let Some(lease) = &self.lease else {
            return;
        };
        if !lease.is_usable() {
            self.lost = true;
            self.lease = None;
        } else if lease.is_free(self.mode) {
            self.lease = None;
        }
    }
}
