//! Decisions about outbox rows, without a database: which of the candidates may be claimed, and what
//! becomes of a row after its records were published.

use super::Row;
use super::record::Unreadable;
use crate::limits::{BLOCKED_RETRY_MS, ERROR_CHARS_MAX};
use crate::ports::Verdict;
use domain::Ms;
use domain::backoff::{away_retry_ms, refused_retry_ms};
use std::collections::{HashMap, HashSet};

/// A row of a transaction id that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    pub id: u64,
    pub tx_id: String,
    /// When it may be claimed: its due time or the end of its lease.
    pub claimable_at: Ms,
}

/// What to do with the candidates of a claim.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claim {
    pub take: Vec<u64>,
    /// Rows behind an unsent one of their order, and when to look at them again.
    pub postpone: Vec<(u64, Ms)>,
}

/// Keeps the order of ids per transaction id: a row waits for each earlier one that is not taken with it.
/// `candidates`: id and transaction id.
pub fn claim(candidates: &[(u64, &str)], unsent: &[Unsent], now: Ms) -> Claim {
    let offered: HashSet<u64> = candidates.iter().map(|(id, _)| *id).collect();
    let mut blockers: HashMap<&str, (u64, Ms)> = HashMap::new();
    for row in unsent.iter().filter(|row| !offered.contains(&row.id)) {
        let blocker = blockers
            .entry(&row.tx_id)
            .or_insert((row.id, row.claimable_at));
        if row.id < blocker.0 {
            *blocker = (row.id, row.claimable_at);
        }
    }
    let mut claim = Claim::default();
    for (id, tx_id) in candidates {
        match blockers.get(tx_id) {
            Some((blocker, claimable_at)) if blocker < id => {
                // A lease ends long before its time as a rule, a due time never does.
                let soon = now + BLOCKED_RETRY_MS;
                let later = now + 40 * BLOCKED_RETRY_MS;
                claim
                    .postpone
                    .push((*id, (*claimable_at).clamp(soon, later)));
            }
            _ => claim.take.push(*id),
        }
    }
    claim
}

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// Not sent; again after so long.
    Retry {
        refused: bool,
        wait_ms: u64,
        error: String,
    },
    /// Given up.
    Dead {
        error: String,
    },
}

/// The outcome of a row from its records' verdicts. Only what the bus refuses can end a row: a bus that is away will be
/// back.
pub fn outcome(verdicts: &[Verdict], row: &Row) -> Outcome {
    let (mut refused, mut away) = (None, None);
    for verdict in verdicts {
        match verdict {
            Verdict::Delivered => {}
            Verdict::Refused(error) => refused = refused.or(Some(error)),
            Verdict::Away(error) => away = away.or(Some(error)),
        }
    }
    if let Some(error) = refused {
        let error = shortened(error);
        return match refused_retry_ms(row.refused_count.saturating_add(1)) {
            Some(wait_ms) => Outcome::Retry {
                refused: true,
                wait_ms,
                error,
            },
            None => Outcome::Dead { error },
        };
    }
    match away {
        Some(error) => Outcome::Retry {
            refused: false,
            wait_ms: away_retry_ms(row.retry_count.saturating_add(1)),
            error: shortened(error),
        },
        None => Outcome::Sent,
    }
}

/// The outcome of a row that has no records, for this relay cannot read it.
pub fn unreadable(unreadable: &Unreadable, row: &Row) -> Outcome {
    match unreadable {
        Unreadable::Newer(error) => Outcome::Retry {
            refused: false,
            wait_ms: away_retry_ms(row.retry_count.saturating_add(1)),
            error: shortened(error),
        },
        Unreadable::Broken(error) => Outcome::Dead {
            error: shortened(error),
        },
    }
}

/// Cut to what the column holds.
pub fn shortened(error: &str) -> String {
    error.chars().take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
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
}
