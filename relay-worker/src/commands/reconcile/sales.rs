//! Flash sales and the batch writer: every accepted entry has ended, there is one purchase per sale, user and product,
//! and a sale's units are in its inventory row.

use super::count;
use super::finding::{Finding, Wrong};
use crate::clients::database::{Databases, assembled};
use crate::clients::redis::Redis;
use crate::loops::intake::streams::Streams;
use ::redis::streams::StreamRangeReply;
use anyhow::Context;
use contract::api::failure::FailureStatus;
use contract::store::sql::NOW_MS;
use domain::id::SALE_SKU_BIT;
use domain::limits::FAILURE_STALE_MS;
use domain::seckill::SeckillStatus;
use sqlx::Row as _;

/// Entries of each intake that are looked at.
const OLDEST_ENTRIES: usize = 10;

/// The number of recorded purchases.
const RECORDS: &str = "SELECT COUNT(*) FROM idempotency_records";
/// Recorded purchases without their order. A unique key of the table keeps a purchase from being recorded twice.
const RECORDS_ALONE: &str = "SELECT r.order_id FROM idempotency_records r \
     LEFT JOIN t_order o ON o.id = r.order_id AND o.user_id = r.user_id WHERE o.id IS NULL ORDER BY r.order_id LIMIT 1000";
/// Orders of sale units without a record of their own.
const UNRECORDED: &str = "SELECT i.order_id FROM t_order_item i \
     LEFT JOIN idempotency_records r ON r.order_id = i.order_id AND r.product_id = i.product_id \
     WHERE i.sku_id >= ? AND r.id IS NULL ORDER BY i.order_id LIMIT 1000";
/// Activities with what their inventory rows were seeded with.
const ROWS_OF_SALES: &str = "SELECT a.id, a.status, a.stock, i.seeded_stock FROM seckill_activity a \
     LEFT JOIN t_inventory i ON i.product_id = a.product_id AND i.sku_id = (CAST(? AS UNSIGNED) | (a.id << 32) | a.sku_id) \
     ORDER BY a.id";

/// Checks intakes, failures, purchases and the units of sales.
///
/// # Errors
/// Where a database or Redis is away.
pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    Ok(vec![
        entries(redis).await?,
        failures(databases).await?,
        purchases(databases).await?,
        units(databases).await?,
    ])
}

/// Finished entries are removed: one that stays is stuck. Only the oldest of each intake are looked at, as the others
/// are newer.
async fn entries(redis: &Redis) -> anyhow::Result<Finding> {
    let mut ended = Finding::new("4 every intake entry is an order or a failure");
    let mut streams = Streams::new(redis.clone(), String::new());
    let filled = streams.scan().await?;
    ended.checked = streams.count() as u64;
    for (name, length) in filled {
        let oldest: StreamRangeReply = ::redis::cmd("XRANGE")
            .arg(&name)
            .arg(&["-", "+", "COUNT"])
            .arg(OLDEST_ENTRIES)
            .query_async(&mut redis.connection())
            .await
            .context("Redis")?;
        for entry in oldest.ids {
            let text = format!("{name} holds {length}, the oldest {}", entry.id);
            ended.add(Wrong::new((&name, &entry.id), text));
        }
    }
    Ok(ended)
}

async fn failures(databases: &Databases) -> anyhow::Result<Finding> {
    let mut ended = Finding::new("4 every failure is retried, an order, or given up");
    ended.checked = count(&databases.inventory, "SELECT COUNT(*) FROM order_failures").await?;
    let stuck = format!(
        "SELECT id, updated_at FROM order_failures WHERE (status = ? AND updated_at < {NOW_MS} - 2 * {FAILURE_STALE_MS}) \
         OR (status = ? AND next_retry_at < {NOW_MS} - {FAILURE_STALE_MS}) ORDER BY id"
    );
    let stuck = sqlx::query(assembled(stuck))
        .bind(FailureStatus::Processing.code())
        .bind(FailureStatus::Pending.code())
        .fetch_all(&databases.inventory.pool)
        .await?;
    for row in stuck {
        let (id, updated_at): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
        let text = format!("failure {id} waits for its retry");
        ended.add(Wrong::new((id, updated_at), text));
    }
    Ok(ended)
}

async fn purchases(databases: &Databases) -> anyhow::Result<Finding> {
    let mut once = Finding::new("3 one order per flash sale, user and product");
    for shard in &databases.shards {
        once.checked += count(shard, RECORDS).await?;
        let alone: Vec<u64> = sqlx::query_scalar(RECORDS_ALONE)
            .fetch_all(&shard.pool)
            .await?;
        let unrecorded: Vec<u64> = sqlx::query_scalar(UNRECORDED)
            .bind(SALE_SKU_BIT)
            .fetch_all(&shard.pool)
            .await?;
        for order in alone {
            let text = format!("a record of order {order}, which is not there");
            once.add(Wrong::new((order, true), text));
        }
        for order in unrecorded {
            let text = format!("order {order} has no record");
            once.add(Wrong::new((order, false), text));
        }
    }
    Ok(once)
}

async fn units(databases: &Databases) -> anyhow::Result<Finding> {
    let mut own = Finding::new("1 an open flash sale's units are its row");
    let rows = sqlx::query(ROWS_OF_SALES)
        .bind(SALE_SKU_BIT)
        .fetch_all(&databases.inventory.pool)
        .await?;
    for row in rows {
        let (id, status): (u64, u8) = (row.try_get(0)?, row.try_get(1)?);
        let (stock, seeded): (u32, Option<u32>) = (row.try_get(2)?, row.try_get(3)?);
        let agrees = agrees(SeckillStatus::from_code(status), stock, seeded);
        own.note((!agrees).then(|| {
            let text =
                format!("activity {id} of status {status} has {stock} units, its row {seeded:?}");
            Wrong::new((id, status), text)
        }));
    }
    Ok(own)
}

/// Whether an activity's inventory row may have been seeded with `seeded` units.
fn agrees(status: Option<SeckillStatus>, stock: u32, seeded: Option<u32>) -> bool {
    match (status, seeded) {
        (Some(SeckillStatus::Planned), seeded) => seeded.is_none(),
        (Some(SeckillStatus::Open), seeded) => seeded == Some(stock),
        // Unsold units were returned; a sale that was never preheated has no row.
        (Some(SeckillStatus::Ended), seeded) => seeded.is_none_or(|seeded| seeded <= stock),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_has_what_its_status_allows() {
        use SeckillStatus::{Ended, Open, Planned};
        for (status, seeded, good) in [
            (Some(Planned), None, true),
            (Some(Planned), Some(5), false),
            (Some(Open), Some(5), true),
            (Some(Open), Some(4), false),
            (Some(Open), None, false),
            (Some(Ended), Some(3), true),
            (Some(Ended), Some(6), false),
            (None, None, false),
        ] {
            assert_eq!(agrees(status, 5, seeded), good, "{status:?} {seeded:?}");
        }
    }
}
