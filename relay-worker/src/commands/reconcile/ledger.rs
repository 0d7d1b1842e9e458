//! The outbox and the unique keys: each outbox row has ended and belongs to an order, and nothing took effect twice.

use super::count;
use super::finding::{Finding, Wrong};
use super::lookup::{each_outbox_row, retried, stored};
use crate::clients::database::{Database, Databases, assembled};
use crate::clients::redis::Redis;
use crate::limits::SWEEP_EVERY_MS;
use crate::orders::queued;
use anyhow::Context;
use contract::store::sql::NOW_MS;
use domain::OrderId;
use domain::limits::ORPHAN_AGE_MS;
use sqlx::Row as _;

/// Orders of the stock log read at once.
const ROWS: u32 = 1_000;

/// A page of the outbox. Each statement is one snapshot: a row is written with its order.
const OUTBOX: &str = "SELECT m.id, m.message_id, m.status, o.id IS NOT NULL FROM t_local_message m \
     LEFT JOIN t_order o ON o.id = CAST(m.tx_id AS UNSIGNED) WHERE m.id > ? AND m.id <= ? ORDER BY m.id LIMIT ?";
/// Orders that have items but no row.
const ORPHAN_ITEMS: &str = "SELECT DISTINCT i.order_id FROM t_order_item i LEFT JOIN t_order o ON o.id = i.order_id WHERE o.id IS NULL \
     ORDER BY i.order_id LIMIT 1000";
/// The number of orders with an idempotency key.
const KEYS: &str = "SELECT COUNT(*) FROM t_order WHERE idempotency_key IS NOT NULL";
/// Orders that share an idempotency key. A unique key of the table forbids it, unless a restored copy lacks that.
const KEYS_TWICE: &str = "SELECT MIN(id) FROM t_order WHERE idempotency_key IS NOT NULL \
     GROUP BY user_id, idempotency_key HAVING COUNT(*) > 1 LIMIT 1000";
/// The number of messages consumed.
const CONSUMED: &str = "SELECT COUNT(*) FROM t_message_consume_log";
/// Messages consumed twice by one group; forbidden by a unique key likewise.
const CONSUMED_TWICE: &str = "SELECT MIN(id) FROM t_message_consume_log \
     GROUP BY message_id, consumer_group HAVING COUNT(*) > 1 LIMIT 1000";

/// Checks the outboxes, the unique keys and the reservations.
///
/// # Errors
/// Where a database or Redis is away.
pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    let mut ended = Finding::new("4 every outbox row is confirmed or given up");
    let mut dead = Finding::new("4 no event was given up (`outbox list`, `outbox resend`)");
    let mut owned = Finding::new("2 every outbox row has its order");
    let mut keys = Finding::new("3 one order per idempotency key");
    let mut items = Finding::new("2 no item without its order");
    for shard in &databases.shards {
        outbox(shard, [&mut ended, &mut dead, &mut owned])
            .await
            .with_context(|| shard.name.clone())?;
        items.checked += count(shard, "SELECT COUNT(*) FROM t_order_item").await?;
        named(shard, ORPHAN_ITEMS, "items of order", &mut items).await?;
        keys.checked += count(shard, KEYS).await?;
        named(shard, KEYS_TWICE, "the key of order", &mut keys).await?;
    }
    let mut consumed = Finding::new("3 one effect per message and consumer");
    consumed.checked = count(&databases.inventory, CONSUMED).await?;
    let inventory = &databases.inventory;
    named(inventory, CONSUMED_TWICE, "consumed row", &mut consumed).await?;
    let reserved = reservations(databases, redis).await?;
    Ok(vec![owned, items, keys, consumed, ended, dead, reserved])
}

/// Adds each id that a query gives as wrong.
async fn named(
    database: &Database,
    sql: &'static str,
    what: &str,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let ids: Vec<u64> = sqlx::query_scalar(sql)
        .fetch_all(&database.pool)
        .await
        .with_context(|| database.name.clone())?;
    for id in ids {
        finding.add(Wrong::new(id, format!("{what} {id}")));
    }
    Ok(())
}

async fn outbox(shard: &Database, [ended, dead, owned]: [&mut Finding; 3]) -> anyhow::Result<()> {
    each_outbox_row(shard, OUTBOX, |row| {
        let (message, status, there): (String, u8, i64) =
            (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let wrong = |text: String| Wrong::new((&message, status), text);
        ended.note((status < 2).then(|| wrong(format!("message {message} has status {status}"))));
        dead.note((status == 3).then(|| wrong(format!("message {message}"))));
        owned.note((there == 0).then(|| Wrong::new(&message, format!("message {message}"))));
        Ok(())
    })
    .await
}

/// Units reserved in the inventory for an order that neither exists nor is still to be written.
async fn reservations(databases: &Databases, redis: &Redis) -> anyhow::Result<Finding> {
    let mut held = Finding::new("6 no reservation outlives a request that failed");
    let sql = format!(
        "SELECT DISTINCT order_id FROM t_stock_log WHERE order_id > ? AND state IN (1, 2) AND created_at <= {NOW_MS} - ? \
         ORDER BY order_id LIMIT ?"
    );
    let mut after = 0u64;
    loop {
        let ids: Vec<u64> = sqlx::query_scalar(assembled(sql.clone()))
            .bind(after)
            .bind(ORPHAN_AGE_MS + 3 * SWEEP_EVERY_MS)
            .bind(ROWS)
            .fetch_all(&databases.inventory.pool)
            .await?;
        let Some(last) = ids.last() else {
            return Ok(held);
        };
        after = *last;
        let orders: Vec<OrderId> = ids.into_iter().filter_map(OrderId::new).collect();
        let mut waiting = queued::which(redis, &orders).await?;
        waiting.extend(retried(databases, &orders).await?);
        let existing = stored(databases, orders.iter().copied()).await?;
        for order in orders {
            let orphan = !existing.contains_key(&order) && !waiting.contains(&order);
            let text = || format!("order {order} was never inserted");
            held.note(orphan.then(|| Wrong::new(order, text())));
        }
    }
}
