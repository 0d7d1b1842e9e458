//! A bucket by given times: how much it holds, how fast that comes back, and that threads share it.

use super::*;
use std::sync::atomic::AtomicUsize;
use std::thread;

/// A second, in which this many requests are taken.
fn rate(per_second_max: u32) -> Rate {
    let refused = IntCounter::new("refused", "of this test").unwrap();
    Rate::new(
        NonZeroU32::new(per_second_max).unwrap(),
        Instant::now(),
        refused,
    )
}

/// Of so many attempts at a time, those that were taken.
fn taken(rate: &Rate, attempts: usize, now: u64) -> usize {
    (0..attempts).filter(|_| rate.take_at(now)).count()
}

#[test]
fn a_second_has_its_tokens_and_they_come_back_one_by_one() {
    let rate = rate(4);
    assert_eq!(taken(&rate, 10, 7), 4);
    let quarter = SECOND_NS / 4;
    assert!(!rate.take_at(7 + quarter - 1), "not yet");
    assert!(rate.take_at(7 + quarter));
    assert!(!rate.take_at(7 + quarter), "that was one");
    assert_eq!(taken(&rate, 10, 7 + 3 * quarter), 2);
    assert_eq!(taken(&rate, 10, 60 * SECOND_NS), 4, "no more than it holds");
}

/// Over a long time no more than the bound and what the bucket held.
#[test]
fn steady_requests_are_taken_at_the_rate() {
    let rate = rate(20_000);
    // Twice as many as are taken, for ten seconds.
    let attempts = (0..400_000_u64).map(|at| at * SECOND_NS / 40_000);
    let taken = attempts.filter(|now| rate.take_at(*now)).count();
    assert!((219_999..=220_000).contains(&taken), "{taken}");
}

#[test]
fn a_thread_that_is_behind_takes_from_the_same_bucket() {
    let rate = rate(4);
    assert!(rate.take_at(SECOND_NS));
    let behind = SECOND_NS - 1_000;
    assert_eq!(taken(&rate, 10, behind), 2, "one comes back a moment later");
    assert_eq!(taken(&rate, 10, SECOND_NS), 1);
}

#[test]
fn a_bound_beyond_all_is_one_still() {
    let rate = rate(u32::MAX);
    assert_eq!(taken(&rate, 1_000, 0), 1_000);
    assert!(rate.take_at(u64::MAX), "the end of time");
}

#[test]
fn threads_share_a_bucket() {
    const MAX: usize = 1_000;
    let rate = rate(1_000);
    let count = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| count.fetch_add(taken(&rate, MAX, 5), Relaxed));
        }
    });
    assert_eq!(count.into_inner(), MAX);
}

#[test]
fn what_is_refused_is_counted() {
    let rate = rate(1);
    let now = rate.began;
    assert_eq!(rate.take(now), Ok(()));
    assert_eq!(rate.take(now), Err(Limit::of_path(1)));
    assert_eq!(rate.refused.get(), 1);
}
