//! When is an invalidation effective everywhere? When its message has come back, every host that could answer from its
//! store has been heard of before (a subscription brings messages in the order Redis had them), and each of those has
//! said that it knows, or its lease has ended. Pure: the channel tells it what came and when.

use super::protocol::HostId;
use crate::limits::{CACHE_LEASE, CACHE_PEERS_MAX};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// No host's id.
const STRANGERS: HostId = 0;

/// What is waited for; `T` is told in the end.
#[derive(Debug)]
pub struct Barrier<T> {
    peers: HashMap<HostId, Peer>,
    /// By number.
    waiting: VecDeque<Waiting<T>>,
    last: u64,
    /// Until then there may be hosts with a lease that were not heard of since the subscription began.
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
    /// Empty until the message has come back: then who must still speak, and when its lease ends at the latest.
    missing: Option<Vec<(HostId, Instant)>>,
    told: T,
}

impl<T> Barrier<T> {
    /// Nobody is known, nothing waited for.
    pub fn new() -> Self {
        Self {
            peers: HashMap::new(),
            waiting: VecDeque::new(),
            last: 0,
            strangers: None,
        }
    }

    /// The subscription began.
    pub fn connected(&mut self, now: Instant) {
        self.strangers = Some(now + CACHE_LEASE);
    }

    /// The number of the next message; `told` waits for it.
    pub fn publish(&mut self, told: T) -> u64 {
        self.last += 1;
        self.waiting.push_back(Waiting {
            number: self.last,
            missing: None,
            told,
        });
        self.last
    }

    /// Another host's beat. False where there are too many to keep count of.
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

    /// A host left.
    pub fn bye(&mut self, host: HostId) {
        self.peers.remove(&host);
        for waiting in &mut self.waiting {
            if let Some(missing) = &mut waiting.missing {
                missing.retain(|(other, _)| *other != host);
            }
        }
    }

    /// The message of this number has come back.
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

    /// A host knows everything up to this number.
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

    /// What is effective everywhere by now.
    pub fn effective(&mut self, now: Instant) -> Vec<T> {
        let done = |one: &Waiting<T>| {
            let missing = one.missing.as_ref();
            missing.is_some_and(|missing| missing.iter().all(|(_, over)| *over <= now))
        };
        let mut told = Vec::new();
        // A later message is not effective before an earlier one.
        while self.waiting.front().is_some_and(done) {
            told.extend(self.waiting.pop_front().map(|one| one.told));
        }
        told
    }

    /// When to ask again at the latest.
    pub fn due(&self) -> Option<Instant> {
        let first = self.waiting.front()?.missing.as_ref()?;
        first.iter().map(|(_, over)| *over).max()
    }

    /// The connection is gone, and what was said on it meanwhile with it. Gives what is still waited for.
    pub fn lost(&mut self) -> Vec<T> {
        self.peers.clear();
        self.waiting.drain(..).map(|one| one.told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const A: HostId = 1;
    const B: HostId = 2;

    #[test]
    fn alone_the_message_itself_is_enough() {
        let (mut barrier, now) = (Barrier::new(), Instant::now());
        let number = barrier.publish("x");
        assert!(barrier.effective(now).is_empty());
        barrier.returned(number, now);
        assert_eq!(barrier.effective(now), ["x"]);
        assert!(barrier.effective(now).is_empty());
    }

    #[test]
    fn everyone_who_was_heard_of_must_speak_or_lose_its_lease() {
        let (mut barrier, now) = (Barrier::new(), Instant::now());
        barrier.beat(A, now);
        barrier.beat(B, now);
        let (first, second) = (barrier.publish("first"), barrier.publish("second"));
        // One may be faster than the message is on its way back.
        barrier.known(A, first);
        barrier.returned(first, now);
        barrier.returned(second, now);
        assert!(barrier.effective(now).is_empty());
        barrier.known(B, second);
        assert_eq!(barrier.effective(now), ["first"]);
        let over = now + CACHE_LEASE;
        assert_eq!(barrier.due(), Some(over));
        // Its later beats do not prolong the wait: to hear them back it has to have heard the message.
        barrier.beat(A, now + CACHE_LEASE / 2);
        assert!(
            barrier
                .effective(over - Duration::from_millis(1))
                .is_empty()
        );
        assert_eq!(barrier.effective(over), ["second"]);
    }

    #[test]
    fn the_silent_and_those_who_left_are_not_waited_for() {
        let (mut barrier, now) = (Barrier::new(), Instant::now());
        barrier.beat(A, now);
        let later = now + CACHE_LEASE;
        barrier.beat(B, later);
        let number = barrier.publish("x");
        barrier.returned(number, later);
        assert!(barrier.effective(later).is_empty());
        barrier.bye(B);
        assert_eq!(barrier.effective(later), ["x"]);
        // Unknown hosts and numbers are no matter.
        barrier.known(99, 99);
        barrier.returned(99, now);
        assert_eq!(barrier.due(), None);
    }

    #[test]
    fn what_was_under_way_when_the_connection_went_is_given_back() {
        let (mut barrier, now) = (Barrier::new(), Instant::now());
        barrier.beat(A, now);
        let number = barrier.publish("back");
        barrier.publish("not back");
        barrier.returned(number, now);
        assert_eq!(barrier.lost(), ["back", "not back"]);
        assert!(barrier.effective(now + CACHE_LEASE).is_empty());
    }

    #[test]
    fn a_new_subscription_has_not_heard_everybody_yet() {
        let (mut barrier, now) = (Barrier::new(), Instant::now());
        barrier.connected(now);
        let (early, late) = (barrier.publish("early"), barrier.publish("late"));
        let over = now + CACHE_LEASE;
        barrier.returned(early, now);
        assert!(barrier.effective(now).is_empty());
        assert_eq!(barrier.due(), Some(over));
        barrier.returned(late, over);
        assert_eq!(barrier.effective(over), ["early", "late"]);
    }
}
