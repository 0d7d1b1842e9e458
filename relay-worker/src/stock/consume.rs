//! The loop bus -> stock. Per batch: the database, then Redis, the orders' shards, and last the bus. Each is repeated
//! until it succeeds, so that at any crash the rest is done when the batch is read again. Only a shard that is away is left
//! behind, to be informed later.

use super::message::{self, StockMove};
use super::shards::Shards;
use super::split::parts;
use super::{apply, sync};
use crate::database::code;
use crate::limits::{ROUND_TIMEOUT_MS, STOCK_MESSAGES_MAX};
use crate::outage::{Outage, persist, within};
use crate::ports::{Incoming, Outgoing, Publisher, Source, Verdict};
use crate::shutdown::Shutdown;
use anyhow::bail;
use std::sync::Arc;
use std::time::Duration;

/// A batch does not wait for more: what comes while one is in work makes the next.
const GATHER: Duration = Duration::ZERO;
const QUICK_RETRIES_MAX: u32 = 20;
const QUICK_RETRY: Duration = Duration::from_millis(5);

pub struct StockConsumer<S, P> {
    pub source: S,
    pub publisher: Arc<P>,
    pub shards: Shards,
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
                    self.shards.metrics.dead_letters.add(1);
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
            sync::sync(&self.shards.redis, &sync::news(moves, &applied.stock)).await?;
            self.shards.inform(moves, &applied.refused).await;
            Ok(())
        })
        .await
    }

    /// Two relays, or a function with the same products, may be in each other's way for a moment. Where the whole batch
    /// meets somebody, its parts are taken in one by one, and those that are held come last.
    async fn apply(&self, moves: &[StockMove]) -> anyhow::Result<apply::Applied> {
        let mut applied = apply::Applied::default();
        let mut waiting = vec![moves.to_vec()];
        let mut tries = 0;
        while !waiting.is_empty() {
            let mut held = Vec::new();
            for part in waiting {
                match apply::apply(&self.shards.databases.inventory, &part).await {
                    Ok(one) => applied.add(one),
                    Err(error) if tries < QUICK_RETRIES_MAX && contended(&error) => {
                        held.extend(parts(&part));
                    }
                    Err(error) => return Err(error),
                }
            }
            if !held.is_empty() {
                tries += 1;
                tokio::time::sleep(QUICK_RETRY).await;
            }
            waiting = held;
        }
        let metrics = &self.shards.metrics;
        metrics.stock_applied.add(applied.fresh);
        metrics.stock_repeated.add(moves.len() - applied.fresh);
        metrics.stock_anomalies.add(applied.anomalies.len());
        for anomaly in &applied.anomalies {
            tracing::error!("stock: {anomaly}");
        }
        Ok(applied)
    }
}

/// Duplicate key, deadlock, lock wait: the other side was first.
fn contended(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<sqlx::Error>()
        .and_then(code)
        .is_some_and(|code| matches!(code, 1062 | 1205 | 1213))
}
