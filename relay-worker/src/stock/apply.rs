//! One batch of moves in one transaction of the inventory database, each message once.

use super::message::StockMove;
use super::plan::{Plan, plan};
use super::rows::{self, Lock};
use super::{LineKey, LineState, Logged, Variant};
use crate::database::{Database, assembled, padded};
use crate::limits::STATEMENT_ROWS_MAX;
use contract::message::INVENTORY_GROUP;
use contract::sql::{placeholders, rows as groups};
use domain::stock::Inventory;
use domain::{Ms, OrderId, ProductId};
use sqlx::mysql::MySqlConnection;
use sqlx::{MySql, Transaction};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What the batch did and found.
#[derive(Debug, Default)]
pub struct Applied {
    /// Stock of every product of the batch, as it is now.
    pub stock: HashMap<Variant, Inventory>,
    /// Orders that were refused, now or when their message came before, and a line that is short.
    pub refused: BTreeMap<OrderId, Variant>,
    pub fresh: usize,
    pub anomalies: Vec<String>,
}

/// Applies what is new of `moves`.
///
/// # Errors
/// When the database fails or another relay applied one of them meanwhile; nothing has changed then.
pub async fn apply(database: &Database, moves: &[StockMove], now: Ms) -> anyhow::Result<Applied> {
    let mut tx = database.begin().await?;
    let known = consumed(&mut tx, moves).await?;
    let mut seen = HashSet::new();
    let fresh: Vec<StockMove> = moves
        .iter()
        .filter(|one| !known.contains(&one.message_id) && seen.insert(one.message_id.as_str()))
        .cloned()
        .collect();
    note_consumed(&mut tx, &fresh, now).await?;
    let orders = sorted(moves.iter().map(|one| one.order.get()));
    let orders: Vec<OrderId> = orders.into_iter().filter_map(OrderId::new).collect();
    let products = products(moves);
    // Without anything new this only looks, for what has to be told again.
    let lock = if fresh.is_empty() {
        Lock::No
    } else {
        Lock::Yes
    };
    let logs = rows::logs(&mut tx, &orders, lock).await?;
    let stock = rows::inventory(&mut tx, &products, lock).await?;
    let plan = plan(&fresh, logs.clone(), stock.clone());
    rows::put_inventory(&mut tx, &stock, &plan.stock, now).await?;
    rows::put_logs(&mut tx, &plan.logs, now).await?;
    tx.commit().await?;
    Ok(applied(logs, stock, plan, fresh.len()))
}

fn applied(
    logs: HashMap<LineKey, Logged>,
    mut stock: HashMap<Variant, Inventory>,
    plan: Plan,
    fresh: usize,
) -> Applied {
    stock.extend(plan.stock);
    let earlier = logs
        .into_iter()
        .filter(|(_, logged)| logged.state == LineState::Refused);
    let mut refused: BTreeMap<OrderId, Variant> = earlier
        .map(|((order, product, sku), _)| (order, (product, sku)))
        .collect();
    refused.extend(plan.refused);
    Applied {
        stock,
        refused,
        fresh,
        anomalies: plan.anomalies,
    }
}

pub fn products(moves: &[StockMove]) -> Vec<ProductId> {
    let lines = moves.iter().flat_map(|one| &one.lines);
    sorted(lines.map(|line| line.product.0))
        .into_iter()
        .map(ProductId)
        .collect()
}

fn sorted(ids: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut ids: Vec<u64> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

async fn consumed(
    session: &mut MySqlConnection,
    moves: &[StockMove],
) -> sqlx::Result<HashSet<String>> {
    let ids: Vec<&str> = moves.iter().map(|one| one.message_id.as_str()).collect();
    let ids = padded(&ids);
    let sql = format!(
        "SELECT message_id FROM t_message_consume_log WHERE consumer_group = ? AND message_id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query_scalar(assembled(sql)).bind(INVENTORY_GROUP);
    for id in &ids {
        query = query.bind(*id);
    }
    Ok(query.fetch_all(session).await?.into_iter().collect())
}

/// The unique key lets one relay through; a second one waits here, fails, and finds them known.
async fn note_consumed(
    tx: &mut Transaction<'_, MySql>,
    fresh: &[StockMove],
    now: Ms,
) -> sqlx::Result<()> {
    const COLUMNS: usize = 4;
    const OK: u8 = 1;
    let mut ids: Vec<&str> = fresh.iter().map(|one| one.message_id.as_str()).collect();
    ids.sort_unstable();
    for chunk in ids.chunks(STATEMENT_ROWS_MAX) {
        let sql = format!(
            "INSERT INTO t_message_consume_log (message_id, consumer_group, status, consumed_at) VALUES {}",
            groups(chunk.len(), COLUMNS)
        );
        let mut query = sqlx::query(assembled(sql));
        for id in chunk {
            query = query.bind(*id).bind(INVENTORY_GROUP).bind(OK).bind(now);
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
