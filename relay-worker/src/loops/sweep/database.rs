//! Rolls back reservations in the database whose order was never inserted. Each is checked once, at an age at which its
//! order exists or never will.

use super::{Existing, Sweep, existing};
use crate::clients::database::{Database, assembled};
use crate::limits::SWEEP_LOG_ROWS_MAX;
use crate::loops::stock::message::{Line, StockMove};
use crate::loops::stock::plan::plan;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::sync::{News, news, sync};
use crate::loops::stock::{LineKey, LineState, Logged, apply};
use crate::orders::queued;
use contract::store::sql::NOW_MS;
use domain::limits::ORPHAN_AGE_MS;
use domain::stock::StockEffect;
use domain::{OrderId, ProductId, StockMode};
use sqlx::Row as _;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Ages are by the clock of the database, which also wrote `created_at`.
fn old_reservations() -> String {
    format!(
        "SELECT order_id, created_at FROM t_stock_log WHERE stock_mode = ? AND state = ? AND created_at <= {NOW_MS} - ? \
         AND (created_at > ? OR (created_at = ? AND order_id > ?)) ORDER BY created_at, order_id LIMIT ?"
    )
}

impl Sweep {
    /// Rolls back the orphans of the next batch of reservations. Once the newest is reached, a second cursor goes
    /// through all of them over and over: creation times of a database whose clock was set back are behind the first.
    ///
    /// # Errors
    /// When a server or a shard is away; what was not checked is checked again later.
    pub async fn sweep_reservations(&mut self) -> anyhow::Result<()> {
        let newest = self.sweep_batch(self.reservations).await?;
        self.reservations = newest.next;
        if let Some(trouble) = newest.trouble {
            return Err(trouble);
        }
        if newest.ends {
            let again = self.sweep_batch(self.reservations_again).await?;
            self.reservations_again = match again.ends {
                true => Place::default(),
                false => again.next,
            };
            return again.trouble.map_or(Ok(()), Err);
        }
        Ok(())
    }

    /// Rolls back the orphans of the reservations behind `place`.
    async fn sweep_batch(&self, place: Place) -> anyhow::Result<Batch> {
        let (at, order) = place;
        let found = sqlx::query(assembled(old_reservations()))
            .bind(StockMode::Db.code())
            .bind(LineState::Reserved.code())
            .bind(ORPHAN_AGE_MS)
            .bind(at)
            .bind(at)
            .bind(order)
            .bind(SWEEP_LOG_ROWS_MAX)
            .fetch_all(&self.databases.inventory.pool)
            .await?;
        let ends = found.len() < SWEEP_LOG_ROWS_MAX as usize;
        let mut places = Vec::with_capacity(found.len());
        for row in &found {
            let (at, order): (u64, u64) = (row.try_get(1)?, row.try_get(0)?);
            places.extend(OrderId::new(order).map(|order| (at, order)));
        }
        let orders: HashSet<OrderId> = places.iter().map(|(_, order)| *order).collect();
        let queued =
            queued::which(&self.redis, &orders.iter().copied().collect::<Vec<_>>()).await?;
        let Existing {
            found,
            unknown,
            trouble,
        } = existing(&self.databases, &self.availability, orders.iter().copied()).await;
        // The next batch begins at the first order that may still be written or whose shard is away.
        let passed = places
            .iter()
            .take_while(|(_, order)| !queued.contains(order) && !unknown.contains(order));
        let last = passed.last().map(|(at, order)| (*at, order.get()));
        let orphans: Vec<OrderId> = orders
            .difference(&found)
            .filter(|order| !queued.contains(order) && !unknown.contains(order))
            .copied()
            .collect();
        let RolledBack {
            lines,
            news,
            anomalies,
        } = roll_back(&self.databases.inventory, &orphans).await?;
        self.metrics.stock_anomalies.add(anomalies);
        sync(&self.redis, &news).await?;
        if lines > 0 {
            self.metrics.sweep_rolled_back.add(lines);
            tracing::info!(
                lines,
                "reservations rolled back: their orders were never inserted"
            );
        }
        Ok(Batch {
            next: last.unwrap_or(place),
            ends,
            trouble,
        })
    }
}

/// Creation time by the inventory database's clock (ms) and order id of the last reservation that was checked.
pub type Place = (u64, u64);

/// A batch of reservations that was checked.
struct Batch {
    next: Place,
    /// It reached the newest.
    ends: bool,
    /// Why a shard did not answer.
    trouble: Option<anyhow::Error>,
}

#[derive(Default)]
struct RolledBack {
    lines: usize,
    /// Stock to send to Redis.
    news: BTreeMap<ProductId, News>,
    /// Lines that did not fit the stored stock.
    anomalies: usize,
}

/// Gives back what these orders reserved in the database, in one transaction.
async fn roll_back(database: &Database, orders: &[OrderId]) -> anyhow::Result<RolledBack> {
    if orders.is_empty() {
        return Ok(RolledBack::default());
    }
    let mut tx = database.begin().await?;
    let logs = rows::logs(&mut tx, orders, Lock::Yes).await?;
    let moves = moves(&logs);
    let mut stock = rows::inventory(&mut tx, &apply::products(&moves), Lock::Yes).await?;
    let plan = plan(&moves, logs, stock.clone());
    rows::put_inventory(&mut tx, &stock, &plan.stock).await?;
    rows::forget_logs(&mut tx, orders, LineState::Reserved).await?;
    tx.commit().await?;
    for anomaly in &plan.anomalies {
        tracing::error!("stock: {anomaly}");
    }
    stock.extend(plan.stock);
    Ok(RolledBack {
        lines: plan.logs.len(),
        news: news(&moves, &stock),
        anomalies: plan.anomalies.len(),
    })
}

/// One rollback per order, of its reserved lines in stock mode `db`.
fn moves(logs: &HashMap<LineKey, Logged>) -> Vec<StockMove> {
    let mut lines: BTreeMap<OrderId, Vec<Line>> = BTreeMap::new();
    for ((order, product, sku), logged) in logs {
        if logged.state == LineState::Reserved && logged.mode == StockMode::Db {
            lines.entry(*order).or_default().push(Line {
                product: *product,
                sku: *sku,
                quantity: logged.quantity,
                mode: logged.mode,
            });
        }
    }
    lines
        .into_iter()
        .map(|(order, lines)| StockMove::unsent(order, StockEffect::Rollback, lines))
        .collect()
}
