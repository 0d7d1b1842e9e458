//! Tests of `pool`.

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
