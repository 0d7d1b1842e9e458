//! Claims rows by a lease, so that no lock is held while Kafka is awaited. Any number of relays may claim at once: each
//! skips rows that another has locked.

use super::plan::{self, Unsent};
use super::{Row, status};
use crate::clients::database::{Database, assembled, padded};
use crate::limits::LEASE_MS_MAX;
use contract::store::sql::{NOW_MS, placeholders};
use domain::limits::AWAY_RETRY_MS_MAX;
use sqlx::{MySql, Row as _, Transaction};
use std::collections::HashSet;
use std::sync::LazyLock;

/// The outcome of a claim.
#[derive(Debug, Default)]
pub struct Claimed {
    /// Leased rows, by id.
    pub rows: Vec<Row>,
    /// More rows may be due already.
    pub full: bool,
    /// Some due rows wait for an earlier one of their order.
    pub blocked: bool,
    /// Ms until the next row is due, where none was; `None` where some were or no row waits.
    pub next_due_ms: Option<u64>,
}

/// Times are by the shard's own clock. One that lies further ahead than any wait or lease was written before that clock
/// was set back, and is due.
static CANDIDATES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT id, message_id, tx_id, CAST(payload AS CHAR), retry_count, refused_count, {NOW_MS} FROM t_local_message \
         WHERE status = 0 AND (next_retry_at <= {NOW_MS} OR next_retry_at > {NOW_MS} + {AWAY_RETRY_MS_MAX}) \
         AND (lease_until <= {NOW_MS} OR lease_until > {NOW_MS} + {LEASE_MS_MAX}) \
         ORDER BY next_retry_at, id LIMIT ? FOR UPDATE SKIP LOCKED"
    )
});

/// Leases up to `limit` due rows to `owner` for `lease_ms`: new ones first, then those that are due the longest.
///
/// # Errors
/// When the database fails; nothing is claimed then.
pub async fn claim(
    shard: &Database,
    owner: &str,
    limit: u32,
    lease_ms: u64,
) -> sqlx::Result<Claimed> {
    let mut tx = shard.begin().await?;
    let found = sqlx::query(assembled(CANDIDATES.clone()))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    let Some(first) = found.first() else {
        tx.rollback().await?;
        let next_due_ms = next_due_ms(shard).await?;
        return Ok(Claimed {
            next_due_ms,
            ..Claimed::default()
        });
    };
    let now = first.try_get::<i64, _>(6)?.unsigned_abs();
    let full = found.len() as u64 == u64::from(limit);
    let mut rows = found.iter().map(row).collect::<sqlx::Result<Vec<Row>>>()?;
    let unsent = unsent(&mut tx, &rows).await?;
    let candidates: Vec<(u64, &str)> = rows
        .iter()
        .map(|row| (row.id, row.tx_id.as_str()))
        .collect();
    let plan = plan::claim(&candidates, &unsent, now);
    lease(&mut tx, &plan.take, owner, lease_ms).await?;
    for (id, at) in &plan.postpone {
        sqlx::query("UPDATE t_local_message SET next_retry_at = ? WHERE id = ? AND status = 0")
            .bind(at)
            .bind(id)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    let taken: HashSet<u64> = plan.take.into_iter().collect();
    rows.retain(|row| taken.contains(&row.id));
    rows.sort_unstable_by_key(|row| row.id);
    Ok(Claimed {
        rows,
        full,
        blocked: !plan.postpone.is_empty(),
        next_due_ms: None,
    })
}

fn row(found: &sqlx::mysql::MySqlRow) -> sqlx::Result<Row> {
    Ok(Row {
        id: found.try_get(0)?,
        message_id: found.try_get(1)?,
        tx_id: found.try_get(2)?,
        payload: found.try_get(3)?,
        retry_count: found.try_get(4)?,
        refused_count: found.try_get(5)?,
    })
}

/// Every unsent row of the candidates' orders.
async fn unsent(tx: &mut Transaction<'_, MySql>, rows: &[Row]) -> sqlx::Result<Vec<Unsent>> {
    let mut orders: Vec<&str> = rows.iter().map(|row| row.tx_id.as_str()).collect();
    orders.sort_unstable();
    orders.dedup();
    let orders = padded(&orders);
    let sql = format!(
        "SELECT id, tx_id, GREATEST(next_retry_at, lease_until) FROM t_local_message \
         WHERE tx_id IN ({}) AND status = 0",
        placeholders(orders.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for order in &orders {
        query = query.bind(*order);
    }
    query
        .fetch_all(&mut **tx)
        .await?
        .iter()
        .map(|found| {
            Ok(Unsent {
                id: found.try_get(0)?,
                tx_id: found.try_get(1)?,
                claimable_at: found.try_get(2)?,
            })
        })
        .collect()
}

async fn lease(
    tx: &mut Transaction<'_, MySql>,
    ids: &[u64],
    owner: &str,
    lease_ms: u64,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(ids);
    let sql = format!(
        "UPDATE t_local_message SET lease_owner = ?, lease_until = {NOW_MS} + ? WHERE id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql)).bind(owner).bind(lease_ms);
    for id in &ids {
        query = query.bind(id);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// Ms until the first unsent row may be claimed: it is due and its lease has ended.
async fn next_due_ms(shard: &Database) -> sqlx::Result<Option<u64>> {
    let sql = format!(
        "SELECT CAST(GREATEST(next_retry_at, lease_until) AS SIGNED) - ({NOW_MS}) FROM t_local_message \
         WHERE status = 0 ORDER BY next_retry_at, id LIMIT 1"
    );
    let wait: Option<i64> = sqlx::query_scalar(assembled(sql))
        .fetch_optional(&shard.pool)
        .await?;
    Ok(wait.map(|ms| ms.try_into().unwrap_or(0)))
}

/// Makes sent rows wait again, for the embedded broker, whose messages ended with the last process; returns their
/// number.
///
/// # Errors
/// When the database fails.
pub async fn send_again(shard: &Database) -> sqlx::Result<u64> {
    const ROWS: u32 = 5_000;
    let mut all = 0;
    loop {
        let sql = "UPDATE t_local_message SET status = ?, lease_owner = NULL, lease_until = 0 WHERE status = ? LIMIT ?";
        let changed = sqlx::query(sql)
            .bind(status::WAITING)
            .bind(status::SENT)
            .bind(ROWS)
            .execute(&shard.pool)
            .await?
            .rows_affected();
        all += changed;
        if changed < u64::from(ROWS) {
            break;
        }
    }
    // Leases of the last process: with the embedded broker there is no other relay.
    sqlx::query("UPDATE t_local_message SET lease_owner = NULL, lease_until = 0 WHERE status = ? AND lease_until > 0")
        .bind(status::WAITING)
        .execute(&shard.pool)
        .await?;
    Ok(all)
}
