//! Which thread serves a connection: the one that has the fewest. The kernel spreads by a hash of the client's port,
//! which often leaves one thread with twice the connections of another, and a thread serves only its own.

use super::Place;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Connections queued for one thread. A thread that is further behind gets no more.
const PASSED_MAX: usize = 256;

/// A connection accepted by one thread for another.
pub struct Passed {
    /// Not registered with any runtime.
    pub stream: TcpStream,
    /// The client's address.
    pub address: SocketAddr,
    /// Its place among all connections.
    pub place: Place,
    /// Its place on the thread.
    pub seat: Seat,
}

/// How many connections each thread has, and its inbox.
pub struct Spread(Vec<Thread>);

struct Thread {
    connections: AtomicUsize,
    inbox: mpsc::Sender<Passed>,
}

/// A connection's place on a thread, given back when dropped.
pub struct Seat {
    spread: Arc<Spread>,
    thread: usize,
}

/// The counts of `threads` threads, and the inbox of each.
pub fn spread(threads: usize) -> (Arc<Spread>, Vec<mpsc::Receiver<Passed>>) {
    let (threads, inboxes) = (0..threads)
        .map(|_| {
            let (inbox, passed) = mpsc::channel(PASSED_MAX);
            let connections = AtomicUsize::new(0);
            (Thread { connections, inbox }, passed)
        })
        .unzip();
    (Arc::new(Spread(threads)), inboxes)
}

impl Spread {
    /// A seat on the thread with the fewest connections; on `own` where none has fewer.
    pub fn seat(self: &Arc<Self>, own: usize) -> Seat {
        let count = |thread: &usize| self.0[*thread].connections.load(Ordering::Relaxed);
        let fewest = (0..self.0.len()).min_by_key(|thread| (count(thread), *thread != own));
        self.on(fewest.unwrap_or(own))
    }

    fn on(self: &Arc<Self>, thread: usize) -> Seat {
        self.0[thread].connections.fetch_add(1, Ordering::Relaxed);
        Seat {
            spread: self.clone(),
            thread,
        }
    }
}

impl Seat {
    /// Whether it is on thread `own`.
    pub fn is_on(&self, own: usize) -> bool {
        self.thread == own
    }

    /// A seat for the same connection on thread `own`.
    pub fn stay(self, own: usize) -> Seat {
        self.spread.on(own)
    }
}

impl Passed {
    /// Hands it to the thread its seat is on.
    ///
    /// # Errors
    /// Itself, where that thread's inbox is full or closed.
    pub fn pass(self) -> Result<(), Self> {
        let inbox = self.seat.spread.0[self.seat.thread].inbox.clone();
        inbox
            .try_send(self)
            .map_err(mpsc::error::TrySendError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.spread.0[self.thread]
            .connections
            .fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_with_the_fewest_is_next() {
        let (spread, _inboxes) = spread(3);
        let first = spread.seat(1);
        assert!(
            first.is_on(1),
            "all are even: it stays where it was accepted"
        );
        let second = spread.seat(1);
        assert!(second.is_on(0));
        let third = spread.seat(1);
        assert!(third.is_on(2));
        drop(second);
        assert!(spread.seat(1).is_on(0));
        let moved = third.stay(1);
        assert!(moved.is_on(1));
        assert!(spread.seat(2).is_on(2), "its first seat is free again");
    }
}
