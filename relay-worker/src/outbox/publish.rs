//! The loop outbox -> bus of one shard. A few claims are on their way at once; rows of one order never are,
//! since a row is not claimed before the earlier ones of its order are sent.

use super::plan::{Outcome, outcome, shortened};
use super::record::envelope;
use super::settle::{Settled, settle};
use super::{Row, claim};
use crate::clock::now_ms;
use crate::database::Database;
use crate::limits::{
    BLOCKED_RETRY_MS, CLAIM_PACE_MS, CLAIMS_IN_FLIGHT_MAX, IDLE_POLL_MS, ROUND_TIMEOUT_MS,
};
use crate::metrics::{Metrics, OutboxMetrics};
use crate::orders::cache;
use crate::outage::{Outage, persist, within};
use crate::ports::{Publisher, Verdict};
use crate::precedence::Precedence;
use crate::redis::Redis;
use crate::shutdown::Shutdown;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How this relay claims.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Unique per process.
    pub owner: String,
    pub rows: u32,
    pub lease_ms: u64,
    pub topic_prefix: String,
}

/// Everything one shard's loop works with.
pub struct Outbox<P> {
    pub shard: usize,
    pub database: Database,
    pub publisher: Arc<P>,
    pub redis: Redis,
    pub claims: Claims,
    pub hint: Arc<Notify>,
    pub precedence: Precedence,
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

/// A row's share of a batch.
struct Part {
    records: usize,
    moves_stock: bool,
}

/// Whether a batch met a bus that is away.
type BusAway = bool;

impl<P: Publisher> Outbox<P> {
    /// Drains while rows remain, then waits for a hint or the next due time. Ends when stopping, after
    /// what is on its way has been settled.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new(format!("outbox of shard {}", self.shard));
        let mut on_their_way: JoinSet<BusAway> = JoinSet::new();
        let mut began = Instant::now();
        while !shutdown.requested() {
            while let Some(done) = on_their_way.try_join_next() {
                self.await_bus(done.unwrap_or(false), &mut shutdown).await;
            }
            if on_their_way.len() >= CLAIMS_IN_FLIGHT_MAX {
                let done = on_their_way.join_next().await;
                let away = matches!(done, Some(Ok(true)));
                self.await_bus(away, &mut shutdown).await;
                continue;
            }
            self.precedence.give_way(began, &mut shutdown).await;
            began = Instant::now();
            let claimed = match self.claim().await {
                Ok(claimed) => claimed,
                Err(error) => {
                    let pause = outage.failed(&error);
                    shutdown.pause(pause).await;
                    continue;
                }
            };
            outage.over();
            let idle = idle(&claimed, now_ms());
            let busy = !claimed.rows.is_empty();
            if busy {
                let (outbox, stopping) = (self.clone(), shutdown.clone());
                on_their_way.spawn(outbox.deliver(claimed.rows, stopping));
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

    async fn claim(&self) -> anyhow::Result<claim::Claimed> {
        let Claims {
            owner,
            rows,
            lease_ms,
            ..
        } = &self.claims;
        within(ROUND_TIMEOUT_MS, "claiming outbox rows", async {
            Ok(claim::claim(&self.database, owner, *rows, now_ms(), *lease_ms).await?)
        })
        .await
    }

    /// While the bus is away nothing is claimed: an outage costs a row one of its retries, not all.
    async fn await_bus(&self, away: BusAway, shutdown: &mut Shutdown) {
        if away {
            let mut outage = Outage::new(format!("bus of shard {}", self.shard));
            persist(&mut outage, shutdown, || self.publisher.reachable()).await;
        }
    }

    async fn deliver(self, rows: Vec<Row>, mut shutdown: Shutdown) -> BusAway {
        let metrics = &self.metrics.outbox[self.shard];
        let prefix = &self.claims.topic_prefix;
        let (mut batch, mut changed) = (Vec::with_capacity(2 * rows.len()), Vec::new());
        let parts: Vec<Result<Part, String>> = rows
            .iter()
            .map(|row| {
                let envelope = envelope(row, prefix)?;
                let part = Part {
                    records: envelope.records.len(),
                    moves_stock: envelope.moves_stock,
                };
                batch.extend(envelope.records);
                changed.extend(envelope.changed);
                Ok(part)
            })
            .collect();
        let verdicts = self.publisher.publish(batch).await;
        let away = verdicts.iter().any(|v| matches!(v, Verdict::Away(_)));
        let now = now_ms();
        let settled = outcomes(&rows, &parts, &verdicts, now);
        count(metrics, self.shard, &rows, &settled);
        let mut outage = Outage::new(format!("settling of shard {}", self.shard));
        let write = || {
            let settling = settle(&self.database, &self.claims.owner, &settled, now);
            within(ROUND_TIMEOUT_MS, "settling outbox rows", async {
                Ok(settling.await?)
            })
        };
        persist(&mut outage, &mut shutdown, write).await;
        cache::put(&self.redis, changed.into_iter()).await;
        away
    }
}

/// How long to wait after a claim; `None`: go on at once.
fn idle(claimed: &claim::Claimed, now: domain::Ms) -> Option<Duration> {
    if claimed.full && !claimed.rows.is_empty() {
        return None;
    }
    let ms = if claimed.blocked {
        BLOCKED_RETRY_MS
    } else {
        let due = claimed.next_due.unwrap_or(now + IDLE_POLL_MS);
        due.saturating_sub(now)
            .clamp(BLOCKED_RETRY_MS, IDLE_POLL_MS)
    };
    Some(Duration::from_millis(ms))
}

/// Deals the verdicts out to the rows they belong to.
fn outcomes(
    rows: &[Row],
    parts: &[Result<Part, String>],
    verdicts: &[Verdict],
    now: domain::Ms,
) -> Vec<Settled> {
    let mut rest = verdicts;
    let mut settled = Vec::with_capacity(rows.len());
    for (row, part) in rows.iter().zip(parts) {
        let (outcome, to_confirm) = match part {
            Ok(part) => {
                let (own, after) = rest.split_at(part.records);
                rest = after;
                (outcome(own, row.retry_count, now), part.moves_stock)
            }
            Err(reason) => {
                let (failed, error) = (row.retry_count, shortened(reason));
                (Outcome::Dead { failed, error }, false)
            }
        };
        settled.push(Settled {
            id: row.id,
            outcome,
            to_confirm,
        });
    }
    assert!(rest.is_empty(), "a verdict without a row");
    settled
}

fn count(metrics: &OutboxMetrics, shard: usize, rows: &[Row], settled: &[Settled]) {
    for (row, settled) in rows.iter().zip(settled) {
        match &settled.outcome {
            Outcome::Sent => metrics.published.add(1),
            Outcome::Retry { .. } => metrics.failed.add(1),
            Outcome::Dead { error, .. } => {
                metrics.died.add(1);
                let (order_id, message_id) = (row.tx_id.as_str(), row.message_id.as_str());
                tracing::error!(shard, order_id, message_id, "outbox row given up: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn verdicts_find_their_rows() {
        let rows = [
            fixtures::created_row(1, 1),
            fixtures::created_row(2, 1),
            fixtures::created_row(3, 1),
        ];
        let part = || Part {
            records: 2,
            moves_stock: true,
        };
        let parts = [Ok(part()), Err("payload: EOF".to_owned()), Ok(part())];
        let verdicts = [
            Verdict::Delivered,
            Verdict::Delivered,
            Verdict::Delivered,
            Verdict::Refused("too large".to_owned()),
        ];
        let settled = outcomes(&rows, &parts, &verdicts, 10);
        assert_eq!(settled[0].outcome, Outcome::Sent);
        assert!(settled[0].to_confirm);
        assert!(matches!(settled[1].outcome, Outcome::Dead { .. }));
        assert!(matches!(
            settled[2].outcome,
            Outcome::Retry { at: 1_010, .. }
        ));
    }

    #[test]
    fn a_full_claim_is_followed_by_the_next() {
        let mut claimed = claim::Claimed::default();
        assert_eq!(idle(&claimed, 0), Some(Duration::from_millis(IDLE_POLL_MS)));
        claimed.next_due = Some(200);
        assert_eq!(idle(&claimed, 0), Some(Duration::from_millis(200)));
        claimed.rows = vec![fixtures::created_row(1, 1)];
        claimed.full = true;
        assert_eq!(idle(&claimed, 0), None);
    }
}
