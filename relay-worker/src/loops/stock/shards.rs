//! Informs the orders' shards after stock has moved: orders that were refused for lack of stock are cancelled, and
//! messages are confirmed. A shard that is away does not hold up the stock of other orders.

use super::Variant;
use super::message::StockMove;
use crate::clients::availability::Availability;
use crate::clients::database::Databases;
use crate::clients::redis::Redis;
use crate::limits::CONFIRM_TIMEOUT_MS;
use crate::loops::outbox::settle::confirm;
use crate::orders::{cache, cancel::cancel_pending};
use crate::process::clock::now_ms;
use crate::process::metrics::Metrics;
use domain::{OrderId, limits::REASON_CHARS_MAX};
use futures::future::join_all;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Orders that were refused, and a line of each that was short.
pub type Refused = BTreeMap<OrderId, Variant>;

/// What is written to when stock has moved.
#[derive(Clone)]
pub struct Shards {
    /// Shards for orders and outboxes, inventory for the stock.
    pub databases: Databases,
    /// Holds the stock hashes, the intents and the order cache.
    pub redis: Redis,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
    /// Which shards are away: they are not waited for.
    pub availability: Availability,
}

impl Shards {
    /// Informs every shard concerned. The rows of one that is away stay sent but not confirmed, and `late` finds them
    /// by that.
    pub async fn inform(&self, moves: &[StockMove], refused: &Refused) {
        let messages = moves.iter().map(|one| (one.order, one.message_id.as_str()));
        let shards = self.databases.by_shard(messages, |message| message.0);
        let work = shards.into_iter().map(|(shard, messages)| async move {
            let ids: Vec<&str> = messages.iter().map(|message| message.1).collect();
            let orders: Vec<OrderId> = messages
                .iter()
                .map(|message| message.0)
                .filter(|order| refused.contains_key(order))
                .collect();
            let informing = self.inform_one(shard, &ids, &orders, refused);
            // `on_shard` reports what fails.
            let _ = self
                .availability
                .on_shard(shard, CONFIRM_TIMEOUT_MS, "confirming stock", informing)
                .await;
        });
        join_all(work).await;
    }

    /// Cancels `orders` with the reason in `refused`, then confirms `messages`. In this order, as confirmed messages
    /// are not checked again.
    ///
    /// # Errors
    /// When the shard fails; it may be repeated.
    pub async fn inform_one(
        &self,
        shard: usize,
        messages: &[&str],
        orders: &[OrderId],
        refused: &Refused,
    ) -> anyhow::Result<()> {
        let database = &self.databases.shards[shard];
        if !orders.is_empty() {
            let mut tx = database.begin().await?;
            let reason = |id| reason(refused.get(&id));
            let cancelled = cancel_pending(&mut tx, orders, reason, now_ms()).await?;
            tx.commit().await?;
            self.metrics.stock_refused.add(cancelled.len());
            for order in &cancelled {
                tracing::warn!(order_id = %order.id, "cancelled: the database has not the stock that was promised");
            }
            cache::changed(&self.redis, cancelled).await;
        }
        confirm(database, messages).await?;
        Ok(())
    }
}

fn reason(short: Option<&Variant>) -> String {
    let mut reason = "insufficient stock".to_owned();
    if let Some((product, sku)) = short {
        reason.push_str(&format!(" of product {} sku {}", product.0, sku.0));
    }
    reason.truncate(REASON_CHARS_MAX);
    reason
}
