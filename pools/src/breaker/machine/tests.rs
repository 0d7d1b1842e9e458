//! The machine, by the numbers: when it opens, whom it tries, how it closes, and what it makes of clocks that jump.

use super::*;
use crate::config;

const INTERVAL: Ms = 10_000;
const OPEN: Ms = 30_000;
const TRIED_MAX: u64 = 100;

/// Those of a backend.
fn rules() -> Rules {
    (&config::CircuitBreaker::default()).into()
}

/// Those of a component: half of twenty, five seconds, one on trial.
fn of_component() -> Rules {
    Rules {
        counting: Counting::Rolling,
        interval_ms: INTERVAL,
        requests_min: 20,
        errors_percent: 50,
        consecutive_errors_max: u64::MAX,
        open_ms: 5_000,
        half_open_requests_max: 1,
        probe_ms: 5_000,
    }
}

/// How many calls, of those that fail (`f`) and succeed (`s`, each with how many), are made until it opens.
fn opens_after(rules: Rules, calls: &[(char, u64)], every: Ms) -> Option<u64> {
    let mut machine = Machine::new(rules);
    let (mut made, mut now) = (0, 0);
    for (kind, count) in calls {
        for _ in 0..*count {
            let Admission::Made(period) = machine.admit(now) else {
                return Some(made);
            };
            match kind {
                's' => machine.succeeded(period, 1, now),
                _ => machine.failed(period, now),
            }
            made += 1;
            now += every;
        }
    }
    (machine.state() == State::Open).then_some(made)
}

/// A machine that has opened at this time.
fn open_at(now: Ms) -> Machine {
    let mut machine = Machine::new(rules());
    for _ in 0..10 {
        assert_eq!(machine.state(), State::Closed);
        let period = machine.period();
        machine.failed(period, now);
    }
    assert_eq!(machine.state(), State::Open);
    machine
}

fn tried(machine: &mut Machine, now: Ms) -> Option<Period> {
    match machine.admit(now) {
        Admission::Tried(period) => Some(period),
        Admission::Made(_) => panic!("made in the state {:?}", machine.state()),
        Admission::Refused => None,
    }
}

#[test]
fn the_defaults_are_those_that_were_asked_for() {
    let rules = rules();
    assert_eq!(rules.counting, Counting::Interval);
    assert_eq!((rules.interval_ms, rules.open_ms), (INTERVAL, OPEN));
    assert_eq!((rules.requests_min, rules.errors_percent), (10, 50));
    assert_eq!(rules.consecutive_errors_max, 10);
    assert_eq!(rules.half_open_requests_max, TRIED_MAX);
}

#[test]
fn it_opens_with_ten_calls_of_which_half_or_ten_in_a_row_failed() {
    for (calls, every, want) in [
        (&[('f', 9)][..], 1, None),
        (&[('f', 10)], 1, Some(10)),
        // Successes before the first failure do not count.
        (&[('s', 1_000), ('f', 9)], 1, None),
        (&[('s', 1_000), ('f', 10)], 1, Some(1_010)),
        // Half of ten, and less than half of eleven.
        (&[('f', 1), ('s', 5), ('f', 4)], 1, Some(10)),
        (&[('f', 1), ('s', 6), ('f', 4)], 1, None),
        (&[('f', 1), ('s', 6), ('f', 5)], 1, Some(12)),
        // Half of nine is too few; a success opens nothing.
        (&[('f', 5), ('s', 4)], 1, None),
        (&[('f', 5), ('s', 5)], 1, None),
        // Ten in a row among many that succeeded.
        (&[('f', 1), ('s', 99), ('f', 9)], 1, None),
        (&[('f', 1), ('s', 99), ('f', 10)], 1, Some(110)),
        (
            &[('f', 1), ('s', 99), ('f', 9), ('s', 1), ('f', 9)],
            1,
            None,
        ),
        // Ten within the interval, and not.
        (&[('f', 10)], INTERVAL / 10, Some(10)),
        (&[('f', 10)], INTERVAL / 9, Some(10)),
        (&[('f', 10)], INTERVAL / 9 + 1, None),
        (&[('f', 100)], INTERVAL / 9 + 1, None),
    ] {
        assert_eq!(
            opens_after(rules(), calls, every),
            want,
            "{calls:?}, {every} ms"
        );
    }
}

#[test]
fn a_components_opens_with_half_of_twenty_in_ten_seconds() {
    for (calls, every, want) in [
        (&[('f', 19)][..], 1, None),
        (&[('f', 20)], 1, Some(20)),
        (&[('s', 10), ('f', 10)], 1, Some(20)),
        (&[('s', 11), ('f', 10)], 1, None),
        (&[('s', 11), ('f', 11)], 1, Some(22)),
        (&[('s', 1_000), ('f', 999)], 1, None),
        (&[('s', 1_000), ('f', 1_000)], 1, Some(2_000)),
        // The successes are over before the failures come.
        (&[('s', 10), ('f', 20)], 1_000, None),
        (&[('f', 20)], 500, Some(20)),
        (&[('f', 100)], 600, None),
    ] {
        assert_eq!(
            opens_after(of_component(), calls, every),
            want,
            "{calls:?}, {every} ms"
        );
    }
}

