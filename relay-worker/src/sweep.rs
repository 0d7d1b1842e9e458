//! The reconciler: looks again at what crashes may have left behind, without being told, a bounded part
//! each time. Everything it does may be done twice, by any number of relays.

pub mod database;
pub mod judge;
pub mod promises;

use crate::database::{Databases, assembled, padded};
use crate::limits::{ROUND_TIMEOUT_MS, SWEEP_EVERY_MS};
use crate::metrics::Metrics;
use crate::outage::{Outage, within};
use crate::redis::Redis;
use crate::shutdown::Shutdown;
use anyhow::Context;
use contract::sql::placeholders;
use domain::{OrderId, ProductId};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

pub struct Sweep {
    pub databases: Databases,
    pub redis: Redis,
    pub metrics: Arc<Metrics>,
    /// The last product looked at.
    products: ProductId,
    /// The last reservation looked at: its time and order.
    reservations: (u64, u64),
}

impl Sweep {
    pub fn new(databases: Databases, redis: Redis, metrics: Arc<Metrics>) -> Sweep {
        Sweep {
            databases,
            redis,
            metrics,
            products: ProductId(0),
            reservations: (0, 0),
        }
    }

    pub async fn run(mut self, mut shutdown: Shutdown) {
        let (mut promises, mut reservations) = (
            Outage::new("sweep of Redis"),
            Outage::new("sweep of reservations"),
        );
        while !shutdown.pause(Duration::from_millis(SWEEP_EVERY_MS)).await {
            match within(ROUND_TIMEOUT_MS, "sweep", self.sweep_promises()).await {
                Ok(()) => promises.over(),
                Err(error) => drop(promises.failed(&error)),
            }
            match within(ROUND_TIMEOUT_MS, "sweep", self.sweep_reservations()).await {
                Ok(()) => reservations.over(),
                Err(error) => drop(reservations.failed(&error)),
            }
        }
    }
}

/// Which of these orders exist. Waits for inserts that are not yet committed: an order that is not in the
/// answer and older than the insert deadline never will exist.
///
/// # Errors
/// When a database fails.
pub async fn existing(
    databases: &Databases,
    orders: impl IntoIterator<Item = OrderId>,
) -> sqlx::Result<HashSet<OrderId>> {
    let mut found = HashSet::new();
    for (shard, mut orders) in databases.by_shard(orders, |order| *order) {
        orders.sort_unstable();
        orders.dedup();
        for orders in orders.chunks(crate::limits::STATEMENT_ROWS_MAX) {
            let orders = padded(orders);
            let sql = format!(
                "SELECT id FROM t_order WHERE id IN ({}) LOCK IN SHARE MODE",
                placeholders(orders.len())
            );
            let mut query = sqlx::query_scalar(assembled(sql));
            for order in &orders {
                query = query.bind(order.get());
            }
            let ids: Vec<u64> = query.fetch_all(&databases.shards[shard].pool).await?;
            found.extend(ids.into_iter().filter_map(OrderId::new));
        }
    }
    Ok(found)
}

/// Which of these orders were accepted and may not be written yet. To be asked before `existing`.
///
/// # Errors
/// When Redis is away.
pub async fn queued(redis: &Redis, orders: &[OrderId]) -> anyhow::Result<HashSet<OrderId>> {
    let mut found = HashSet::new();
    for orders in orders.chunks(crate::limits::STATEMENT_ROWS_MAX) {
        let mut pipeline = redis::pipe();
        for order in orders {
            pipeline.exists(contract::redis::queued(*order));
        }
        let there: Vec<bool> = pipeline
            .query_async(&mut redis.connection())
            .await
            .context("Redis")?;
        let there = orders.iter().zip(there).filter(|(_, there)| *there);
        found.extend(there.map(|(order, _)| *order));
    }
    Ok(found)
}
