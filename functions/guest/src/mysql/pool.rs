//! The pool of an instance's connections: which may be taken, which must not be used again, and when those are dropped.
//! Generic over the connection.
//!
//! Spin closes a connection under a lock that opens hold and statements wait for: one dropped meanwhile hangs the whole
//! instance for good. So none is dropped while anything is in flight.

use super::lease::Mode;

/// Per address, in any state. The sixteen requests that Spin runs in an instance at a time need at most two each: one
/// of either mode.
pub const CONNECTIONS_MAX: usize = 32;

/// What a caller who needs a connection gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<C> {
    /// An idle one and its mode: the other mode only where no more may be opened.
    Idle(C, Mode),
    /// A manual one with a transaction that was not ended.
    LeftOpen(C),
    /// None is idle; the caller may open one, which is counted already.
    Room,
    /// None is idle, and no more may be opened.
    Full,
}

/// The connections to one address.
#[derive(Debug)]
struct Kept<C> {
    address: String,
    /// All that are open or being opened: idle, in use, left open and set aside.
    count: usize,
    automatic: Vec<C>,
    manual: Vec<C>,
    left_open: Vec<C>,
    set_aside: Vec<C>,
}

/// Of all addresses.
#[derive(Debug)]
pub struct Pool<C> {
    addresses: Vec<Kept<C>>,
    /// Opens and statements of all addresses.
    in_flight: usize,
}

impl<C> Pool<C> {
    pub const fn new() -> Pool<C> {
        Pool {
            addresses: Vec::new(),
            in_flight: 0,
        }
    }

    /// Index of an address, which is added where it is new.
    pub fn place(&mut self, address: &str) -> usize {
        let known = self
            .addresses
            .iter()
            .position(|kept| kept.address == address);
        known.unwrap_or_else(|| {
            self.addresses.push(Kept {
                address: address.to_owned(),
                count: 0,
                automatic: Vec::new(),
                manual: Vec::new(),
                left_open: Vec::new(),
                set_aside: Vec::new(),
            });
            self.addresses.len() - 1
        })
    }

    /// Takes a connection, if possible of this mode.
    pub fn take(&mut self, place: usize, mode: Mode) -> Found<C> {
        let kept = &mut self.addresses[place];
        if mode == Mode::Manual
            && let Some(connection) = kept.left_open.pop()
        {
            return Found::LeftOpen(connection);
        }
        let other = match mode {
            Mode::Automatic => Mode::Manual,
            Mode::Manual => Mode::Automatic,
        };
        if let Some(connection) = kept.idle(mode).pop() {
            return Found::Idle(connection, mode);
        }
        if kept.count < CONNECTIONS_MAX {
            kept.count += 1;
            return Found::Room;
        }
        match kept.idle(other).pop() {
            Some(connection) => Found::Idle(connection, other),
            None => Found::Full,
        }
    }

    /// Discounts a connection that could not be opened.
    pub fn not_opened(&mut self, place: usize) {
        self.addresses[place].count -= 1;
    }

    /// Takes back one that is in no transaction.
    pub fn give_back(&mut self, place: usize, mode: Mode, connection: C) {
        self.addresses[place].idle(mode).push(connection);
    }

    /// Takes back one whose transaction was not ended.
    pub fn leave_open(&mut self, place: usize, connection: C) {
        self.addresses[place].left_open.push(connection);
    }

    /// Takes back one that must not be used again.
    pub fn set_aside(&mut self, place: usize, connection: C) {
        self.addresses[place].set_aside.push(connection);
    }

    /// Sets all idle ones aside: the server went away during a statement, most likely for them too.
    pub fn doubt(&mut self, place: usize) {
        let kept = &mut self.addresses[place];
        kept.set_aside.append(&mut kept.automatic);
        kept.set_aside.append(&mut kept.manual);
        kept.set_aside.append(&mut kept.left_open);
    }

    /// Counts an open or a statement as in flight.
    pub fn starts(&mut self) {
        self.in_flight += 1;
    }

    /// One that was in flight has ended.
    pub fn ends(&mut self) {
        self.in_flight -= 1;
    }

    /// Takes out all that may be dropped now.
    #[must_use]
    pub fn let_go(&mut self) -> Vec<C> {
        let mut gone = Vec::new();
        if self.in_flight == 0 {
            for kept in &mut self.addresses {
                let before = gone.len();
                gone.append(&mut kept.set_aside);
                gone.append(&mut kept.left_open);
                kept.count -= gone.len() - before;
            }
        }
        gone
    }
}

impl<C> Kept<C> {
    fn idle(&mut self, mode: Mode) -> &mut Vec<C> {
        match mode {
            Mode::Automatic => &mut self.automatic,
            Mode::Manual => &mut self.manual,
        }
    }
}

#[cfg(test)]
mod tests;
