//! Applies a batch of moves in one transaction of the inventory database, each message once.

use super::message::StockMove;
use super::plan::{Plan, plan};
use super::rows::{self, Lock};
use super::{LineKey, LineState, Logged, Variant, consumed};
use crate::clients::database::Database;
use domain::stock::Inventory;
use domain::{OrderId, ProductId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The outcome of a batch.
#[derive(Debug, Default)]
pub struct Applied {
    /// All rows of the batch's products, as they are after it.
    pub stock: HashMap<Variant, Inventory>,
    /// Orders that are refused, now or when their message came before, and a line of each that is short.
    pub refused: BTreeMap<OrderId, Variant>,
    /// Number of messages that were applied for the first time.
    pub fresh: usize,
    /// Moves that did not fit what is stored; for the log.
    pub anomalies: Vec<String>,
}

impl Applied {
    /// Adds the outcome of another part of the batch.
    pub fn add(&mut self, other: Applied) {
        self.stock.extend(other.stock);
        self.refused.extend(other.refused);
        self.fresh += other.fresh;
        self.anomalies.extend(other.anomalies);
    }
}

/// Applies the moves whose messages are new; their rows are locked as `lock` says.
///
/// # Errors
/// When the database fails, another transaction holds a row, or another relay applied one of the messages meanwhile;
/// nothing has changed then.
pub async fn apply(
    database: &Database,
    moves: &[StockMove],
    lock: Lock,
) -> anyhow::Result<Applied> {
    let mut tx = database.begin().await?;
    let ids: Vec<&str> = moves.iter().map(|one| one.message_id.as_str()).collect();
    let known = consumed::known(&mut tx, &ids).await?;
    let mut seen = HashSet::new();
    let fresh: Vec<StockMove> = moves
        .iter()
        .filter(|one| !known.contains(&one.message_id) && seen.insert(one.message_id.as_str()))
        .cloned()
        .collect();
    consumed::note(&mut tx, &fresh).await?;
    let orders = sorted(moves.iter().map(|one| one.order.get()));
    let orders: Vec<OrderId> = orders.into_iter().filter_map(OrderId::new).collect();
    let products = products(moves);
    // Without a new message this only reads, so that Redis and the shards can be informed again.
    let lock = if fresh.is_empty() { Lock::No } else { lock };
    let logs = rows::logs(&mut tx, &orders, lock).await?;
    let stock = rows::inventory(&mut tx, &products, lock).await?;
    let plan = plan(&fresh, logs.clone(), stock.clone());
    rows::put_inventory(&mut tx, &stock, &plan.stock).await?;
    rows::put_logs(&mut tx, &plan.logs).await?;
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

/// Products of all lines, sorted, each once.
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
