//! The outbox and the guards: each row ended, belongs to an order, and nothing took effect twice.

use super::count;
use super::finding::Finding;
use crate::availability::Availability;
use crate::clock::now_ms;
use crate::database::{Database, Databases};
use crate::limits::SWEEP_EVERY_MS;
use crate::sweep::existing;
use anyhow::Context;
use domain::OrderId;
use domain::limits::ORPHAN_AGE_MS;
use sqlx::Row as _;
use std::collections::HashSet;

const ROWS: u32 = 1_000;

const ORPHAN_ITEMS: &str = "SELECT COUNT(*) FROM t_order_item i LEFT JOIN t_order o ON o.id = i.order_id WHERE o.id IS NULL";
const KEYS: &str = "SELECT COUNT(*) FROM t_order WHERE idempotency_key IS NOT NULL";
const KEYS_TWICE: &str = "SELECT COUNT(*) FROM (SELECT user_id FROM t_order WHERE idempotency_key IS NOT NULL \
     GROUP BY user_id, idempotency_key HAVING COUNT(*) > 1) AS twice";
const CONSUMED: &str = "SELECT COUNT(*) FROM t_message_consume_log";
const CONSUMED_TWICE: &str = "SELECT COUNT(*) FROM (SELECT message_id FROM t_message_consume_log \
     GROUP BY message_id, consumer_group HAVING COUNT(*) > 1) AS twice";

pub async fn check(databases: &Databases) -> anyhow::Result<Vec<Finding>> {
    let mut ended = Finding::new("4 every outbox row is confirmed or given up");
    let mut dead = Finding::new("4 no event was given up (`outbox list`, `outbox resend`)");
    let mut owned = Finding::new("2 every outbox row has its order");
    let mut keys = Finding::new("3 one order per idempotency key");
    let mut items = Finding::new("2 no item without its order");
    let availability = Availability::of(databases);
    for shard in &databases.shards {
        outbox(
            databases,
            &availability,
            shard,
            [&mut ended, &mut dead, &mut owned],
        )
        .await
        .with_context(|| shard.name.clone())?;
        items.checked += count(shard, "SELECT COUNT(*) FROM t_order_item").await?;
        items.broken += count(shard, ORPHAN_ITEMS).await?;
        keys.checked += count(shard, KEYS).await?;
        keys.broken += count(shard, KEYS_TWICE).await?;
    }
    let mut consumed = Finding::new("3 one effect per message and consumer");
    consumed.checked = count(&databases.inventory, CONSUMED).await?;
    consumed.broken = count(&databases.inventory, CONSUMED_TWICE).await?;
    let reserved = reservations(databases, &availability).await?;
    Ok(vec![owned, items, keys, consumed, ended, dead, reserved])
}

async fn outbox(
    databases: &Databases,
    availability: &Availability,
    shard: &Database,
    [ended, dead, owned]: [&mut Finding; 3],
) -> anyhow::Result<()> {
    let mut after = 0u64;
    loop {
        let rows = sqlx::query(
            "SELECT id, tx_id, status, message_id FROM t_local_message WHERE id > ? ORDER BY id LIMIT ?",
        )
        .bind(after)
        .bind(ROWS)
        .fetch_all(&shard.pool)
        .await?;
        let mut read: Vec<(String, Option<OrderId>, u8)> = Vec::with_capacity(rows.len());
        for row in &rows {
            after = row.try_get(0)?;
            let tx_id: String = row.try_get(1)?;
            let order = tx_id.parse().ok().and_then(OrderId::new);
            read.push((row.try_get(3)?, order, row.try_get(2)?));
        }
        let orders: HashSet<OrderId> = read.iter().filter_map(|row| row.1).collect();
        let existing = existing(databases, availability, orders).await.all()?;
        for (message, order, status) in read {
            ended.note((status < 2).then(|| format!("message {message} has status {status}")));
            dead.note((status == 3).then(|| format!("message {message}")));
            let there = order.is_some_and(|order| existing.contains(&order));
            owned.note((!there).then(|| format!("message {message}")));
        }
        if rows.len() < ROWS as usize {
            return Ok(());
        }
    }
}

/// Units in the database's books that no order holds.
async fn reservations(
    databases: &Databases,
    availability: &Availability,
) -> anyhow::Result<Finding> {
    let mut held = Finding::new("6 no reservation outlives a request that failed");
    let born = now_ms().saturating_sub(ORPHAN_AGE_MS + 3 * SWEEP_EVERY_MS);
    let mut after = 0u64;
    loop {
        let ids: Vec<u64> = sqlx::query_scalar(
            "SELECT DISTINCT order_id FROM t_stock_log WHERE order_id > ? AND state IN (1, 2) AND created_at <= ? \
             ORDER BY order_id LIMIT ?",
        )
        .bind(after)
        .bind(born)
        .bind(ROWS)
        .fetch_all(&databases.inventory.pool)
        .await?;
        let Some(last) = ids.last() else {
            return Ok(held);
        };
        after = *last;
        let orders: Vec<OrderId> = ids.into_iter().filter_map(OrderId::new).collect();
        let existing = existing(databases, availability, orders.iter().copied())
            .await
            .all()?;
        for order in orders {
            let orphan = !existing.contains(&order);
            held.note(orphan.then(|| format!("order {order} was never inserted")));
        }
    }
}
