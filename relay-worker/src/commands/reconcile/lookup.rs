//! Looks up single orders in the databases. Without locks, as what is in flight is checked again.

use crate::clients::database::{Database, Databases, assembled, padded};
use crate::limits::STATEMENT_ROWS_MAX;
use anyhow::Context;
use contract::api::failure::FailureStatus;
use contract::store::sql::placeholders;
use domain::OrderId;
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use std::collections::{HashMap, HashSet};

/// Rows of the outbox read at once.
const PAGE_ROWS: u32 = 1_000;

/// Calls `row` for all present rows of a shard's outbox, by ascending id. `page` is a statement that selects the id
/// first, with three parameters: the id to begin after, the id to end with, and the number of rows.
///
/// # Errors
/// Where the shard is away, or `row` fails.
pub async fn each_outbox_row(
    shard: &Database,
    page: &'static str,
    mut row: impl FnMut(&MySqlRow) -> Result<(), sqlx::Error>,
) -> anyhow::Result<()> {
    let newest: Option<u64> = sqlx::query_scalar("SELECT MAX(id) FROM t_local_message")
        .fetch_one(&shard.pool)
        .await?;
    let mut after = 0u64;
    loop {
        let rows = sqlx::query(page)
            .bind(after)
            .bind(newest)
            .bind(PAGE_ROWS)
            .fetch_all(&shard.pool)
            .await?;
        rows.iter().try_for_each(&mut row)?;
        match rows.last() {
            Some(last) if rows.len() == PAGE_ROWS as usize => after = last.try_get(0)?,
            _ => return Ok(()),
        }
    }
}

/// An order's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The buyer's id.
    pub user: u64,
    /// The code of a [`domain::Status`].
    pub status: u8,
    /// 1 when created; each change adds 1.
    pub version: u32,
}

/// Those of these orders that have a row.
///
/// # Errors
/// Where a shard is away.
pub async fn stored(
    databases: &Databases,
    orders: impl IntoIterator<Item = OrderId>,
) -> anyhow::Result<HashMap<OrderId, Stored>> {
    let mut found = HashMap::new();
    for (shard, orders) in databases.by_shard(orders, |order| *order) {
        let shard = &databases.shards[shard];
        for orders in orders.chunks(STATEMENT_ROWS_MAX) {
            let some = stored_on(shard, orders).await;
            found.extend(some.with_context(|| shard.name.clone())?);
        }
    }
    Ok(found)
}

async fn stored_on(shard: &Database, orders: &[OrderId]) -> anyhow::Result<Vec<(OrderId, Stored)>> {
    let orders = padded(orders);
    let sql = format!(
        "SELECT id, user_id, status, version FROM t_order WHERE id IN ({})",
        placeholders(orders.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for order in &orders {
        query = query.bind(order.get());
    }
    let mut found = Vec::new();
    for row in query.fetch_all(&shard.pool).await? {
        let stored = Stored {
            user: row.try_get(1)?,
            status: row.try_get(2)?,
            version: row.try_get(3)?,
        };
        found.extend(OrderId::new(row.try_get(0)?).map(|order| (order, stored)));
    }
    Ok(found)
}

/// Those of these orders that are failures to be retried, which keep their reservations.
///
/// # Errors
/// Where the inventory database is away.
pub async fn retried(
    databases: &Databases,
    orders: &[OrderId],
) -> anyhow::Result<HashSet<OrderId>> {
    let mut found = HashSet::new();
    for orders in orders.chunks(STATEMENT_ROWS_MAX) {
        let orders = padded(orders);
        let sql = format!(
            "SELECT order_id FROM order_failures WHERE status IN (?, ?) AND order_id IN ({})",
            placeholders(orders.len())
        );
        let mut query = sqlx::query_scalar(assembled(sql))
            .bind(FailureStatus::Pending.code())
            .bind(FailureStatus::Processing.code());
        for order in &orders {
            query = query.bind(order.get());
        }
        let ids: Vec<u64> = query.fetch_all(&databases.inventory.pool).await?;
        found.extend(ids.into_iter().filter_map(OrderId::new));
    }
    Ok(found)
}
