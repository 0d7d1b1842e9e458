//! Settling: what was published is marked in a few statements, what was not gets its next time or its end.

use super::plan::Outcome;
use super::status;
use crate::database::{Database, assembled, padded};
use contract::sql::placeholders;
use domain::{Ms, OrderId};
use sqlx::{MySql, Transaction};

/// A row and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    pub id: u64,
    pub outcome: Outcome,
    /// Whether a stock move is still to be confirmed by the consumer.
    pub to_confirm: bool,
}

/// Writes the outcomes in one transaction. A row that the consumer confirmed meanwhile stays confirmed.
///
/// # Errors
/// When the database fails; the leases run out then, and the rows are sent once more.
pub async fn settle(
    shard: &Database,
    owner: &str,
    settled: &[Settled],
    now: Ms,
) -> sqlx::Result<()> {
    let sent = |to_confirm| -> Vec<u64> {
        let rows = settled
            .iter()
            .filter(|row| row.outcome == Outcome::Sent && row.to_confirm == to_confirm);
        rows.map(|row| row.id).collect()
    };
    let mut tx = shard.begin().await?;
    mark(&mut tx, &sent(true), status::SENT, now).await?;
    mark(&mut tx, &sent(false), status::CONFIRMED, now).await?;
    for row in settled {
        let (status, failed, at, error) = match &row.outcome {
            Outcome::Sent => continue,
            Outcome::Retry { failed, at, error } => (status::WAITING, failed, *at, error),
            Outcome::Dead { failed, error } => (status::DEAD, failed, now, error),
        };
        sqlx::query(
            "UPDATE t_local_message SET status = ?, retry_count = ?, next_retry_at = ?, error_msg = ?, \
             lease_owner = NULL, lease_until = 0, updated_at = ? WHERE id = ? AND status = 0 AND lease_owner = ?",
        )
        .bind(status)
        .bind(failed)
        .bind(at)
        .bind(error)
        .bind(now)
        .bind(row.id)
        .bind(owner)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await
}

async fn mark(
    tx: &mut Transaction<'_, MySql>,
    ids: &[u64],
    status: u8,
    now: Ms,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(ids);
    let sql = format!(
        "UPDATE t_local_message SET status = ?, lease_owner = NULL, lease_until = 0, error_msg = NULL, updated_at = ? \
         WHERE status = 0 AND id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql)).bind(status).bind(now);
    for id in &ids {
        query = query.bind(id);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Marks messages as confirmed by the stock consumer, each in the shard of its order.
///
/// # Errors
/// When a database fails; the consumer does it all again then.
pub async fn confirm(
    databases: &crate::database::Databases,
    messages: &[(OrderId, &str)],
    now: Ms,
) -> sqlx::Result<()> {
    for (shard, messages) in databases.by_shard(messages.iter().copied(), |message| message.0) {
        let mut ids: Vec<&str> = messages.iter().map(|message| message.1).collect();
        ids.sort_unstable();
        let ids = padded(&ids);
        let sql = format!(
            "UPDATE t_local_message SET status = ?, error_msg = NULL, updated_at = ? \
             WHERE message_id IN ({}) AND status IN (0, 1)",
            placeholders(ids.len())
        );
        let mut query = sqlx::query(assembled(sql))
            .bind(status::CONFIRMED)
            .bind(now);
        for id in &ids {
            query = query.bind(*id);
        }
        query.execute(&databases.shards[shard].pool).await?;
    }
    Ok(())
}
