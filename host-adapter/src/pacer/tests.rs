//! Tests of `pacer`.

use super::*;
use std::sync::atomic::AtomicUsize;

#[tokio::test]
async fn busy_guests_take_turns_and_others_run_between_them() {
    let pacer = Arc::new(Pacer::default());
    let pacing = tokio::spawn(pacer.clone().run());
    let others = Arc::new(AtomicUsize::new(0));
    let counting = others.clone();
    let other = tokio::spawn(async move {
        loop {
            counting.fetch_add(1, Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let busy = (0..3).map(|_| {
        let (pacer, others) = (pacer.clone(), others.clone());
        tokio::spawn(async move {
            for _ in 0..10 {
                let before = others.load(Relaxed);
                pacer.turn(Busy::begin().run()).await;
                assert!(others.load(Relaxed) > before, "nobody else ran");
            }
        })
    });
    futures::future::try_join_all(busy).await.unwrap();
    pacing.abort();
    other.abort();
}

#[test]
fn a_guest_is_busy_for_what_it_ran_without_a_rest() {
    const TICK: u64 = limits::BUSY_TICK.as_nanos() as u64;
    let max = 2 * limits::BUSY_TICK;
    let mut busy = Busy::begin();
    busy.run.rests();
    let met = |busy: &mut Busy, at: u64| busy.met_at(|| at, max, false);
    assert_eq!(met(&mut busy, 9 * TICK), Met::GoOn, "it began just now");
    assert_eq!(met(&mut busy, 9 * TICK), Met::GoOn, "it is asked for now");
    assert_eq!(met(&mut busy, 10 * TICK - 1), Met::GoOn, "no whole tick");
    busy.run.rests();
    assert_eq!(met(&mut busy, 20 * TICK), Met::GoOn, "it rested between");
    assert_eq!(met(&mut busy, 20 * TICK), Met::GoOn);
    assert_eq!(met(&mut busy, 21 * TICK), Met::Wait);
    busy.run.rests();
    busy.run.goes_on();
    busy.run.since.store(30 * TICK, Relaxed);
    assert_eq!(met(&mut busy, 31 * TICK), Met::Wait, "a turn is no rest");
    busy.run.goes_on();
    busy.run.since.store(40 * TICK, Relaxed);
    assert_eq!(met(&mut busy, 41 * TICK), Met::Over);
}

#[test]
fn new_guests_queue_behind_those_that_wait() {
    const EPOCH: u64 = limits::EPOCH_TICK.as_nanos() as u64;
    let max = limits::BUSY_TICK;
    let met = |busy: &mut Busy, at, waiting| busy.met_at(|| at, max, waiting);
    let mut busy = Busy::begin();
    busy.run.since.store(0, Relaxed);
    assert_eq!(met(&mut busy, EPOCH, false), Met::GoOn);
    assert_eq!(met(&mut busy, EPOCH, true), Met::Wait);
    busy.run.goes_on();
    busy.run.rests();
    assert_eq!(met(&mut busy, 9 * EPOCH, true), Met::GoOn);
    assert_eq!(met(&mut busy, 9 * EPOCH, true), Met::GoOn);
    assert_eq!(met(&mut busy, 10 * EPOCH, true), Met::GoOn, "not new");
}
