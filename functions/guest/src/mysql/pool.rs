//! What an instance keeps of connections: which may be taken, which nobody may ask again, and when those are let go.
//! What a connection is does not matter here.
//!
//! Spin closes a connection under a lock that each open holds, and each statement waits for: one let go in between
//! stops the whole instance for good. So nothing is let go while anything is in flight.

use super::lease::Mode;

/// Of one address, in whatever state. Sixteen requests, which Spin has in an instance at a time, need two each at most:
/// one of either mode.
pub const CONNECTIONS_MAX: usize = 32;

/// What there is for who needs a connection.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<C> {
    /// An idle one, which has the mode it says: of the other only where no more may be opened.
    Idle(C, Mode),
    /// A manual one whose transaction nobody ended.
    LeftOpen(C),
    /// None is idle; one may be opened, and is counted.
    Room,
    Full,
}

/// The connections to one address.
#[derive(Debug)]
struct Kept<C> {
    address: String,
    /// All there are or are being opened: idle, in use, and those below.
    count: usize,
    automatic: Vec<C>,
    manual: Vec<C>,
    left_open: Vec<C>,
    set_aside: Vec<C>,
}

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

    /// The place of an address.
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

    /// What was counted could not be opened.
    pub fn not_opened(&mut self, place: usize) {
        self.addresses[place].count -= 1;
    }

    pub fn give_back(&mut self, place: usize, mode: Mode, connection: C) {
        self.addresses[place].idle(mode).push(connection);
    }

    pub fn leave_open(&mut self, place: usize, connection: C) {
        self.addresses[place].left_open.push(connection);
    }

    /// Nobody may ask it again.
    pub fn set_aside(&mut self, place: usize, connection: C) {
        self.addresses[place].set_aside.push(connection);
    }

    /// The server went away under a statement: what waits here was most likely connected to the same.
    pub fn doubt(&mut self, place: usize) {
        let kept = &mut self.addresses[place];
        kept.set_aside.append(&mut kept.automatic);
        kept.set_aside.append(&mut kept.manual);
        kept.set_aside.append(&mut kept.left_open);
    }

    pub fn starts(&mut self) {
        self.in_flight += 1;
    }

    pub fn ends(&mut self) {
        self.in_flight -= 1;
    }

    /// Everything that may be let go at this moment.
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
mod tests {
    use super::Mode::{Automatic, Manual};
    use super::*;

    #[test]
    fn each_mode_has_its_own() {
        let mut pool = Pool::new();
        let (here, there) = (pool.place("here"), pool.place("there"));
        assert_eq!((pool.place("here"), here == there), (here, false));
        assert_eq!(pool.take(here, Automatic), Found::Room);
        pool.give_back(here, Automatic, 1);
        assert_eq!(pool.take(here, Manual), Found::Room);
        pool.give_back(here, Manual, 2);
        assert_eq!(pool.take(there, Automatic), Found::Room);
        assert_eq!(pool.take(here, Automatic), Found::Idle(1, Automatic));
        assert_eq!(pool.take(here, Manual), Found::Idle(2, Manual));
    }

    #[test]
    fn there_is_a_bound_and_at_it_the_other_mode_helps_out() {
        let mut pool = Pool::new();
        let place = pool.place("here");
        for _ in 0..CONNECTIONS_MAX {
            assert_eq!(pool.take(place, Automatic), Found::Room);
        }
        assert_eq!(pool.take(place, Automatic), Found::Full);
        pool.give_back(place, Manual, 1);
        assert_eq!(pool.take(place, Automatic), Found::Idle(1, Manual));
        assert_eq!(pool.take(place, Manual), Found::Full);
        pool.not_opened(place);
        assert_eq!(pool.take(place, Manual), Found::Room);
    }

    #[test]
    fn what_was_left_open_goes_to_the_next_transaction_or_goes() {
        let mut pool = Pool::new();
        let place = pool.place("here");
        for mode in [Automatic, Manual, Manual] {
            assert_eq!(pool.take(place, mode), Found::Room);
        }
        pool.starts();
        pool.leave_open(place, 1);
        pool.leave_open(place, 2);
        assert!(pool.let_go().is_empty());
        assert_eq!(pool.take(place, Manual), Found::LeftOpen(2));
        pool.ends();
        assert_eq!(pool.let_go(), [1]);
    }

    #[test]
    fn nothing_is_let_go_while_anything_is_in_flight() {
        let mut pool = Pool::new();
        let (here, there) = (pool.place("here"), pool.place("there"));
        for place in [here, there] {
            assert_eq!(pool.take(place, Automatic), Found::Room);
            pool.starts();
        }
        pool.set_aside(here, 1);
        assert!(pool.let_go().is_empty());
        pool.ends();
        assert!(pool.let_go().is_empty(), "the other address counts too");
        pool.ends();
        assert_eq!(pool.let_go(), [1]);
        assert!(pool.let_go().is_empty());
    }

    #[test]
    fn what_is_set_aside_counts_until_it_is_gone() {
        let mut pool = Pool::new();
        let place = pool.place("here");
        for _ in 0..CONNECTIONS_MAX {
            assert_eq!(pool.take(place, Automatic), Found::Room);
        }
        pool.starts();
        pool.give_back(place, Automatic, 1);
        pool.give_back(place, Manual, 2);
        pool.doubt(place);
        assert_eq!(pool.take(place, Automatic), Found::Full);
        pool.ends();
        assert_eq!(pool.let_go(), [1, 2]);
        assert_eq!(pool.take(place, Automatic), Found::Room);
        assert_eq!(pool.take(place, Automatic), Found::Room);
        assert_eq!(pool.take(place, Automatic), Found::Full);
    }
}
