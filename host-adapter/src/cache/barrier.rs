//! When an invalidation is effective everywhere: when its message has come back, so that every host with a lease is
//! known from an earlier beat (a subscription keeps the order of messages), and each of those has acknowledged it, or
//! its lease has ended. Pure: the channel passes in what came and when.

use super::protocol::HostId;
use crate::limits::{CACHE_LEASE, CACHE_PEERS_MAX};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Stands for hosts that are not known; no host has this id.
const STRANGERS: HostId = 0;

/// The invalidations that are not effective everywhere; `T` is who waits for one.
#[derive(Debug)]
pub struct Barrier<T> {
    peers: HashMap<HostId, Peer>,
    /// In the order of their numbers.
    waiting: VecDeque<Waiting<T>>,
    last: u64,
    /// Until then there may be hosts with a lease whose beats came before the subscription.
    strangers: Option<Instant>,
}

/// Another host.
#[derive(Debug, Clone, Copy)]
struct Peer {
    heard: Instant,
    known: u64,
}

#[derive(Debug)]
struct Waiting<T> {
    number: u64,
    /// `None` until the message has come back; then the hosts that must still acknowledge, each until its lease ends.
    missing: Option<Vec<(HostId, Instant)>>,
    sent: T,
}

impl<T> Barrier<T> {
    /// No host is known, nothing waited for.
    pub fn new() -> Self {
        Self {
            peers: HashMap::new(),
            waiting: VecDeque::new(),
            last: 0,
            strangers: None,
        }
    }

    /// Notes that the subscription began.
    pub fn connected(&mut self, now: Instant) {
        self.strangers = Some(now + CACHE_LEASE);
    }

    /// Adds `sent`, which waits for the next message to be effective; gives that message's number.
    pub fn publish(&mut self, sent: T) -> u64 {
        self.last += 1;
        self.waiting.push_back(Waiting {
            number: self.last,
            missing: None,
            sent,
        });
        self.last
    }

    /// Notes another host's beat. False where there are too many hosts to keep track of.
    pub fn beat(&mut self, host: HostId, now: Instant) -> bool {
        if let Some(peer) = self.peers.get_mut(&host) {
            peer.heard = now;
            return true;
        }
        self.peers
            .retain(|_, peer| peer.heard + 2 * CACHE_LEASE > now);
        let fits = self.peers.len() < CACHE_PEERS_MAX;
        if fits {
            self.peers.insert(
                host,
                Peer {
                    heard: now,
                    known: 0,
                },
            );
        }
        fits
    }

    /// Notes that a host has stopped.
    pub fn bye(&mut self, host: HostId) {
        self.peers.remove(&host);
        for waiting in &mut self.waiting {
            if let Some(missing) = &mut waiting.missing {
                missing.retain(|(other, _)| *other != host);
            }
        }
    }

    /// Notes that the message of this number has come back.
    pub fn returned(&mut self, number: u64, now: Instant) {
        let Some(waiting) = self.waiting.iter_mut().find(|one| one.number == number) else {
            return;
        };
        let missing = self.peers.iter().filter_map(|(host, peer)| {
            let over = peer.heard + CACHE_LEASE;
            (peer.known < number && over > now).then_some((*host, over))
        });
        let strangers = self.strangers.filter(|over| *over > now);
        let strangers = strangers.map(|over| (STRANGERS, over));
        waiting.missing = Some(missing.chain(strangers).collect());
    }

    /// Notes that a host has applied everything up to this number.
    pub fn known(&mut self, host: HostId, number: u64) {
        if let Some(peer) = self.peers.get_mut(&host) {
            peer.known = peer.known.max(number);
        }
        for waiting in self.waiting.iter_mut().filter(|one| one.number <= number) {
            if let Some(missing) = &mut waiting.missing {
                missing.retain(|(other, _)| *other != host);
            }
        }
    }

    /// Removes and gives those whose invalidation is effective everywhere.
    pub fn effective(&mut self, now: Instant) -> Vec<T> {
        let done = |one: &Waiting<T>| {
            let missing = one.missing.as_ref();
            missing.is_some_and(|missing| missing.iter().all(|(_, over)| *over <= now))
        };
        let mut sent = Vec::new();
        // A later message is not effective before an earlier one.
        while self.waiting.front().is_some_and(done) {
            sent.extend(self.waiting.pop_front().map(|one| one.sent));
        }
        sent
    }

    /// When the first may become effective at the latest; `None` where its message has not come back, or there is none.
    pub fn due(&self) -> Option<Instant> {
        let first = self.waiting.front()?.missing.as_ref()?;
        first.iter().map(|(_, over)| *over).max()
    }

    /// Notes that the connection is lost, and messages with it. Gives all that still wait.
    pub fn lost(&mut self) -> Vec<T> {
        self.peers.clear();
        self.waiting.drain(..).map(|one| one.sent).collect()
    }
}

#[cfg(test)]
mod tests;
