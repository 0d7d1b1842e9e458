//! Order by order: its items, its outbox rows, its lines in the stock log, and its document.

use super::finding::{Finding, Wrong};
use super::{Scope, count};
use crate::clients::database::{Database, assembled, padded};
use crate::loops::index::Index;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::{LineKey, LineState, Logged};
use crate::orders::read::{Which, orders};
use anyhow::Context;
use contract::store::sql::placeholders;
use domain::{Order, OrderId, Status};
use sqlx::mysql::MySqlConnection;
use sqlx::{Connection as _, Row as _};
use std::collections::HashMap;

/// Orders read at once.
const ORDERS: u32 = 500;

/// Checks every order.
///
/// # Errors
/// Where a database or the search index is away.
pub async fn check(scope: &Scope) -> anyhow::Result<Vec<Finding>> {
    let mut whole = Finding::new("2 every order has its items, and they add up");
    let mut announced = Finding::new("2 every version of an order has its outbox row");
    let mut moved = Finding::new("1 the stock log agrees with each order's status");
    let mut indexed = Finding::new("5 the search index has every order in its version");
    for shard in &scope.databases.shards {
        // Later orders are in flight.
        let newest: Option<u64> = sqlx::query_scalar("SELECT MAX(id) FROM t_order")
            .fetch_one(&shard.pool)
            .await
            .with_context(|| shard.name.clone())?;
        let mut after = 0;
        while newest.is_some_and(|newest| after < newest) {
            let (page, events) = page(shard, after)
                .await
                .with_context(|| shard.name.clone())?;
            let Some(last) = page.last() else { break };
            after = last.id.get();
            let ids: Vec<OrderId> = page.iter().map(|order| order.id).collect();
            let mut session = scope.databases.inventory.pool.acquire().await?;
            let logs = rows::logs(&mut session, &ids, Lock::No).await?;
            drop(session);
            let mut logs = by_order(logs);
            for order in &page {
                whole.note(amiss(order));
                let rows = events.get(&order.id.get()).copied().unwrap_or_default();
                let missing = i64::from(order.version) - rows;
                announced.note((missing != 0).then(|| {
                    Wrong::new(
                        (order.id, missing),
                        format!(
                            "order {} at version {}: {rows} rows",
                            order.id, order.version
                        ),
                    )
                }));
                let logs = logs.remove(&order.id).unwrap_or_default();
                moved.note(disagrees(order, &logs));
            }
            if let Some(index) = &scope.index {
                documents(index, &page, &mut indexed).await?;
            }
        }
    }
    let mut findings = vec![moved, whole, announced];
    if let Some(index) = &scope.index {
        // Documents first: a document is written after its order.
        let documents = index.count().await?;
        let mut orders = 0;
        for shard in &scope.databases.shards {
            orders += count(shard, "SELECT COUNT(*) FROM t_order").await?;
        }
        if documents > orders {
            let text = format!("{documents} documents, {orders} orders");
            indexed.add(Wrong::new("surplus", text));
        }
        findings.push(indexed);
    }
    Ok(findings)
}

/// Groups lines by order.
fn by_order(logs: HashMap<LineKey, Logged>) -> HashMap<OrderId, HashMap<LineKey, Logged>> {
    let mut orders: HashMap<OrderId, HashMap<LineKey, Logged>> = HashMap::new();
    for (key, logged) in logs {
        orders.entry(key.0).or_default().insert(key, logged);
    }
    orders
}

/// A page of orders, and the number of outbox rows of each, from one snapshot.
async fn page(shard: &Database, after: u64) -> anyhow::Result<(Vec<Order>, HashMap<u64, i64>)> {
    let mut session = shard.pool.acquire().await?;
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        .execute(&mut *session)
        .await?;
    let mut snapshot = session.begin().await?;
    let which = Which::Changed {
        since: 0,
        after,
        limit: ORDERS,
    };
    let page = orders(&mut snapshot, which).await?;
    let ids: Vec<OrderId> = page.iter().map(|order| order.id).collect();
    let events = events(&mut snapshot, &ids).await?;
    snapshot.commit().await?;
    Ok((page, events))
}

