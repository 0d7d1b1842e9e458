//! Decides about outbox rows, without a database: which candidates may be claimed, and a row's outcome after its
//! records were published.

use super::Row;
use super::record::Unreadable;
use crate::limits::{BLOCKED_RETRY_MS, ERROR_CHARS_MAX};
use crate::ports::Verdict;
use domain::Ms;
use domain::backoff::{away_retry_ms, refused_retry_ms};
use std::collections::{HashMap, HashSet};

/// A row that is not sent yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsent {
    /// Primary key of the row.
    pub id: u64,
    /// Order id in decimal.
    pub tx_id: String,
    /// When it may be claimed: when it is due and its lease has ended.
    pub claimable_at: Ms,
}

/// What to do with the candidates of a claim.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Ids of the rows to lease.
    pub take: Vec<u64>,
    /// Ids of rows behind an unsent one of their order, and their new due times.
    pub postpone: Vec<(u64, Ms)>,
}

/// Keeps the rows of an order in sequence: a row waits for each earlier one that is not taken with it. `candidates`:
/// ids and order ids.
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
                // A lease usually ends early, a due time never does.
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

/// The outcome of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of its records were delivered.
    Sent,
    /// Not sent; to be tried again.
    Retry {
        /// Whether the bus refused a record: only such sends are limited in number.
        refused: bool,
        /// Ms until the next send.
        wait_ms: u64,
        /// Why; cut to the column's length.
        error: String,
    },
    /// Given up.
    Dead {
        /// Why; cut to the column's length.
        error: String,
    },
}

/// The outcome of a row from its records' verdicts. Only refusals can end a row: a bus that is away will be back.
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

/// The outcome of a row whose payload this relay cannot read.
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

/// Cuts an error to what its column holds.
pub fn shortened(error: &str) -> String {
    error.chars().take(ERROR_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
