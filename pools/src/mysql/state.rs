//! What a connection is between two statements.

use super::known::Known;
use super::lease::Lease;
use super::statement::Mode;

/// The state of one connection.
#[derive(Debug)]
pub struct State {
    /// Its session, while it must be this one.
    pub lease: Option<Lease>,
    /// Whether its statements are transactions of their own.
    pub mode: Mode,
    /// A session went away in the middle of something.
    pub lost: bool,
    /// What the last statement left to be asked for.
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
    /// Lets the session go where nothing is left on it that is this connection's.
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
