//! After the inventory database was restored to an older state, the stock moves that it lost are sent again: those
//! missing from its log of consumed messages. The consumer skips a message that it has already applied.

use super::Sweep;
use crate::clients::database::{Database, assembled, padded};
use crate::limits::{RESEND_QUIET_PAGES, STATEMENT_ROWS_MAX};
use crate::loops::stock::consumed;
use contract::store::sql::{NOW_MS, placeholders};
use sqlx::Row as _;

/// Position of the comparison: shard by shard, newest outbox row first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    shard: usize,
    before: u64,
    /// Consecutive pages without a lost message.
    quiet: u32,
}

impl Place {
    /// The newest row of the first shard.
    pub const START: Place = Place {
        shard: 0,
        before: u64::MAX,
        quiet: 0,
    };

    /// The next position after a page; `None` after the last shard. Lost messages are near the end of an outbox, so a
    /// shard is done after `RESEND_QUIET_PAGES` pages without any.
    fn after(self, last: Option<u64>, lost: usize, shards: usize) -> Option<Place> {
        let quiet = if lost > 0 { 0 } else { self.quiet + 1 };
        match last {
            Some(before) if quiet < RESEND_QUIET_PAGES => Some(Place {
                before,
                quiet,
                ..self
            }),
            _ if self.shard + 1 < shards => Some(Place {
                shard: self.shard + 1,
                ..Place::START
            }),
            _ => None,
        }
    }
}

const SENT: &str = "SELECT id, message_id FROM t_local_message WHERE id < ? AND status IN (1, 2) ORDER BY id DESC LIMIT ?";

impl Sweep {
    /// Compares one page of an outbox with what the inventory has consumed and sends lost moves again. Returns the next
    /// position; `None` at the end.
    ///
    /// # Errors
    /// When a database fails; the page is to be compared again.
    pub async fn resend(&self, place: Place) -> anyhow::Result<Option<Place>> {
        let shards = &self.databases.shards;
        let Some(shard) = shards.get(place.shard) else {
            return Ok(None);
        };
        let rows = sqlx::query(SENT)
            .bind(place.before)
            .bind(STATEMENT_ROWS_MAX as u32)
            .fetch_all(&shard.pool)
            .await?;
        let mut sent: Vec<(u64, String)> = Vec::with_capacity(rows.len());
        for row in &rows {
            sent.push((row.try_get(0)?, row.try_get(1)?));
        }
        let Some((last, _)) = sent.last() else {
            return Ok(place.after(None, 0, shards.len()));
        };
        let last = Some(*last).filter(|_| sent.len() == STATEMENT_ROWS_MAX);
        let messages: Vec<&str> = sent.iter().map(|(_, message)| message.as_str()).collect();
        let mut session = self.databases.inventory.pool.acquire().await?;
        let consumed = consumed::known(&mut session, &messages).await?;
        drop(session);
        let missing = sent
            .iter()
            .filter(|(_, message)| !consumed.contains(message));
        let missing: Vec<u64> = missing.map(|(id, _)| *id).collect();
        let lost = moves_of_stock(shard, &missing).await?;
        if !lost.is_empty() {
            send_again(shard, &lost).await?;
            tracing::error!(
                messages = lost.len(),
                shard = shard.name,
                "moves of stock that the inventory database has lost are sent again"
            );
        }
        Ok(place.after(last, lost.len(), shards.len()))
    }
}

/// Those of these rows whose event moves stock.
async fn moves_of_stock(shard: &Database, rows: &[u64]) -> anyhow::Result<Vec<u64>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let rows = padded(rows);
    let sql = format!(
        "SELECT id, CAST(payload AS CHAR) FROM t_local_message WHERE id IN ({})",
        placeholders(rows.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for row in &rows {
        query = query.bind(row);
    }
    let mut moves = Vec::new();
    for row in query.fetch_all(&shard.pool).await? {
        let payload: String = row.try_get(1)?;
        let event: serde_json::Value = serde_json::from_str(&payload).unwrap_or_default();
        if !event["stock"].is_null() {
            moves.push(row.try_get(0)?);
        }
    }
    Ok(moves)
}

async fn send_again(shard: &Database, rows: &[u64]) -> sqlx::Result<()> {
    let rows = padded(rows);
    let sql = format!(
        "UPDATE t_local_message SET status = 0, confirmed_at = NULL, next_retry_at = 0, updated_at = {NOW_MS} \
         WHERE status IN (1, 2) AND id IN ({})",
        placeholders(rows.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for row in &rows {
        query = query.bind(row);
    }
    query.execute(&shard.pool).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_compared_as_far_as_it_makes_sense() {
        let mut place = Place::START;
        for page in 1..RESEND_QUIET_PAGES {
            place = place.after(Some(1_000_000), 0, 2).unwrap();
            assert_eq!((place.shard, place.quiet), (0, page));
        }
        place = place.after(Some(999), 1, 2).unwrap();
        assert_eq!((place.shard, place.quiet, place.before), (0, 0, 999));
        place = place.after(None, 5, 2).unwrap();
        assert_eq!(
            place,
            Place {
                shard: 1,
                ..Place::START
            }
        );
        assert_eq!(place.after(None, 0, 2), None);
    }
}
