//! The loop from the bus to stock. Per batch: the database, then Redis, the orders' shards, and last the bus. Each step
//! is repeated until it succeeds; after a crash the rest is done when the batch is read again. Two things do not hold
//! up a batch: a shard that is away is informed later, and moves of a product whose row another transaction holds wait
//! while the others go on.

use super::message::{self, StockMove};
use super::rows::Lock;
use super::shards::Shards;
use super::split::{Work, parts};
use super::{apply, sync};
use crate::clients::database::code;
use crate::dead_letter;
use crate::limits::{ROUND_TIMEOUT_MS, STOCK_HELD_MAX, STOCK_HELD_RETRY_MS, STOCK_MESSAGES_MAX};
use crate::ports::{Incoming, Outgoing, Publisher, Source};
use crate::process::outage::{Outage, persist, within};
use crate::process::shutdown::Shutdown;
use anyhow::anyhow;
use std::sync::Arc;
use std::time::Duration;

/// A batch does not wait for more messages: those that come while it is processed form the next.
const GATHER: Duration = Duration::ZERO;
const QUICK_RETRIES_MAX: u32 = 20;
const QUICK_RETRY: Duration = Duration::from_millis(5);

/// Consumes the stock topic.
pub struct StockConsumer<S, P> {
    /// Reads the stock topic.
    pub source: S,
    /// Takes the dead letters.
    pub publisher: Arc<P>,
    /// The databases, Redis and the metrics.
    pub shards: Shards,
}

/// What was read and is not finished.
#[derive(Default)]
struct Hand {
    /// To be acknowledged together once nothing is held; their values are dropped.
    records: Vec<Incoming>,
    /// Parts that wait for a row which another transaction holds.
    held: Vec<Vec<StockMove>>,
}

impl<S: Source, P: Publisher> StockConsumer<S, P> {
    /// Runs until shutdown. What is not acknowledged by then is read again.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("stock consumer");
        let mut holding = Outage::of_watcher("stock that somebody holds");
        let mut hand = Hand::default();
        loop {
            let batch = tokio::select! {
                () = shutdown.wait() => return,
                batch = next(&mut self.source, &hand) => batch,
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
            let contents = batch.into_iter().map(|record| Incoming {
                value: Vec::new(),
                ..record
            });
            hand.records.extend(contents);
            let work = Work::join(std::mem::take(&mut hand.held), moves);
            let (publisher, metrics) = (&*self.publisher, &self.shards.metrics);
            let aside =
                dead_letter::put_aside(publisher, metrics, poison, &mut outage, &mut shutdown);
            let Some(()) = aside.await else { return };
            let round = || self.take_in(&work);
            let Some(held) = persist(&mut outage, &mut shutdown, round).await else {
                return;
            };
            hand.held = held;
            if let Some(part) = hand.held.first() {
                let products = apply::products(part);
                holding.failed(&anyhow!("another transaction holds one of {products:?}"));
                continue;
            }
            holding.over();
            if let Err(error) = self.source.acknowledge(&hand.records).await {
                tracing::info!("a batch will be read again: {error:#}");
            }
            hand.records.clear();
        }
    }

    fn read(&self, batch: &[Incoming]) -> (Vec<StockMove>, Vec<Outgoing>) {
        let (mut moves, mut poison) = (Vec::with_capacity(batch.len()), Vec::new());
        for record in batch {
            match message::parse(&record.value) {
                Ok(one) => moves.push(one),
                Err(reason) => poison.push(dead_letter::outgoing(record, &reason)),
            }
        }
        (moves, poison)
    }

    /// All steps of a batch; may be repeated as a whole. Returns the parts that are still held.
    async fn take_in(&self, work: &Work) -> anyhow::Result<Vec<Vec<StockMove>>> {
        within(ROUND_TIMEOUT_MS, "a batch of stock moves", async {
            let mut done = Done::default();
            let mut held = self.try_held(&work.held, &mut done).await?;
            held.extend(self.try_free(&work.free, &mut done).await?);
            self.count(&done);
            let Done { applied, moves } = done;
            if !moves.is_empty() {
                sync::sync(&self.shards.redis, &sync::news(&moves, &applied.stock)).await?;
                self.shards.inform(&moves, &applied.refused).await;
            }
            Ok(held)
        })
        .await
    }