#[test]
fn it_refuses_until_the_time_is_over() {
    let mut machine = open_at(1_000);
    for now in [1_000, 1_001, 1_000 + OPEN - 1] {
        assert!(machine.refuses(now));
        assert_eq!(machine.admit(now), Admission::Refused, "{now}");
        assert_eq!(machine.state(), State::Open);
    }
    assert!(!machine.refuses(1_000 + OPEN));
    assert_eq!(machine.state(), State::HalfOpen);
    assert!(tried(&mut machine, 1_000 + OPEN).is_some());
}

#[test]
fn a_hundred_are_tried_and_close_it() {
    let mut machine = open_at(0);
    let all: Vec<Period> = (0..TRIED_MAX)
        .map(|_| tried(&mut machine, OPEN).unwrap())
        .collect();
    assert!(machine.refuses(OPEN));
    assert_eq!(tried(&mut machine, OPEN), None, "one more");
    for period in &all[1..] {
        machine.tried(*period, OPEN + 1);
        assert_eq!(machine.state(), State::HalfOpen);
        assert_eq!(tried(&mut machine, OPEN + 1), None, "a hundred in all");
    }
    machine.tried(all[0], OPEN + 1);
    assert_eq!(machine.state(), State::Closed);
    assert!(matches!(machine.admit(OPEN + 1), Admission::Made(_)));
    // What was counted before it opened is forgotten.
    let period = machine.period();
    machine.failed(period, OPEN + 1);
    assert_eq!(machine.state(), State::Closed);
}

#[test]
fn one_that_leaves_gives_its_place_to_another() {
    let mut machine = open_at(0);
    let all: Vec<Period> = (0..TRIED_MAX)
        .map(|_| tried(&mut machine, OPEN).unwrap())
        .collect();
    machine.left(all[0]);
    let other = tried(&mut machine, OPEN).unwrap();
    assert_eq!(tried(&mut machine, OPEN), None);
    for period in all[1..].iter().chain([&other]) {
        machine.tried(*period, OPEN);
    }
    assert_eq!(machine.state(), State::Closed);
}

#[test]
fn where_calls_are_few_one_that_succeeds_later_closes_it() {
    let mut machine = open_at(0);
    let first = tried(&mut machine, OPEN).unwrap();
    machine.tried(first, OPEN + INTERVAL - 1);
    assert_eq!(machine.state(), State::HalfOpen);
    let second = tried(&mut machine, OPEN + INTERVAL - 1).unwrap();
    machine.tried(second, OPEN + INTERVAL);
    assert_eq!(machine.state(), State::Closed);
}

#[test]
fn one_failure_on_trial_opens_it_again_and_the_others_decide_nothing() {
    let mut machine = open_at(0);
    let before = machine.period();
    let [one, two, three] = [0; 3].map(|_| tried(&mut machine, OPEN).unwrap());
    machine.failed(one, OPEN + 5);
    assert_eq!(machine.state(), State::Open);
    machine.tried(two, OPEN + 6);
    machine.failed(three, OPEN + 6);
    machine.left(three);
    machine.answered(before, OPEN + 6);
    assert_eq!(machine.state(), State::Open);
    assert!(
        machine.refuses(OPEN + 5 + OPEN - 1),
        "the time begins again"
    );
    assert!(!machine.refuses(OPEN + 5 + OPEN));
    assert_eq!(tried(&mut machine, OPEN + 5 + OPEN).unwrap().outages(), 2);
}

#[test]
fn calls_of_before_it_opened_decide_nothing() {
    let mut machine = Machine::new(rules());
    let Admission::Made(old) = machine.admit(0) else {
        panic!("it is closed");
    };
    for _ in 0..10 {
        machine.failed(old, 0);
    }
    for _ in 0..20 {
        machine.failed(old, 1);
        machine.succeeded(old, 1, 1);
    }
    assert!(!machine.refuses(OPEN), "later failures make it no longer");
    machine.failed(old, OPEN);
    machine.succeeded(old, 200, OPEN);
    assert_eq!(machine.state(), State::HalfOpen);
}

