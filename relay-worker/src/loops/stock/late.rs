//! Confirms outbox rows late: those whose message was applied to stock, but whose shard was away then or whose relay
//! died before the confirmation. They are found by their status: sent, not confirmed.

use super::message::{self, StockMove};
use super::rows::Lock;
use super::shards::Shards;
use super::{apply, consumed};
use crate::clients::database::{Database, assembled};
use crate::limits::{LATE_AFTER_MS, LATE_EVERY_MS, LATE_ROWS_MAX, ROUND_TIMEOUT_MS};
use crate::loops::outbox::{Row, record};
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use contract::store::sql::NOW_MS;
use contract::wire::message::STOCK;
use domain::OrderId;
use sqlx::Row as _;
use std::time::Duration;

/// The loop of one shard.
pub struct Late {
    /// Index of the shard.
    pub shard: usize,
    /// The databases, Redis and the metrics.
    pub shards: Shards,
}

/// Where the next page begins: due time and id of the last row seen.
type Cursor = (u64, u64);

impl Late {
    /// Runs until shutdown.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new(format!("late confirmations of shard {}", self.shard));
        let mut after: Option<Cursor> = None;
        while !shutdown.requested() {
            let round = self.round(after.unwrap_or_default());
            let pause = match within(ROUND_TIMEOUT_MS, "late confirmations", round).await {
                Ok(next) => {
                    outage.over();
                    after = next;
                    Duration::from_millis(LATE_EVERY_MS)
                }
                Err(error) => outage.failed(&error),
            };
            if after.is_none() && shutdown.pause(pause).await {
                return;
            }
        }
    }

    /// Confirms the next page of rows; returns where the next one begins, or `None` at the end.
    async fn round(&self, after: Cursor) -> anyhow::Result<Option<Cursor>> {
        let database = &self.shards.databases.shards[self.shard];
        let (rows, next) = unconfirmed(database, after).await?;
        let mut moves: Vec<StockMove> = rows.iter().filter_map(stock_move).collect();
        let inventory = &self.shards.databases.inventory;
        let ids: Vec<&str> = moves.iter().map(|one| one.message_id.as_str()).collect();
        if ids.is_empty() {
            return Ok(next);
        }
        let known = consumed::known(&mut *inventory.pool.acquire().await?, &ids).await?;
        moves.retain(|one| known.contains(&one.message_id));
        if moves.is_empty() {
            return Ok(next);
        }
        // All of them are known, so this only reads their outcome.
        let applied = apply::apply(inventory, &moves, Lock::No).await?;
        let ids: Vec<&str> = moves.iter().map(|one| one.message_id.as_str()).collect();
        let orders: Vec<OrderId> = applied.refused.keys().copied().collect();
        let refused = &applied.refused;
        self.shards
            .inform_one(self.shard, &ids, &orders, refused)
            .await?;
        tracing::info!(shard = self.shard, messages = ids.len(), "confirmed late");
        Ok(next)
    }
}

/// A page of rows that were sent some time ago and are not confirmed, and where the next one begins.
async fn unconfirmed(
    database: &Database,
    (due, id): Cursor,
) -> anyhow::Result<(Vec<Row>, Option<Cursor>)> {
    let sql = format!(
        "SELECT id, message_id, tx_id, CAST(payload AS CHAR), retry_count, refused_count, next_retry_at, \
         updated_at <= {NOW_MS} - {LATE_AFTER_MS} OR updated_at > {NOW_MS} FROM t_local_message WHERE status = 1 \
         AND (next_retry_at > ? OR (next_retry_at = ? AND id > ?)) ORDER BY next_retry_at, id LIMIT ?"
    );
    let found = sqlx::query(assembled(sql))
        .bind(due)
        .bind(due)
        .bind(id)
        .bind(LATE_ROWS_MAX)
        .fetch_all(&database.pool)
        .await?;
    let (mut rows, mut last) = (Vec::new(), None);
    for row in &found {
        let id = row.try_get(0)?;
        last = Some((row.try_get(6)?, id));
        let late: i64 = row.try_get(7)?;
        if late == 1 {
            rows.push(Row {
                id,
                message_id: row.try_get(1)?,
                tx_id: row.try_get(2)?,
                payload: row.try_get(3)?,
                retry_count: row.try_get(4)?,
                refused_count: row.try_get(5)?,
            });
        }
    }
    let full = found.len() as u64 == u64::from(LATE_ROWS_MAX);
    Ok((rows, last.filter(|_| full)))
}

/// The stock move of a row's message, as it was published; `None` where there is none.
fn stock_move(row: &Row) -> Option<StockMove> {
    let envelope = record::envelope(row, "").ok()?;
    let record = envelope
        .records
        .iter()
        .find(|record| record.topic == STOCK)?;
    message::parse(&record.value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_row_says_which_stock_it_moves() {
        let row = fixtures::created_row(1, 2);
        let one = stock_move(&row).unwrap();
        assert_eq!(one.message_id, row.message_id);
        assert_eq!(one.lines[0].quantity, 2);
    }
}