    /// Applies moves together, if possible. On a conflict with another relay or a function they are split into parts
    /// and retried; parts that stay held are returned.
    async fn try_free(
        &self,
        moves: &[StockMove],
        done: &mut Done,
    ) -> anyhow::Result<Vec<Vec<StockMove>>> {
        let mut lock = Lock::Yes;
        let (mut waiting, mut held) = (Vec::new(), Vec::new());
        if !moves.is_empty() {
            waiting.push(moves.to_vec());
        }
        let mut tries = 0;
        while !waiting.is_empty() {
            let mut again = Vec::new();
            for part in waiting {
                match self.apply(part, lock, done).await? {
                    None => {}
                    Some((Obstacle::Held, part)) => {
                        lock = Lock::AtOnce;
                        let mut smaller = parts(&part);
                        let to = if smaller.len() > 1 {
                            &mut again
                        } else {
                            &mut held
                        };
                        to.append(&mut smaller);
                    }
                    Some((Obstacle::Overtaken(error), _)) if tries == QUICK_RETRIES_MAX => {
                        return Err(error);
                    }
                    Some((Obstacle::Overtaken(_), part)) => again.extend(parts(&part)),
                }
            }
            if !again.is_empty() {
                tries += 1;
                tokio::time::sleep(QUICK_RETRY).await;
            }
            waiting = again;
        }
        Ok(held)
    }

    /// Retries held parts; returns those that are still held. Waits for only one of them, and for another next time.
    async fn try_held(
        &self,
        parts: &[Vec<StockMove>],
        done: &mut Done,
    ) -> anyhow::Result<Vec<Vec<StockMove>>> {
        let mut lock = Lock::Yes;
        let mut held = Vec::new();
        for part in parts {
            if let Some((_, part)) = self.apply(part.clone(), lock, done).await? {
                lock = Lock::AtOnce;
                held.push(part);
            }
        }
        if !held.is_empty() {
            held.rotate_left(1);
        }
        Ok(held)
    }

    /// Applies a part. Returns it, with what is in its way, where it could not be applied.
    async fn apply(
        &self,
        part: Vec<StockMove>,
        lock: Lock,
        done: &mut Done,
    ) -> anyhow::Result<Option<(Obstacle, Vec<StockMove>)>> {
        match apply::apply(&self.shards.databases.inventory, &part, lock).await {
            Ok(applied) => {
                done.applied.add(applied);
                done.moves.extend(part);
                Ok(None)
            }
            Err(error) => Ok(Some((Obstacle::of(error)?, part))),
        }
    }

    fn count(&self, Done { applied, moves }: &Done) {
        let metrics = &self.shards.metrics;
        metrics.stock_applied.add(applied.fresh);
        metrics.stock_repeated.add(moves.len() - applied.fresh);
        metrics.stock_anomalies.add(applied.anomalies.len());
        for anomaly in &applied.anomalies {
            tracing::error!("stock: {anomaly}");
        }
    }
}

/// The next messages. While parts are held it waits only briefly, and once too many messages are unfinished it reads
/// none.
async fn next(source: &mut impl Source, hand: &Hand) -> anyhow::Result<Vec<Incoming>> {
    if hand.held.is_empty() {
        return source.next(STOCK_MESSAGES_MAX, GATHER).await;
    }
    let moment = Duration::from_millis(STOCK_HELD_RETRY_MS);
    if hand.records.len() >= STOCK_HELD_MAX {
        tokio::time::sleep(moment).await;
        return Ok(Vec::new());
    }
    let batch = tokio::time::timeout(moment, source.next(STOCK_MESSAGES_MAX, GATHER)).await;
    batch.unwrap_or_else(|_| Ok(Vec::new()))
}

/// Moves that took effect, and their outcome.
#[derive(Default)]
struct Done {
    applied: apply::Applied,
    moves: Vec<StockMove>,
}

/// Why moves could not be applied although the database works.
enum Obstacle {
    /// Another transaction holds a row.
    Held,
    /// A deadlock, or another relay applied a message first: the next try succeeds.
    Overtaken(anyhow::Error),
}

impl Obstacle {
    fn of(error: anyhow::Error) -> anyhow::Result<Obstacle> {
        match error.downcast_ref::<sqlx::Error>().and_then(code) {
            Some(1205 | 3572) => Ok(Obstacle::Held),
            Some(1062 | 1213) => Ok(Obstacle::Overtaken(error)),
            _ => Err(error),
        }
    }
}
