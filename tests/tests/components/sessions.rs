//! The mock MySQL's view of its sessions: which are in use, and which must not be used again. As with Spin, a
//! connection that is dropped while another one is being opened or used would never be closed, and its instance would
//! hang.

use crate::script::{Answer, Script, is_like};
use std::collections::BTreeMap;

/// With overlapping calls: how often a call yields to the host before it is answered, in turn.
const TURNS: [u32; 5] = [3, 1, 4, 2, 5];

#[derive(Debug, Default)]
pub struct Sessions {
    opened: u32,
    /// Opens and statements that are not answered yet.
    in_flight: usize,
    asked: BTreeMap<u32, State>,
    holds: Vec<Hold>,
    overlapping: bool,
    turn: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    Busy,
    /// Its connection broke, or a statement was cancelled: its state is unknown.
    Spoilt,
    Closed,
}

/// A call that is answered only after other calls were made.
#[derive(Debug)]
struct Hold {
    what: String,
    until: String,
    count: usize,
}

/// One call in flight; dropped without an answer, it was cancelled.
pub struct Flight {
    script: Script,
    session: Option<u32>,
}

impl Script {
    /// Every MySQL call takes a while, so that calls of several requests overlap.
    pub fn overlapping(self) -> Script {
        self.sessions(|sessions| sessions.overlapping = true);
        self
    }

    /// The next call like `what` is answered once there have been `count` calls like `until`.
    pub fn hold(self, what: &str, until: &str, count: usize) -> Script {
        self.sessions(|sessions| {
            sessions.holds.push(Hold {
                what: what.to_owned(),
                until: until.to_owned(),
                count,
            });
        });
        self
    }

    /// Registers a new session and returns its number.
    pub(crate) fn opened(&self) -> u32 {
        self.sessions(|sessions| {
            sessions.opened += 1;
            sessions.asked.insert(sessions.opened, State::Free);
            sessions.opened
        })
    }

    /// Registers a call: an open, or a statement of a session.
    pub(crate) fn flight(&self, session: Option<u32>) -> Flight {
        let before = self.sessions(|sessions| {
            sessions.in_flight += 1;
            let state = session.and_then(|session| sessions.asked.get_mut(&session));
            state.map_or(State::Free, |state| std::mem::replace(state, State::Busy))
        });
        if before != State::Free {
            self.wrong(format!("session {session:?} was asked while {before:?}"));
        }
        Flight {
            script: self.clone(),
            session,
        }
    }

    /// Registers that a connection was dropped.
    pub(crate) fn closed(&self, session: u32) {
        let in_flight = self.sessions(|sessions| {
            sessions.asked.insert(session, State::Closed);
            sessions.in_flight
        });
        if in_flight > 0 {
            self.wrong(format!(
                "session {session} was let go while {in_flight} calls were in flight"
            ));
        }
    }

    pub fn sessions_open(&self) -> usize {
        self.sessions(|sessions| {
            let open = sessions.asked.values();
            open.filter(|state| **state != State::Closed).count()
        })
    }
}

impl Flight {
    /// Waits for the calls that this one is held for.
    pub async fn held(&self, what: &str) {
        let hold = self.script.sessions(|sessions| {
            let at = sessions
                .holds
                .iter()
                .position(|hold| is_like(what, &hold.what));
            at.map(|at| sessions.holds.remove(at))
        });
        if let Some(hold) = hold {
            self.script.called(&hold.until, hold.count).await;
        }
        let turns = self.script.sessions(|sessions| {
            sessions.turn += 1;
            let turns = TURNS[sessions.turn % TURNS.len()];
            if sessions.overlapping { turns } else { 0 }
        });
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    pub fn answered(mut self, answer: &Answer) {
        let lost = match answer {
            Answer::ConnectionFailed(_) => true,
            Answer::QueryFailed(_) => !answer.names_an_error(),
            _ => false,
        };
        let state = if lost { State::Spoilt } else { State::Free };
        self.end(state);
    }

    fn end(&mut self, state: State) {
        let session = self.session.take();
        self.script.sessions(|sessions| {
            let asked = session.and_then(|session| sessions.asked.get_mut(&session));
            if let Some(asked) = asked.filter(|asked| **asked == State::Busy) {
                *asked = state;
            }
        });
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.end(State::Spoilt);
        self.script.sessions(|sessions| sessions.in_flight -= 1);
    }
}
