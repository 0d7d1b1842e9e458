//! The loop bus -> stock. Per batch: the database, then cancelled orders, Redis, the outbox, and last the
//! bus. Each is repeated until it succeeds, so that at any crash the rest is done when the batch is read again.

use super::message::{self, StockMove};
use super::{Variant, apply, sync};
use crate::clock::now_ms;
use crate::database::{Databases, code};
use crate::limits::{ROUND_TIMEOUT_MS, STOCK_MESSAGES_MAX};
use crate::metrics::Metrics;
use crate::orders::{cache, cancel::cancel_pending};
use crate::outage::{Outage, persist, within};
use crate::outbox::settle::confirm;
use crate::ports::{Incoming, Outgoing, Publisher, Source, Verdict};
use crate::redis::Redis;
use crate::shutdown::Shutdown;
use anyhow::bail;
use domain::{OrderId, limits::REASON_CHARS_MAX};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A batch does not wait for more: what comes while one is in work makes the next.
const GATHER: Duration = Duration::ZERO;
const QUICK_RETRIES_MAX: u32 = 20;
const QUICK_RETRY: Duration = Duration::from_millis(5);

pub struct StockConsumer<S, P> {
    pub source: S,
    pub publisher: Arc<P>,
    pub databases: Databases,
    pub redis: Redis,
    pub metrics: Arc<Metrics>,
}

impl<S: Source, P: Publisher> StockConsumer<S, P> {
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("stock consumer");
        loop {
            let batch = tokio::select! {
                () = shutdown.wait() => return,
                batch = self.source.next(STOCK_MESSAGES_MAX, GATHER) => batch,
            };
            let batch = match batch {
                Ok(batch) => batch,
                Err(error) => {
                    let pause = outage.failed(&error);
                    shutdown.pause(pause).await;
                    continue;
                }
            };
            let (moves, poison) = self.read(&batch);
            if persist(&mut outage, &mut shutdown, || self.take_in(&moves, &poison))
                .await
                .is_none()
            {
                return;
            }
            if let Err(error) = self.source.acknowledge(&batch).await {
                tracing::info!("a batch will be read again: {error:#}");
            }
        }
    }

    fn read(&self, batch: &[Incoming]) -> (Vec<StockMove>, Vec<Outgoing>) {
        let (mut moves, mut poison) = (Vec::with_capacity(batch.len()), Vec::new());
        for record in batch {
            match message::parse(&record.value) {
                Ok(one) => moves.push(one),
                Err(reason) => {
                    self.metrics.dead_letters.add(1);
                    poison.push(crate::dead_letter::outgoing(record, &reason));
                }
            }
        }
        (moves, poison)
    }

    /// Everything a batch asks for; may be repeated as a whole.
    async fn take_in(&self, moves: &[StockMove], poison: &[Outgoing]) -> anyhow::Result<()> {
        within(ROUND_TIMEOUT_MS, "a batch of stock moves", async {
            if !poison.is_empty() {
                let verdicts = self.publisher.publish(poison.to_vec()).await;
                if verdicts.iter().any(|v| matches!(v, Verdict::Away(_))) {
                    bail!("dead letters cannot be put aside: the bus is away");
                }
            }
            if moves.is_empty() {
                return Ok(());
            }
            let applied = self.apply(moves).await?;
            self.cancel(&applied.refused).await?;
            sync::sync(&self.redis, &sync::news(moves, &applied.stock)).await?;
            let messages: Vec<(OrderId, &str)> = moves
                .iter()
                .map(|one| (one.order, one.message_id.as_str()))
                .collect();
            confirm(&self.databases, &messages, now_ms()).await?;
            Ok(())
        })
        .await
    }

    /// Two relays, or a function with the same products, may be in each other's way for a moment.
    async fn apply(&self, moves: &[StockMove]) -> anyhow::Result<apply::Applied> {
        let mut tries = 0;
        let applied = loop {
            tries += 1;
            match apply::apply(&self.databases.inventory, moves, now_ms()).await {
                Ok(applied) => break applied,
                Err(error) if tries < QUICK_RETRIES_MAX && contended(&error) => {
                    tokio::time::sleep(QUICK_RETRY).await;
                }
                Err(error) => return Err(error),
            }
        };
        self.metrics.stock_applied.add(applied.fresh);
        self.metrics.stock_repeated.add(moves.len() - applied.fresh);
        self.metrics.stock_anomalies.add(applied.anomalies.len());
        for anomaly in &applied.anomalies {
            tracing::error!("stock: {anomaly}");
        }
        Ok(applied)
    }

    /// Orders without their units do not stay: pending ones are cancelled, with the reason.
    async fn cancel(&self, refused: &BTreeMap<OrderId, Variant>) -> anyhow::Result<()> {
        let orders = refused.keys().copied();
        for (shard, ids) in self.databases.by_shard(orders, |id| *id) {
            let mut tx = self.databases.shards[shard].begin().await?;
            let reason = |id| reason(refused.get(&id));
            let cancelled = cancel_pending(&mut tx, &ids, reason, now_ms()).await?;
            tx.commit().await?;
            self.metrics.stock_refused.add(cancelled.len());
            for order in &cancelled {
                tracing::warn!(order_id = %order.id, "cancelled: the database has not the stock that was promised");
            }
            cache::changed(&self.redis, cancelled).await;
        }
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

/// Duplicate key, deadlock, lock wait: the other side was first.
fn contended(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<sqlx::Error>()
        .and_then(code)
        .is_some_and(|code| matches!(code, 1062 | 1205 | 1213))
}
