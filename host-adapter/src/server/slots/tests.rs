//! Slots are few, waited for in turn, and by few.

use super::*;
use futures::future::{FutureExt, join_all};
use prometheus::{IntCounter, IntGauge};
use std::time::Duration;

const LONG: Duration = Duration::from_secs(60);

struct Counted {
    slots: Slots,
    waiting: IntGauge,
    refused: IntCounter,
}

fn slots(max: usize) -> Counted {
    let waiting = IntGauge::new("waiting", "of this test").unwrap();
    let refused = IntCounter::new("refused", "of this test").unwrap();
    Counted {
        slots: Slots::new(max, waiting.clone(), refused.clone()),
        waiting,
        refused,
    }
}

#[tokio::test]
async fn the_first_who_waits_gets_the_slot_that_becomes_free() {
    let Counted {
        slots,
        waiting,
        refused,
    } = slots(2);
    let until = Instant::now() + LONG;
    let (one, two) = (slots.take(until).await, slots.take(until).await);
    let (one, _two) = (one.unwrap(), two.unwrap());
    let mut first = Box::pin(slots.take(until));
    let mut second = Box::pin(slots.take(until));
    assert!(first.as_mut().now_or_never().is_none());
    assert!(second.as_mut().now_or_never().is_none());
    assert_eq!(waiting.get(), 2);
    drop(one);
    assert!(second.as_mut().now_or_never().is_none(), "it came later");
    let third = slots.take(Instant::now());
    assert!(third.await.is_err(), "it overtakes nobody");
    let slot = first.await.unwrap();
    assert_eq!(waiting.get(), 1);
    drop(slot);
    drop(second.await.unwrap());
    assert_eq!((waiting.get(), refused.get()), (0, 1));
}

#[tokio::test]
async fn few_may_wait_and_those_who_leave_make_room() {
    let Counted {
        slots,
        waiting,
        refused,
    } = slots(1);
    let until = Instant::now() + LONG;
    let slot = slots.take(until).await.unwrap();
    let mut waiters: Vec<_> = (0..limits::SLOT_WAITERS_MAX)
        .map(|_| Box::pin(slots.take(until)))
        .collect();
    for waiter in &mut waiters {
        assert!(waiter.as_mut().now_or_never().is_none());
    }
    assert!(matches!(slots.take(until).now_or_never(), Some(Err(_))));
    assert_eq!(refused.get(), 1);
    drop(waiters.pop());
    waiters.push(Box::pin(slots.take(until)));
    drop(slot);
    let taken = join_all(
        waiters
            .into_iter()
            .map(|waiter| waiter.map(|slot| slot.is_ok())),
    );
    assert!(taken.await.into_iter().all(|taken| taken));
    assert_eq!((waiting.get(), refused.get()), (0, 1));
}

#[tokio::test]
async fn a_bound_beyond_all_is_none() {
    let Counted { slots, .. } = slots(usize::MAX);
    assert!(slots.take(Instant::now()).await.is_ok());
}
