//! Unpaid orders are cancelled after their time, which begins when they are written and can be paid, and is measured by
//! the clock of their own shard. Any number of relays may do it: each skips what another holds.

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

/// Shown to the user.
const REASON: &str = "not paid in time";

pub struct Expiry {
    pub shard: usize,
    pub database: Database,
    pub redis: Redis,
    pub unpaid_ms: u64,
    /// The shard's publishing loop, for the rows written here.
    pub hint: Arc<Notify>,
    pub metrics: Arc<Metrics>,
}

impl Expiry {
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

    /// Cancels one batch of orders that could have been paid for longer than `unpaid_ms`; their number.
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
