//! Settles rows in a few statements: what was published is marked, what was not gets its next try or is given up.

use super::plan::Outcome;
use super::status;
use crate::clients::database::{Database, assembled, padded};
use contract::store::sql::{NOW_MS, placeholders};
use sqlx::{MySql, Transaction};
use std::collections::HashMap;

/// A row and its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Primary key of the row.
    pub id: u64,
    /// What is written.
    pub outcome: Outcome,
    /// Whether the row moves stock, so that the consumer confirms it.
    pub to_confirm: bool,
}

/// Writes the outcomes in one transaction. What was published is marked, whoever holds the lease by then; a failure is
/// written only while `owner` holds it.
///
/// # Errors
/// When the database fails; the leases run out then, and the rows are sent once more.
pub async fn settle(shard: &Database, owner: &str, settled: &[Settled]) -> sqlx::Result<()> {
    let sent = |to_confirm| -> Vec<u64> {
        let rows = settled
            .iter()
            .filter(|row| row.outcome == Outcome::Sent && row.to_confirm == to_confirm);
        rows.map(|row| row.id).collect()
    };
    let mut tx = shard.begin().await?;
    mark(&mut tx, &sent(true), SENT).await?;
    mark(&mut tx, &sent(false), DONE).await?;
    for (failed, ids) in failures(settled) {
        fail(&mut tx, owner, failed, &ids).await?;
    }
    tx.commit().await
}

/// The stock consumer may have confirmed it before the row was marked, or even before all of its records were
/// published.
const SENT: &str = "IF(confirmed_at IS NULL, 1, 2)";
const DONE: &str = "2";

async fn mark(
    tx: &mut Transaction<'_, MySql>,
    ids: &[u64],
    status: &'static str,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(ids);
    let sql = format!(
        "UPDATE t_local_message SET status = {status}, lease_owner = NULL, lease_until = 0, error_msg = NULL, \
         updated_at = {NOW_MS} WHERE status IN (0, 3) AND id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(id);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// What is written for a row that was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Failure<'a> {
    status: u8,
    refused: bool,
    wait_ms: u64,
    error: &'a str,
}

/// Groups failed rows, for one statement per group: an outage makes many rows of few kinds.
fn failures(settled: &[Settled]) -> HashMap<Failure<'_>, Vec<u64>> {
    let mut failures: HashMap<Failure<'_>, Vec<u64>> = HashMap::new();
    for row in settled {
        let failure = match &row.outcome {
            Outcome::Sent => continue,
            Outcome::Retry {
                refused,
                wait_ms,
                error,
            } => Failure {
                status: status::WAITING,
                refused: *refused,
                wait_ms: *wait_ms,
                error,
            },
            Outcome::Dead { error } => Failure {
                status: status::DEAD,
                refused: true,
                wait_ms: 0,
                error,
            },
        };
        failures.entry(failure).or_default().push(row.id);
    }
    failures
}

async fn fail(
    tx: &mut Transaction<'_, MySql>,
    owner: &str,
    failure: Failure<'_>,
    ids: &[u64],
) -> sqlx::Result<()> {
    let ids = padded(ids);
    let sql = format!(
        "UPDATE t_local_message SET status = ?, retry_count = retry_count + 1, refused_count = refused_count + ?, \
         next_retry_at = {NOW_MS} + ?, error_msg = ?, lease_owner = NULL, lease_until = 0, updated_at = {NOW_MS} \
         WHERE status = 0 AND lease_owner = ? AND id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql))
        .bind(failure.status)
        .bind(u8::from(failure.refused))
        .bind(failure.wait_ms)
        .bind(failure.error)
        .bind(owner);
    for id in &ids {
        query = query.bind(id);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Marks messages of one shard as applied by the stock consumer. Only a row that counts as sent becomes confirmed.
///
/// # Errors
/// When the database fails; it may be repeated.
pub async fn confirm(shard: &Database, messages: &[&str]) -> sqlx::Result<()> {
    let mut ids = messages.to_vec();
    ids.sort_unstable();
    let ids = padded(&ids);
    let sql = format!(
        "UPDATE t_local_message SET confirmed_at = {NOW_MS}, status = IF(status = 1, 2, status), updated_at = {NOW_MS} \
         WHERE message_id IN ({}) AND confirmed_at IS NULL",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(*id);
    }
    query.execute(&shard.pool).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_written_in_few_statements() {
        let away = |id, wait_ms| Settled {
            id,
            outcome: Outcome::Retry {
                refused: false,
                wait_ms,
                error: "no broker".to_owned(),
            },
            to_confirm: true,
        };
        let sent = Settled {
            id: 9,
            outcome: Outcome::Sent,
            to_confirm: true,
        };
        let settled = [away(1, 1_000), away(2, 2_000), away(3, 1_000), sent];
        let failures = failures(&settled);
        let mut ids: Vec<_> = failures.into_values().collect();
        ids.sort();
        assert_eq!(ids, [vec![1, 3], vec![2]]);
    }
}
