//! The breaker that calls share: places on trial, what is shown, and how it hears of a backend that is back.

use super::*;
use std::sync::atomic::AtomicUsize;
use std::thread;

const FAILURES: usize = 10;

fn breaker(rules: Rules) -> Arc<Breaker> {
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    Arc::new(Breaker::new(
        "stock".to_owned(),
        rules,
        metrics.breaker("stock"),
    ))
}

/// The rules of a backend, which is asked again at once.
fn rules() -> Rules {
    let config = config::CircuitBreaker {
        probe_ms: 1,
        ..config::CircuitBreaker::default()
    };
    (&config).into()
}

fn shown(breaker: &Breaker) -> (i64, u64) {
    let metrics = &breaker.metrics;
    (metrics.state.get(), metrics.refused.get())
}

fn fail(breaker: &Arc<Breaker>) -> Option<Opened> {
    let mut pass = breaker.admit().unwrap();
    breaker.failed(&mut pass)
}

/// Opens it, and says so once.
fn open(breaker: &Arc<Breaker>) -> Opened {
    for _ in 1..FAILURES {
        assert!(fail(breaker).is_none());
    }
    fail(breaker).unwrap()
}

/// Half-open, as its backend has answered.
async fn half_open(breaker: &Arc<Breaker>) {
    let opened = open(breaker);
    breaker.ask(opened, async || true).await;
    assert_eq!(shown(breaker).0, 1);
}

#[test]
fn successes_since_a_failure_count() {
    let breaker = breaker(rules());
    assert!(fail(&breaker).is_none());
    for _ in 0..2 * FAILURES {
        let mut pass = breaker.admit().unwrap();
        breaker.succeeded(&mut pass);
    }
    for _ in 1..FAILURES {
        assert!(
            fail(&breaker).is_none(),
            "nine in a row, and less than half"
        );
    }
    assert_eq!(shown(&breaker), (0, 0));
    assert!(fail(&breaker).is_some());
    assert_eq!(shown(&breaker), (2, 0));
}

#[tokio::test]
async fn it_is_asked_until_it_answers() {
    let breaker = breaker(rules());
    let opened = open(&breaker);
    assert_eq!(breaker.check(), Err(Refused));
    assert!(breaker.admit().is_err());
    assert_eq!(shown(&breaker), (2, 2));
    let asked = AtomicUsize::new(0);
    let ping = async || asked.fetch_add(1, Ordering::Relaxed) == 4;
    breaker.ask(opened, ping).await;
    assert_eq!(asked.into_inner(), 5);
    assert_eq!(shown(&breaker), (1, 2));
    for _ in 0..100 {
        assert_eq!(shown(&breaker).0, 1);
        assert_eq!(breaker.check(), Ok(()));
        let mut pass = breaker.admit().unwrap();
        assert_eq!(pass.outages(), 1);
        breaker.succeeded(&mut pass);
    }
    assert_eq!(shown(&breaker), (0, 2));
}

#[tokio::test]
async fn nobody_asks_for_one_that_is_open_no_longer() {
    let breaker = breaker(Rules {
        open_ms: 0,
        ..rules()
    });
    let opened = open(&breaker);
    assert_eq!(breaker.check(), Ok(()), "its time is over");
    breaker.ask(opened, async || panic!("it was asked")).await;
}

#[tokio::test]
async fn a_call_that_is_dropped_frees_its_place() {
    let breaker = breaker(rules());
    half_open(&breaker).await;
    let mut passes: Vec<Pass> = (0..100).map(|_| breaker.admit().unwrap()).collect();
    assert!(breaker.admit().is_err());
    drop(passes.pop());
    let mut another = breaker.admit().unwrap();
    assert!(breaker.admit().is_err());
    // A second outcome of one pass takes no second place.
    breaker.succeeded(&mut another);
    breaker.succeeded(&mut another);
    assert!(breaker.admit().is_err());
    assert_eq!(shown(&breaker).0, 1);
    passes.iter_mut().for_each(|pass| breaker.succeeded(pass));
    assert_eq!(shown(&breaker).0, 0);
}

#[tokio::test]
async fn a_second_statement_that_fails_opens_it_too() {
    let breaker = breaker(rules());
    half_open(&breaker).await;
    let mut pass = breaker.admit().unwrap();
    breaker.succeeded(&mut pass);
    let opened = breaker.failed(&mut pass).unwrap();
    assert_eq!(opened.every, Duration::from_millis(2), "later than before");
    assert!(breaker.failed(&mut pass).is_none());
    assert_eq!(shown(&breaker).0, 2);
}

/// Threads that come at once get a hundred places, and one of them opens it.
#[tokio::test]
async fn threads_share_the_places_and_the_change() {
    const THREADS: usize = 8;
    let breaker = breaker(rules());
    half_open(&breaker).await;
    let admitted = AtomicUsize::new(0);
    let opened = AtomicUsize::new(0);
    let barrier = std::sync::Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut passes: Vec<Pass> = (0..50).filter_map(|_| breaker.admit().ok()).collect();
                admitted.fetch_add(passes.len(), Ordering::Relaxed);
                barrier.wait();
                let mine = passes.iter_mut().filter_map(|pass| breaker.failed(pass));
                opened.fetch_add(mine.count(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(admitted.into_inner(), 100);
    assert_eq!(opened.into_inner(), 1);
    assert_eq!(shown(&breaker), (2, (THREADS * 50 - 100) as u64));
}

#[test]
fn a_rolling_window_knows_the_successes_before_a_failure() {
    let breaker = breaker(Rules {
        counting: Counting::Rolling,
        requests_min: 20,
        consecutive_errors_max: u64::MAX,
        ..rules()
    });
    for _ in 0..15 {
        let mut pass = breaker.admit().unwrap();
        breaker.succeeded(&mut pass);
    }
    for _ in 1..15 {
        assert!(fail(&breaker).is_none());
    }
    assert!(fail(&breaker).is_some(), "fifteen of thirty");
}

#[test]
fn backends_of_one_name_share_a_breaker() {
    let metrics = Metrics::register(&prometheus::Registry::new()).unwrap();
    let breakers = Breakers::new(&config::CircuitBreaker::default());
    let [one, same, other] = ["a", "a", "b"].map(|name| breakers.get(name, &metrics));
    let _opened = open(&one);
    assert!(same.admit().is_err());
    assert!(other.admit().is_ok());
}
