//! Tests of `finding`.

use super::*;

fn order(number: u64, version: u32) -> Wrong {
    Wrong::new((number, version), format!("order {number} at {version}"))
}

#[test]
fn the_first_broken_one_is_shown() {
    let mut finding = Finding::new("nothing is lost");
    finding.note(None);
    finding.note(Some(order(7, 1)));
    finding.note(Some(order(8, 1)));
    let text = table(&[finding, Finding::new("x")]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[1],
        "nothing is lost          3        2  order 7 at 1"
    );
    assert_eq!(lines[2], "x                        0        0");
}

#[test]
fn only_what_stays_wrong_in_the_same_way_is_broken() {
    let finding = |wrong: &[Wrong]| {
        let mut finding = Finding::new("x");
        wrong.iter().for_each(|one| finding.note(Some(one.clone())));
        finding
    };
    let mut first = finding(&[order(1, 1), order(2, 1), order(3, 1)]);
    // The first was mended, the second goes on and lags behind anew, the fourth is new.
    first.again(finding(&[order(2, 2), order(3, 1), order(4, 1)]));
    assert_eq!((first.broken(), first.example()), (1, Some("order 3 at 1")));
    first.again(finding(&[]));
    assert_eq!((first.broken(), first.example()), (0, None));
}

#[test]
fn a_crowd_in_flight_is_not_broken() {
    let crowd = |from: u64| {
        let mut finding = Finding::new("x");
        for number in from..from + SUSPECTS_MAX as u64 + 5 {
            finding.note(Some(order(number, 1)));
        }
        finding
    };
    let mut first = crowd(0);
    assert_eq!(first.broken(), SUSPECTS_MAX as u64 + 5);
    first.again(crowd(1_000_000));
    assert_eq!(first.broken(), 0);
}