#[test]
fn an_answer_ends_the_wait_and_relapses_make_the_next_longer() {
    let mut machine = open_at(0);
    let probe = rules().probe_ms;
    for relapse in 0..100 {
        let after = machine.probe_after_ms();
        let longer = probe.saturating_mul(1_u64.checked_shl(relapse).unwrap_or(u64::MAX));
        assert_eq!(after, longer.min(OPEN), "{relapse}");
        let period = machine.period();
        machine.answered(period, 1);
        assert_eq!(machine.state(), State::HalfOpen);
        machine.answered(period, 1);
        let on_trial = tried(&mut machine, 1).unwrap();
        machine.failed(on_trial, 1);
    }
    let period = machine.period();
    machine.answered(period, 1);
    for _ in 0..TRIED_MAX {
        let on_trial = tried(&mut machine, 1).unwrap();
        machine.tried(on_trial, 1);
    }
    assert_eq!(machine.state(), State::Closed);
    let period = machine.period();
    (0..10).for_each(|_| machine.failed(period, 1));
    assert_eq!(machine.probe_after_ms(), probe, "forgotten");
}

#[test]
fn clocks_that_jump() {
    let mut machine = open_at(1_000_000);
    // Back: it waits for as long as it was to, by the new clock.
    assert!(machine.refuses(5_000));
    assert!(machine.refuses(5_000 + OPEN - 1));
    assert!(!machine.refuses(5_000 + OPEN));
    // Half-open, and further back: the counted time begins again.
    let on_trial = tried(&mut machine, 0).unwrap();
    machine.tried(on_trial, 0);
    assert_eq!(machine.state(), State::HalfOpen);
    let on_trial = tried(&mut machine, INTERVAL - 1).unwrap();
    machine.tried(on_trial, INTERVAL);
    assert_eq!(machine.state(), State::Closed);
    // Ahead: everything is over.
    let mut machine = open_at(0);
    assert!(!machine.refuses(Ms::MAX));
    let on_trial = tried(&mut machine, Ms::MAX).unwrap();
    machine.failed(on_trial, Ms::MAX);
    assert!(machine.refuses(Ms::MAX) && machine.refuses(0));
    assert!(!machine.refuses(OPEN));
    // While closed, a jump either way begins a new interval.
    for jump in [0, Ms::MAX] {
        let mut machine = Machine::new(rules());
        let period = machine.period();
        (0..9).for_each(|_| machine.failed(period, 50_000));
        machine.failed(period, jump);
        assert_eq!(machine.state(), State::Closed, "to {jump}");
    }
}

/// A generator of numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }
}

/// Whatever happens in whatever order: no call is made while it is open, no more are tried than may be, periods only
/// grow, and a backend that answers again is served.
#[test]
fn nothing_that_happens_breaks_it() {
    let mut opened = 0;
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut machine = Machine::new([rules(), of_component()][seed as usize % 2]);
        let tried_max = machine.rules.half_open_requests_max;
        let (mut made, mut on_trial, mut now) = (Vec::new(), Vec::new(), 0);
        for _ in 0..2_000 {
            let (state, period) = (machine.state(), machine.period());
            now = match dice.below(1_000) {
                0 => dice.below(200_000),
                _ => now + dice.below(300),
            };
            match dice.below(10) {
                0..=3 => match machine.admit(now) {
                    Admission::Made(period) => {
                        assert_eq!(machine.state(), State::Closed);
                        made.push(period);
                    }
                    Admission::Tried(period) => {
                        assert_eq!(machine.state(), State::HalfOpen);
                        on_trial.push(period);
                    }
                    Admission::Refused => assert_ne!(machine.state(), State::Closed),
                },
                4 | 5 => made.pop().into_iter().for_each(|p| machine.failed(p, now)),
                6 => made
                    .pop()
                    .into_iter()
                    .for_each(|p| machine.succeeded(p, 1, now)),
                7 => on_trial
                    .pop()
                    .into_iter()
                    .for_each(|p| machine.tried(p, now)),
                8 => match dice.below(8) {
                    0 => on_trial
                        .pop()
                        .into_iter()
                        .for_each(|p| machine.failed(p, now)),
                    _ => on_trial.pop().into_iter().for_each(|p| machine.left(p)),
                },
                _ => machine.answered(Period(dice.below(machine.period.0 + 1)), now),
            }
            let current = on_trial.iter().filter(|p| **p == machine.period());
            assert!(current.count() as u64 <= tried_max);
            assert!(machine.period().number() >= period.number());
            assert_eq!(machine.state() == state, machine.period() == period);
            assert_eq!(
                machine.period().is_closed(),
                machine.state() == State::Closed
            );
            opened += u64::from(machine.state() == State::Open && state != State::Open);
        }
        on_trial.into_iter().for_each(|p| machine.left(p));
        for _ in 0..2 * tried_max {
            now += machine.rules.open_ms;
            if let Admission::Tried(period) = machine.admit(now) {
                machine.tried(period, now);
            }
        }
        assert_eq!(machine.state(), State::Closed, "seed {seed}");
    }
    assert!(opened > 300, "{opened}");
}
