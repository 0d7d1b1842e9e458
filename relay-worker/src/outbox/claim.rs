//! Claiming: rows are stamped with a lease and let go of, so that no lock is held while Kafka is awaited.
//! Any number of relays may claim at once: each skips what another holds.

use super::plan::{self, Unsent};
use super::{Row, status};
use crate::database::{Database, assembled, padded};
use contract::sql::placeholders;
use domain::Ms;
use sqlx::{MySql, Row as _, Transaction};
use std::collections::HashSet;

/// What a claim brought.
#[derive(Debug, Default)]
pub struct Claimed {
    pub rows: Vec<Row>,
    /// There may be more at once.
    pub full: bool,
    /// Rows wait for an earlier one of their order.
    pub blocked: bool,
    /// When the next row is due, where none was.
    pub next_due: Option<Ms>,
}

const CANDIDATES: &str = "SELECT id, message_id, tx_id, CAST(payload AS CHAR), retry_count FROM t_local_message \
     WHERE status = 0 AND next_retry_at <= ? AND lease_until <= ? ORDER BY next_retry_at, id LIMIT ? FOR UPDATE SKIP LOCKED";

/// Takes up to `limit` due rows for `owner` until `now + lease_ms`, oldest first.
///
/// # Errors
/// When the database fails; nothing is claimed then.
pub async fn claim(
    shard: &Database,
    owner: &str,
    limit: u32,
    now: Ms,
    lease_ms: u64,
) -> sqlx::Result<Claimed> {
    let mut tx = shard.begin().await?;
    let found = sqlx::query(CANDIDATES)
        .bind(now)
        .bind(now)
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
    if found.is_empty() {
        tx.rollback().await?;
        let next_due = next_due(shard).await?;
        return Ok(Claimed {
            next_due,
            ..Claimed::default()
        });
    }
    let full = found.len() as u64 == u64::from(limit);
    let mut rows = found.iter().map(row).collect::<sqlx::Result<Vec<Row>>>()?;
    let unsent = unsent(&mut tx, &rows).await?;
    let candidates: Vec<(u64, &str)> = rows
        .iter()
        .map(|row| (row.id, row.tx_id.as_str()))
        .collect();
    let plan = plan::claim(&candidates, &unsent, now);
    lease(&mut tx, &plan.take, owner, now + lease_ms).await?;
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
        next_due: None,
    })
}

fn row(found: &sqlx::mysql::MySqlRow) -> sqlx::Result<Row> {
    Ok(Row {
        id: found.try_get(0)?,
        message_id: found.try_get(1)?,
        tx_id: found.try_get(2)?,
        payload: found.try_get(3)?,
        retry_count: found.try_get(4)?,
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
    until: Ms,
) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(ids);
    let sql = format!(
        "UPDATE t_local_message SET lease_owner = ?, lease_until = ? WHERE id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql)).bind(owner).bind(until);
    for id in &ids {
        query = query.bind(id);
    }
    query.execute(&mut **tx).await?;
    Ok(())
}

/// When the earliest unsent row is due; leases of other relays count as due times.
async fn next_due(shard: &Database) -> sqlx::Result<Option<Ms>> {
    sqlx::query_scalar(
        "SELECT GREATEST(next_retry_at, lease_until) FROM t_local_message WHERE status = 0 \
         ORDER BY next_retry_at, id LIMIT 1",
    )
    .fetch_optional(&shard.pool)
    .await
}

/// Puts sent rows back, for a broker whose memory died with the relay before; the number of rows.
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
    // Leases of the relay before: with the embedded broker there is no other one.
    sqlx::query("UPDATE t_local_message SET lease_owner = NULL, lease_until = 0 WHERE status = ? AND lease_until > 0")
        .bind(status::WAITING)
        .execute(&shard.pool)
        .await?;
    Ok(all)
}
