//! The loop from the outbox of one shard to the bus. A few claims are in flight at once, but never two with rows of the
//! same order: a row is not claimed before the earlier ones of its order are sent, or with them.

use super::plan::{Outcome, outcome, unreadable};
use super::record::envelope;
use super::settle::{Settled, settle};
use super::{Row, claim};
use crate::clients::database::Database;
use crate::clients::redis::Redis;
use crate::limits::{
    ANSWERS_GATHER_MS, BLOCKED_RETRY_MS, CLAIM_PACE_MS, CLAIMS_IN_FLIGHT_MAX, ROUND_TIMEOUT_MS,
    UNSETTLED_ROWS_MAX,
};
use crate::orders::cache;
use crate::ports::{Delivery, PipelinedPublisher, Verdict};
use crate::process::metrics::{Metrics, OutboxMetrics};
use crate::process::outage::{Outage, persist, within};
use crate::process::precedence::Precedence;
use crate::process::shutdown::Shutdown;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

/// How this relay claims.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Owner of the leases, unique per process.
    pub owner: String,
    /// Most rows per claim.
    pub rows: u32,
    /// How long a claim is leased.
    pub lease_ms: u64,
    /// Longest wait for a hint.
    pub idle_poll_ms: u64,
    /// Stands before every topic; may be empty.
    pub topic_prefix: String,
}

/// The loop of one shard.
pub struct Outbox<P> {
    /// Index of the shard.
    pub shard: usize,
    /// The shard itself.
    pub database: Database,
    /// The bus; shared by all shards.
    pub publisher: Arc<P>,
    /// Caches orders that have changed.
    pub redis: Redis,
    /// Size and length of its claims.
    pub claims: Claims,
    /// Wakes the loop when rows were written.
    pub hint: Arc<Notify>,
    /// Makes it wait while the batch writer is behind.
    pub precedence: Precedence,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
}

impl<P> Clone for Outbox<P> {
    fn clone(&self) -> Self {
        Outbox {
            shard: self.shard,
            database: self.database.clone(),
            publisher: self.publisher.clone(),
            redis: self.redis.clone(),
            claims: self.claims.clone(),
            hint: self.hint.clone(),
            precedence: self.precedence.clone(),
            metrics: self.metrics.clone(),
        }
    }
}

/// A row's records in flight.
struct Part {
    at: usize,
    deliveries: Vec<Delivery>,
    moves_stock: bool,
}

/// Whether no part of the bus answered for a batch.
type BusAway = bool;

/// Permits of a claim, given back as its rows are settled.
struct Room {
    claim: OwnedSemaphorePermit,
    rows: OwnedSemaphorePermit,
}

impl<P: PipelinedPublisher> Outbox<P> {
    /// Publishes while rows remain, then waits for a hint or the next due time. On shutdown it ends once the claims in
    /// flight are settled.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new(format!("outbox of shard {}", self.shard));
        let mut on_their_way: JoinSet<BusAway> = JoinSet::new();
        let claims = Arc::new(Semaphore::new(CLAIMS_IN_FLIGHT_MAX));
        let unsettled = Arc::new(Semaphore::new(UNSETTLED_ROWS_MAX));
        let mut began = Instant::now();
        while !shutdown.requested() {
            while let Some(done) = on_their_way.try_join_next() {
                self.await_bus(done.unwrap_or(false), &mut shutdown).await;
            }
            let room = unsettled.available_permits().min(self.claims.rows as usize);
            let claim = match room {
                0 => None,
                _ => claims.clone().try_acquire_owned().ok(),
            };
            let Some(claim) = claim else {
                tokio::select! {
                    Some(done) = on_their_way.join_next() => {
                        self.await_bus(done.unwrap_or(false), &mut shutdown).await;
                    }
                    // A claim gives back its permit before its last rows are settled.
                    _ = claims.acquire(), if room > 0 => {}
                    () = shutdown.wait() => {}
                }
                continue;
            };
            self.precedence.give_way(began, &mut shutdown).await;
            began = Instant::now();
            let claimed = match self.claim(room as u32).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    let pause = outage.failed(&error);
                    shutdown.pause(pause).await;
                    continue;
                }
            };
            outage.over();
            let idle = idle(&claimed, self.claims.idle_poll_ms);
            let busy = !claimed.rows.is_empty();
            if busy {
                let rows = unsettled
                    .clone()
                    .try_acquire_many_owned(claimed.rows.len() as u32);
                let Ok(rows) = rows else {
                    tracing::error!("more rows were claimed than there was room for");
                    continue;
                };
                let (outbox, stopping) = (self.clone(), shutdown.clone());
                on_their_way.spawn(outbox.deliver(claimed.rows, Room { claim, rows }, stopping));
            }
            if let Some(idle) = idle {
                if busy {
                    sleep_until(began + Duration::from_millis(CLAIM_PACE_MS)).await;
                }
                tokio::select! {
                    () = self.hint.notified() => {}
                    () = tokio::time::sleep(idle) => {}
                    () = shutdown.wait() => {}
                }
            }
        }
        while on_their_way.join_next().await.is_some() {}
    }

    async fn claim(&self, room: u32) -> anyhow::Result<claim::Claimed> {
        let Claims {
            owner, lease_ms, ..
        } = &self.claims;
        within(ROUND_TIMEOUT_MS, "claiming outbox rows", async {
            Ok(claim::claim(&self.database, owner, room, *lease_ms).await?)
        })
        .await
    }

    /// Claims nothing while no part of the bus answers: rows that nobody can take are not sent in vain.
    async fn await_bus(&self, away: BusAway, shutdown: &mut Shutdown) {
        if away {
            let mut outage = Outage::new(format!("bus of shard {}", self.shard));
            persist(&mut outage, shutdown, || self.publisher.reachable()).await;
        }
    }

    /// Sends the rows' records and settles each row with its answer. Rows for a part of the bus that is away are
    /// settled later and hold up neither the others nor the next claim.
    async fn deliver(self, rows: Vec<Row>, room: Room, mut shutdown: Shutdown) -> BusAway {
        let (parts, mut settled, changed) = self.send(&rows).await;
        let mut waiting: FuturesUnordered<_> = parts
            .into_iter()
            .map(|part| answered(part, &rows))
            .collect();
        let Room {
            claim,
            rows: mut room,
        } = room;
        let (mut claim, mut changed) = (Some(claim), Some(changed));
        let (mut delivered, mut away) = (false, false);
        loop {
            for answered in wave(&mut waiting).await {
                delivered |= answered.delivered;
                away |= answered.away;
                settled.push(answered.settled);
            }
            let wave = std::mem::take(&mut settled);
            self.settle(&rows, &wave, &mut shutdown).await;
            drop(room.split(wave.len()));
            drop(claim.take());
            if let Some(changed) = changed.take() {
                cache::put(&self.redis, changed.into_iter()).await;
            }
            if waiting.is_empty() {
                return away && !delivered;
            }
        }
    }

    /// Sends the records. Also returns the rows that are settled without any, and the orders that changed.
    async fn send(&self, rows: &[Row]) -> (Vec<Part>, Vec<Settled>, Vec<domain::Order>) {
        let prefix = &self.claims.topic_prefix;
        let (mut batch, mut changed) = (Vec::with_capacity(2 * rows.len()), Vec::new());
        let (mut counts, mut settled) = (Vec::with_capacity(rows.len()), Vec::new());
        for (at, row) in rows.iter().enumerate() {
            match envelope(row, prefix) {
                Ok(envelope) => {
                    counts.push((at, envelope.records.len(), envelope.moves_stock));
                    batch.extend(envelope.records);
                    changed.extend(envelope.changed);
                }
                Err(reason) => settled.push(Settled {
                    id: row.id,
                    outcome: unreadable(&reason, row),
                    to_confirm: false,
                }),
            }
        }
        let mut deliveries = self.publisher.send(batch).await.into_iter();
        let parts = counts.into_iter().map(|(at, records, moves_stock)| Part {
            at,
            deliveries: deliveries.by_ref().take(records).collect(),
            moves_stock,
        });
        (parts.collect(), settled, changed)
    }

    async fn settle(&self, rows: &[Row], settled: &[Settled], shutdown: &mut Shutdown) {
        count(&self.metrics.outbox[self.shard], self.shard, rows, settled);
        let mut outage = Outage::new(format!("settling of shard {}", self.shard));
        let write = || {
            let settling = settle(&self.database, &self.claims.owner, settled);
            within(ROUND_TIMEOUT_MS, "settling outbox rows", async {
                Ok(settling.await?)
            })
        };
        persist(&mut outage, shutdown, write).await;
    }
}

