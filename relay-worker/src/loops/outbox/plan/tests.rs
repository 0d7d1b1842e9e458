//! Tests of `plan`.

use super::*;
use crate::fixtures;
use proptest::prelude::*;

fn unsent(id: u64, tx_id: &str, claimable_at: Ms) -> Unsent {
    Unsent {
        id,
        tx_id: tx_id.to_owned(),
        claimable_at,
    }
}

#[test]
fn a_row_waits_for_an_earlier_one_outside_of_the_batch() {
    let rows = [
        unsent(1, "a", 5_000),
        unsent(2, "a", 0),
        unsent(3, "b", 0),
        unsent(4, "b", 0),
    ];
    let claim = claim(&[(2, "a"), (3, "b"), (4, "b")], &rows, 4_900);
    assert_eq!(claim.take, [3, 4]);
    assert_eq!(claim.postpone, [(2, 5_000)]);
}

/// The earliest one counts, in whatever order they are read; a later one holds nothing.
#[test]
fn a_row_waits_for_no_later_one() {
    let rows = [unsent(9, "a", 0), unsent(3, "a", 5_000), unsent(8, "b", 0)];
    let claim = claim(&[(4, "a"), (4, "b")], &rows, 4_900);
    assert_eq!(claim.take, [4]);
    assert_eq!(claim.postpone, [(4, 5_000)]);
}

#[test]
fn a_blocked_row_looks_again_soon() {
    let leased = [unsent(1, "a", 90_000), unsent(2, "a", 0)];
    assert_eq!(
        claim(&[(2, "a")], &leased, 1_000).postpone,
        [(2, 1_000 + 40 * BLOCKED_RETRY_MS)]
    );
    let done = [unsent(1, "a", 0)];
    assert_eq!(
        claim(&[(2, "a")], &done, 1_000).postpone,
        [(2, 1_000 + BLOCKED_RETRY_MS)]
    );
}

fn row(retry_count: u32, refused_count: u32) -> Row {
    Row {
        retry_count,
        refused_count,
        ..fixtures::created_row(1, 1)
    }
}

fn wait(outcome: Outcome) -> Option<u64> {
    match outcome {
        Outcome::Retry { wait_ms, .. } => Some(wait_ms),
        _ => None,
    }
}

#[test]
fn six_refusals_are_the_end() {
    let refused = [
        Verdict::Away("no broker".to_owned()),
        Verdict::Refused("too large".to_owned()),
    ];
    let waits: Vec<Option<u64>> = (0..6)
        .map(|times| wait(outcome(&refused, &row(100 + times, times))))
        .collect();
    let seconds = [1, 2, 4, 8, 16].map(|s| Some(s * 1_000));
    assert_eq!(waits[..5], seconds);
    let dead = Outcome::Dead {
        error: "too large".to_owned(),
    };
    assert_eq!(outcome(&refused, &row(5, 5)), dead);
}

#[test]
fn being_away_never_ends_a_row() {
    let away = [Verdict::Delivered, Verdict::Away("no broker".to_owned())];
    for failed in [0, 4, 5, 6, 1_000, u32::MAX] {
        let outcome = outcome(&away, &row(failed, 5));
        assert!(
            matches!(outcome, Outcome::Retry { refused: false, wait_ms, .. } if wait_ms <= 30_000)
        );
    }
    assert_eq!(outcome(&[Verdict::Delivered], &row(9, 5)), Outcome::Sent);
}

#[test]
fn a_newer_payload_waits_for_a_newer_relay() {
    let newer = Unreadable::Newer("schema 2".to_owned());
    assert_eq!(wait(unreadable(&newer, &row(9, 0))), Some(30_000));
    let broken = Unreadable::Broken("EOF".to_owned());
    assert_eq!(wait(unreadable(&broken, &row(0, 0))), None);
}

#[test]
fn errors_fit_their_column() {
    assert_eq!(shortened(&"é".repeat(600)).chars().count(), ERROR_CHARS_MAX);
}

proptest! {
    #[test]
    fn no_row_overtakes_an_earlier_one(rows in proptest::collection::vec((0u8..4, any::<bool>()), 0..40)) {
        let rows: Vec<(u64, String, bool)> = rows.into_iter().enumerate()
            .map(|(id, (tx, offered))| (id as u64, tx.to_string(), offered)).collect();
        let candidates: Vec<(u64, &str)> = rows.iter().filter(|row| row.2).map(|row| (row.0, row.1.as_str())).collect();
        let all: Vec<Unsent> = rows.iter().map(|row| unsent(row.0, &row.1, 0)).collect();
        let claim = claim(&candidates, &all, 0);
        prop_assert_eq!(claim.take.len() + claim.postpone.len(), candidates.len());
        for id in &claim.take {
            let tx_id = &rows[*id as usize].1;
            for earlier in rows.iter().filter(|row| row.0 < *id && row.1 == *tx_id) {
                prop_assert!(claim.take.contains(&earlier.0));
            }
        }
    }
}