/// The number of outbox rows of each order.
async fn events(
    session: &mut MySqlConnection,
    ids: &[OrderId],
) -> anyhow::Result<HashMap<u64, i64>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let ids = padded(&ids);
    let sql = format!(
        "SELECT tx_id, COUNT(*) FROM t_local_message WHERE tx_id IN ({}) GROUP BY tx_id",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(id);
    }
    let mut events = HashMap::new();
    for row in query.fetch_all(session).await? {
        let id: String = row.try_get(0)?;
        events.insert(id.parse().unwrap_or_default(), row.try_get(1)?);
    }
    Ok(events)
}

fn amiss(order: &Order) -> Option<Wrong> {
    let what = if order.items.is_empty() {
        "has no items"
    } else {
        let sum: i64 = order.items.iter().map(|item| item.subtotal.get()).sum();
        let lines = order
            .items
            .iter()
            .all(|item| item.price.times(item.quantity) == Some(item.subtotal));
        let paid = order.total.minus(order.discount) == Some(order.actual);
        if lines && paid && sum == order.total.get() {
            return None;
        }
        "does not add up"
    };
    Some(Wrong::new(
        (order.id, what),
        format!("order {} {what}", order.id),
    ))
}

/// Whether a line's state fits its order's status.
fn agrees(status: Status, state: Option<LineState>) -> bool {
    use LineState::{Confirmed, Refused, Reserved, Returned, RolledBack};
    match status {
        Status::Pending => state == Some(Reserved),
        Status::Paid | Status::Shipped | Status::Completed => state == Some(Confirmed),
        Status::Cancelled => matches!(state, Some(RolledBack | Returned | Refused)),
        Status::Failed => !matches!(state, Some(Reserved | Confirmed)),
    }
}

fn disagrees(order: &Order, logs: &HashMap<LineKey, Logged>) -> Option<Wrong> {
    strange(order, logs).or_else(|| unlike(order, logs))
}

/// A stock move for an order that is none of its lines.
fn strange(order: &Order, logs: &HashMap<LineKey, Logged>) -> Option<Wrong> {
    let own = |(_, product, sku): &LineKey| {
        let mut items = order.items.iter();
        items.any(|item| (item.product, item.sku) == (*product, *sku))
    };
    let mut others = logs.iter().filter(|(key, _)| !own(key));
    let ((id, product, sku), logged) = others.next()?;
    Some(Wrong::new(
        (id, "strange"),
        format!(
            "order {} has no product {} sku {}: {logged:?}",
            order.id, product.0, sku.0
        ),
    ))
}

/// A line that does not fit its order. A line that stays as it is while its order goes on is wrong in the same way.
fn unlike(order: &Order, logs: &HashMap<LineKey, Logged>) -> Option<Wrong> {
    order.items.iter().find_map(|item| {
        let logged = logs.get(&(order.id, item.product, item.sku));
        let quantity = logged.is_none_or(|logged| logged.quantity == item.quantity);
        let state = logged.map(|logged| logged.state);
        (!quantity || !agrees(order.status, state)).then(|| {
            Wrong::new(
                (
                    order.id,
                    item.product,
                    item.sku,
                    state.map(LineState::code),
                    quantity,
                ),
                format!(
                    "order {} is {}, product {} sku {}: {logged:?}",
                    order.id, order.status, item.product.0, item.sku.0
                ),
            )
        })
    })
}

async fn documents(index: &Index, page: &[Order], indexed: &mut Finding) -> anyhow::Result<()> {
    let ids: Vec<String> = page.iter().map(|order| order.id.to_string()).collect();
    let versions = index.versions(&ids).await?;
    for (order, version) in page.iter().zip(versions) {
        let same = version == Some(u64::from(order.version));
        indexed.note((!same).then(|| {
            let shown = version.map_or("none".to_owned(), |version| version.to_string());
            let text = format!(
                "order {} at version {}: document {shown}",
                order.id, order.version
            );
            Wrong::new((order.id, version), text)
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
