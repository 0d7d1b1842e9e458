//! Tests of `barrier`.

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
    // An acknowledgement may come before the message is back.
    barrier.known(A, first);
    barrier.returned(first, now);
    barrier.returned(second, now);
    assert!(barrier.effective(now).is_empty());
    barrier.known(B, second);
    assert_eq!(barrier.effective(now), ["first"]);
    let over = now + CACHE_LEASE;
    assert_eq!(barrier.due(), Some(over));
    // Its later beats do not prolong the wait: it receives the message before it receives those.
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
    // Unknown hosts and numbers are ignored.
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
