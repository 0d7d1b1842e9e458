//! Flash sales and the batch writer: every accepted entry has ended, one purchase per sale, user and product, and a
//! sale's units are its row.

use super::count;
use super::finding::Finding;
use crate::clock::now_ms;
use crate::database::Databases;
use crate::intake::streams::Streams;
use crate::redis::Redis;
use contract::failure::FailureStatus;
use domain::id::SALE_SKU_BIT;
use domain::limits::FAILURE_STALE_MS;
use domain::seckill::SeckillStatus;
use sqlx::Row as _;

const RECORDS: &str = "SELECT COUNT(*) FROM idempotency_records";
/// Purchases without their order. That a purchase is recorded once is the table's unique key.
const RECORDS_ALONE: &str = "SELECT COUNT(*) FROM idempotency_records r \
     LEFT JOIN t_order o ON o.id = r.order_id AND o.user_id = r.user_id WHERE o.id IS NULL";
/// Orders of sale units whose record is another order's, or none.
const SALE_ITEMS: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(r.id IS NULL), 0) AS SIGNED) FROM t_order_item i \
     LEFT JOIN idempotency_records r ON r.order_id = i.order_id AND r.product_id = i.product_id WHERE i.sku_id >= ?";
const ROWS_OF_SALES: &str = "SELECT a.id, a.status, a.stock, i.seeded_stock FROM seckill_activity a \
     LEFT JOIN t_inventory i ON i.product_id = a.product_id AND i.sku_id = (CAST(? AS UNSIGNED) | (a.id << 32) | a.sku_id) \
     ORDER BY a.id";

pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    Ok(vec![
        entries(redis).await?,
        failures(databases).await?,
        purchases(databases).await?,
        units(databases).await?,
    ])
}

/// Whether the batch writer has something to do.
pub async fn on_its_way(redis: &Redis) -> anyhow::Result<bool> {
    Ok(!streams(redis).scan().await?.is_empty())
}

fn streams(redis: &Redis) -> Streams {
    Streams::new(redis.clone(), "reconcile".to_owned())
}

/// What is done with is removed, so an intake's length is what has not ended.
async fn entries(redis: &Redis) -> anyhow::Result<Finding> {
    let mut ended = Finding::new("4 every intake entry is an order or a failure");
    let mut streams = streams(redis);
    for (name, length) in streams.scan().await? {
        ended.broken += length;
        ended
            .example
            .get_or_insert_with(|| format!("{name} holds {length}"));
    }
    ended.checked = streams.count() as u64;
    Ok(ended)
}

async fn failures(databases: &Databases) -> anyhow::Result<Finding> {
    let mut ended = Finding::new("4 every failure is retried, an order, or given up");
    ended.checked = count(&databases.inventory, "SELECT COUNT(*) FROM order_failures").await?;
    let now = now_ms();
    let stuck = sqlx::query(
        "SELECT id FROM order_failures WHERE (status = ? AND updated_at < ?) OR (status = ? AND next_retry_at < ?) \
         ORDER BY id",
    )
    .bind(FailureStatus::Processing.code())
    .bind(now.saturating_sub(2 * FAILURE_STALE_MS))
    .bind(FailureStatus::Pending.code())
    .bind(now.saturating_sub(FAILURE_STALE_MS))
    .fetch_all(&databases.inventory.pool)
    .await?;
    ended.broken = stuck.len() as u64;
    if let Some(row) = stuck.first() {
        let id: u64 = row.try_get(0)?;
        ended.example = Some(format!("failure {id} waits for its retry"));
    }
    Ok(ended)
}

async fn purchases(databases: &Databases) -> anyhow::Result<Finding> {
    let mut once = Finding::new("3 one order per flash sale, user and product");
    for shard in &databases.shards {
        let alone = count(shard, RECORDS_ALONE).await?;
        let row = sqlx::query(SALE_ITEMS)
            .bind(SALE_SKU_BIT)
            .fetch_one(&shard.pool)
            .await?;
        let unrecorded = u64::try_from(row.try_get::<i64, _>(1)?).unwrap_or_default();
        once.checked += count(shard, RECORDS).await?;
        once.broken += alone + unrecorded;
        if alone + unrecorded > 0 {
            once.example.get_or_insert_with(|| {
                format!(
                    "{}: {alone} records without an order, {unrecorded} orders without a record",
                    shard.name
                )
            });
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
            format!("activity {id} of status {status} has {stock} units, its row {seeded:?}")
        }));
    }
    Ok(own)
}

/// What an activity's own row can have been seeded with.
fn agrees(status: Option<SeckillStatus>, stock: u32, seeded: Option<u32>) -> bool {
    match (status, seeded) {
        (Some(SeckillStatus::Planned), seeded) => seeded.is_none(),
        (Some(SeckillStatus::Open), seeded) => seeded == Some(stock),
        // What was unsold went back; one that was never preheated has no row.
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
