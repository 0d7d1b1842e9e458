//! For operators: lists outbox rows that were given up or wait, and sends them again once the cause is fixed.

use super::status;
use crate::clients::database::{Database, assembled};
use contract::store::sql::NOW_MS;
use sqlx::Row as _;
use std::fmt::Write as _;

/// Which rows are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Which {
    /// Given up
    Dead,
    /// Not sent yet
    Waiting,
    /// Sent, and not yet taken in by the stock consumer
    Sent,
}

impl Which {
    const fn status(self) -> u8 {
        match self {
            Which::Dead => status::DEAD,
            Which::Waiting => status::WAITING,
            Which::Sent => status::SENT,
        }
    }
}

/// A row as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The shard, as `host:port/database`.
    pub database: String,
    /// UUID of the order's id and version.
    pub message_id: String,
    /// In decimal.
    pub order_id: String,
    /// Such as `order.created`.
    pub event_type: String,
    /// Sends that failed, for any reason.
    pub failed: u32,
    /// Sends that the bus refused.
    pub refused: u32,
    /// Since the order's change, by the shard's clock.
    pub age_ms: u64,
    /// Of the last send; empty where it did not fail.
    pub error: String,
}

/// The oldest rows of a kind, at most `limit` per shard.
///
/// # Errors
/// When a shard fails.
pub async fn list(shards: &[Database], which: Which, limit: u32) -> anyhow::Result<Vec<Listed>> {
    let sql = format!(
        "SELECT message_id, tx_id, event_type, retry_count, refused_count, \
         {NOW_MS} - CAST(created_at AS SIGNED), COALESCE(error_msg, '') FROM t_local_message \
         WHERE status = ? ORDER BY id LIMIT ?"
    );
    let mut listed = Vec::new();
    for shard in shards {
        let rows = sqlx::query(assembled(sql.clone()))
            .bind(which.status())
            .bind(limit)
            .fetch_all(&shard.pool)
            .await?;
        for row in rows {
            listed.push(Listed {
                database: shard.name.clone(),
                message_id: row.try_get(0)?,
                order_id: row.try_get(1)?,
                event_type: row.try_get(2)?,
                failed: row.try_get(3)?,
                refused: row.try_get(4)?,
                age_ms: row.try_get::<i64, _>(5)?.try_into().unwrap_or(0),
                error: row.try_get(6)?,
            });
        }
    }
    Ok(listed)
}

/// A table of the rows, as text.
pub fn table(rows: &[Listed]) -> String {
    let mut text = format!(
        "{:36}  {:>19}  {:22}  {:>6}  {:>7}  {:>9}  {}\n",
        "message_id", "order_id", "event_type", "failed", "refused", "age_s", "shard: error"
    );
    for row in rows {
        let _ = writeln!(
            text,
            "{:36}  {:>19}  {:22}  {:>6}  {:>7}  {:>9}  {}: {}",
            row.message_id,
            row.order_id,
            row.event_type,
            row.failed,
            row.refused,
            row.age_ms / 1_000,
            row.database,
            row.error
        );
    }
    text
}

/// Makes rows that were given up due again, with all their attempts: those of these message or order ids, or all.
/// Returns their number. Rows that wait become due by themselves.
///
/// # Errors
/// When a shard fails; those before it are done.
pub async fn resend(shards: &[Database], ids: Option<&[String]>) -> anyhow::Result<u64> {
    const HEAD: &str = "UPDATE t_local_message SET status = 0, retry_count = 0, refused_count = 0, next_retry_at = 0, \
         error_msg = NULL, lease_owner = NULL, lease_until = 0 WHERE status = 3";
    let mut rows = 0;
    for shard in shards {
        let Some(ids) = ids else {
            let all = sqlx::query(HEAD).execute(&shard.pool).await?;
            rows += all.rows_affected();
            continue;
        };
        let sql = format!("{HEAD} AND (message_id = ? OR tx_id = ?)");
        for id in ids {
            let some = sqlx::query(assembled(sql.clone()))
                .bind(id)
                .bind(id)
                .execute(&shard.pool)
                .await?;
            rows += some.rows_affected();
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line() {
        let row = Listed {
            database: "h:3306/order_0".to_owned(),
            message_id: "m".to_owned(),
            order_id: "7".to_owned(),
            event_type: "order.created".to_owned(),
            failed: 6,
            refused: 6,
            age_ms: 61_000,
            error: "too large".to_owned(),
        };
        let text = table(&[row]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(
            lines[1].ends_with("61  h:3306/order_0: too large"),
            "{text}"
        );
    }
}