/// A row's answer.
struct Answered {
    settled: Settled,
    delivered: bool,
    away: bool,
}

async fn answered(part: Part, rows: &[Row]) -> Answered {
    let row = &rows[part.at];
    let mut verdicts = Vec::with_capacity(part.deliveries.len());
    for delivery in part.deliveries {
        verdicts.push(delivery.await);
    }
    let any = |kind: fn(&Verdict) -> bool| verdicts.iter().any(kind);
    Answered {
        settled: Settled {
            id: row.id,
            outcome: outcome(&verdicts, row),
            to_confirm: part.moves_stock,
        },
        delivered: any(|verdict| !matches!(verdict, Verdict::Away(_))),
        away: any(|verdict| matches!(verdict, Verdict::Away(_))),
    }
}

/// The answers that come within `ANSWERS_GATHER_MS`; where none does, the first that come later.
async fn wave<F: Future<Output = Answered>>(waiting: &mut FuturesUnordered<F>) -> Vec<Answered> {
    let gather = Duration::from_millis(ANSWERS_GATHER_MS);
    let (mut wave, mut until) = (Vec::new(), Instant::now() + gather);
    loop {
        let next = match wave.is_empty() {
            true => Ok(waiting.next().await),
            false => timeout_at(until, waiting.next()).await,
        };
        match next {
            Ok(Some(answered)) if wave.is_empty() => {
                until = until.max(Instant::now() + gather / 4);
                wave.push(answered);
            }
            Ok(Some(answered)) => wave.push(answered),
            Ok(None) | Err(_) => return wave,
        }
    }
}

/// How long to wait after a claim; `None`: not at all.
fn idle(claimed: &claim::Claimed, idle_poll_ms: u64) -> Option<Duration> {
    if claimed.full && !claimed.rows.is_empty() {
        return None;
    }
    let ms = if claimed.blocked {
        BLOCKED_RETRY_MS
    } else {
        let due = claimed.next_due_ms.unwrap_or(idle_poll_ms);
        due.clamp(BLOCKED_RETRY_MS, idle_poll_ms)
    };
    Some(Duration::from_millis(ms))
}

fn count(metrics: &OutboxMetrics, shard: usize, rows: &[Row], settled: &[Settled]) {
    for settled in settled {
        match &settled.outcome {
            Outcome::Sent => metrics.published.add(1),
            Outcome::Retry { .. } => metrics.failed.add(1),
            Outcome::Dead { error } => {
                metrics.died.add(1);
                let row = rows.iter().find(|row| row.id == settled.id);
                let (order_id, message_id) = row.map_or(("", ""), |row| {
                    (row.tx_id.as_str(), row.message_id.as_str())
                });
                tracing::error!(shard, order_id, message_id, "outbox row given up: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
