//! Cancels orders that were not paid in time. The time begins when an order is written and can be paid, by the clock of
//! its own shard. Any number of relays may run it: each skips rows that another has locked.

use crate::clients::database::{Database, assembled};
use crate::clients::redis::Redis;
use crate::limits::{EXPIRY_EVERY_MS, EXPIRY_ORDERS_MAX, ROUND_TIMEOUT_MS};
use crate::orders::{cache, cancel::cancel_pending};
use crate::process::clock::now_ms;
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use contract::store::sql::NOW_MS;
use domain::OrderId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// The reason of the cancellation, shown to the user.
const REASON: &str = "not paid in time";

/// The loop of one shard.
pub struct Expiry {
    /// Index of the shard.
    pub shard: usize,
    /// The shard itself.
    pub database: Database,
    /// Caches the cancelled orders.
    pub redis: Redis,
    /// How long an order may stay unpaid.
    pub unpaid_ms: u64,
    /// Wakes the shard's outbox loop.
    pub hint: Arc<Notify>,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
}

impl Expiry {
    /// Runs until shutdown.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new(format!("expiry of shard {}", self.shard));
        while !shutdown.requested() {
            let pause = match within(ROUND_TIMEOUT_MS, "expiry", self.expire()).await {
                Ok(cancelled) => {
                    outage.over();
                    if cancelled as u64 == u64::from(EXPIRY_ORDERS_MAX) {
                        continue;
                    }
                    Duration::from_millis(EXPIRY_EVERY_MS)
                }
                Err(error) => outage.failed(&error),
            };
            shutdown.pause(pause).await;
        }
    }

    /// Cancels one batch of orders that have been payable for longer than `unpaid_ms`; returns their number.
    ///
    /// # Errors
    /// When the database fails; nothing has changed then.
    pub async fn expire(&self) -> anyhow::Result<usize> {
        let due = format!(
            "SELECT id FROM t_order WHERE status = 0 AND payable_at < {NOW_MS} - ? ORDER BY payable_at LIMIT ? \
             FOR UPDATE SKIP LOCKED"
        );
        let mut tx = self.database.begin().await?;
        let ids: Vec<u64> = sqlx::query_scalar(assembled(due))
            .bind(self.unpaid_ms)
            .bind(EXPIRY_ORDERS_MAX)
            .fetch_all(&mut *tx)
            .await?;
        let ids: Vec<OrderId> = ids.into_iter().filter_map(OrderId::new).collect();
        let cancelled = cancel_pending(&mut tx, &ids, |_| REASON.to_owned(), now_ms()).await?;
        tx.commit().await?;
        if cancelled.is_empty() {
            return Ok(0);
        }
        self.hint.notify_one();
        let count = cancelled.len();
        self.metrics.orders_expired.add(count);
        tracing::info!(
            shard = self.shard,
            orders = count,
            "unpaid orders cancelled"
        );
        cache::changed(&self.redis, cancelled).await;
        Ok(count)
    }
}
