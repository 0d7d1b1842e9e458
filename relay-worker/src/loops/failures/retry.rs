//! The loop that retries failed messages: claims those that are due, writes them like any other, and records the
//! outcome. A message that is given up releases what it held.

use super::compensate;
use super::store::{Failures, MessageSource};
use super::take_again::take_again;
use crate::clients::database::assembled;
use crate::clients::redis::Redis;
use crate::limits::{FAILURES_CLAIM_MAX, FAILURES_EVERY_MS, ROUND_TIMEOUT_MS};
use crate::loops::intake::take_in::read_raw;
use crate::loops::intake::write::Writer;
use crate::loops::intake::{Pending, Refusal, Written};
use crate::loops::outbox::plan::shortened;
use crate::loops::sweep::existing;
use crate::orders::queued;
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use contract::api::failure::FailureStatus;
use contract::store::sql::NOW_MS;
use contract::wire::intake::Intake;
use contract::wire::seckill_message::ForeignPurchase;
use domain::backoff::failure_retry_ms;
use domain::limits::FAILURE_STALE_MS;
use domain::{Ms, OrderId};
use sqlx::Row as _;
use std::sync::LazyLock;
use std::time::Duration;

/// The retry loop.
pub struct Retry {
    /// The table, and the hint that wakes the loop.
    pub failures: Failures,
    /// Inserts the orders.
    pub writer: Writer,
    /// Holds what is reserved again for a retry, or released.
    pub redis: Redis,
    /// Longest wait for a hint, at least `FAILURES_EVERY_MS`.
    pub idle_poll_ms: u64,
}

/// A claimed failure.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Claimed {
    id: u64,
    source: String,
    raw: Vec<u8>,
    /// Attempts, including this one.
    tries: u32,
}

/// What becomes of a failure after an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    Success(OrderId),
    Again {
        wait: Ms,
        reason: String,
    },
    GivenUp {
        reason: String,
    },
    /// Whether it is an order is unknown: the attempt does not count.
    Away {
        reason: String,
    },
}

fn next(written: Written, tries: u32) -> Next {
    let refusal = match written {
        Written::New(order) | Written::Known(order) => return Next::Success(order),
        Written::Away(reason) => return Next::Away { reason },
        Written::Refused(refusal) => refusal,
    };
    let reason = shortened(&refusal.reason);
    match failure_retry_ms(tries + 1).filter(|_| !refusal.last) {
        Some(wait) => Next::Again { wait, reason },
        None => Next::GivenUp { reason },
    }
}

/// The message, or why it is none.
fn read(claimed: &Claimed) -> Result<Pending, Refusal> {
    match MessageSource::parse(&claimed.source) {
        Some(MessageSource::Intake) => read_raw(&claimed.raw)
            .map(Pending::Ours)
            .map_err(Refusal::now),
        Some(_) => ForeignPurchase::parse(&claimed.raw)
            .map(Pending::Foreign)
            .map_err(|rejection| Refusal::now(rejection.to_string())),
        None => Err(Refusal::last(format!("unknown source {}", claimed.source))),
    }
}

/// Failures that are due, and those claimed by a relay that never recorded an outcome. A time further ahead than any
/// wait was written before the database's clock was set back, and is due.
static CLAIMABLE: LazyLock<[(FailureStatus, String); 2]> = LazyLock::new(|| {
    let rows = |moment: &str, until: &str| {
        format!(
            "SELECT id, source, message_data, retry_count, status, updated_at FROM order_failures WHERE status = ? \
             AND ({moment} <= {until} OR {moment} > {NOW_MS} + {FAILURE_STALE_MS}) ORDER BY next_retry_at LIMIT ?"
        )
    };
    let stale = format!("{NOW_MS} - {FAILURE_STALE_MS}");
    [
        (FailureStatus::Pending, rows("next_retry_at", NOW_MS)),
        (FailureStatus::Processing, rows("updated_at", &stale)),
    ]
});
static CLAIM: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE order_failures SET status = ?, retry_count = ?, updated_at = {NOW_MS} WHERE id = ? AND status = ? AND updated_at = ?"
    )
});
static PUT_DOWN: LazyLock<String> = LazyLock::new(|| {
    format!(
        "UPDATE order_failures SET status = ?, retry_count = ?, next_retry_at = {NOW_MS} + ?, updated_at = {NOW_MS}, \
         order_id = COALESCE(?, order_id), error_message = COALESCE(?, error_message) \
         WHERE id = ? AND status = ? AND retry_count = ?"
    )
});

impl Retry {
    /// Runs until shutdown.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("failures");
        while !shutdown.requested() {
            let pause = match within(ROUND_TIMEOUT_MS, "retrying failures", self.round()).await {
                Ok(pause) => {
                    outage.over();
                    pause
                }
                Err(error) => outage.failed(&error),
            };
            tokio::select! {
                () = self.failures.hint.notified() => {}
                () = tokio::time::sleep(pause) => {}
                () = shutdown.wait() => {}
            }
        }
    }

    /// Retries what is due; returns how long to wait for the next.
    async fn round(&self) -> anyhow::Result<Duration> {
        loop {
            let claimed = self.claim().await?;
            let full = claimed.len() as u64 >= u64::from(FAILURES_CLAIM_MAX);
            if !claimed.is_empty() {
                self.writer.metrics.failures.runs.add(claimed.len());
                if let Err(error) = self.attempt(&claimed).await {
                    self.put_back(&claimed).await?;
                    return Err(error);
                }
            }
            if !full {
                break;
            }
        }
        let due = format!(
            "SELECT CAST(next_retry_at AS SIGNED) - {NOW_MS} FROM order_failures WHERE status = ? ORDER BY next_retry_at LIMIT 1"
        );
        let due: Option<i64> = sqlx::query_scalar(assembled(due))
            .bind(FailureStatus::Pending.code())
            .fetch_optional(&self.failures.database.pool)
            .await?;
        let idle = FAILURES_EVERY_MS.max(self.idle_poll_ms);
        let wait = due.map_or(idle, |ms| ms.max(0).unsigned_abs());
        Ok(Duration::from_millis(wait.clamp(10, idle)))
    }

    /// Each is claimed by compare-and-set, as another relay may claim it too.
    async fn claim(&self) -> anyhow::Result<Vec<Claimed>> {
        let pool = &self.failures.database.pool;
        let mut claimed = Vec::new();
        for (status, sql) in CLAIMABLE.iter() {
            let rows = sqlx::query(sql.as_str())
                .bind(status.code())
                .bind(FAILURES_CLAIM_MAX)
                .fetch_all(pool)
                .await?;
            for row in rows {
                let one = Claimed {
                    id: row.try_get(0)?,
                    source: row.try_get(1)?,
                    raw: row.try_get(2)?,
                    tries: row.try_get::<u32, _>(3)?.saturating_add(1),
                };
                let (seen, updated_at): (u8, u64) = (row.try_get(4)?, row.try_get(5)?);
                let changed = sqlx::query(CLAIM.as_str())
                    .bind(FailureStatus::Processing.code())
                    .bind(one.tries)
                    .bind(one.id)
                    .bind(seen)
                    .bind(updated_at)
                    .execute(pool)
                    .await?
                    .rows_affected();
                if changed == 1 {
                    claimed.push(one);
                }
            }
        }
        Ok(claimed)
    }

    /// Checks first whether the order exists, which then needs no units. A message whose units cannot be reserved
    /// because a server is away is put back; the others go on.
    async fn attempt(&self, claimed: &[Claimed]) -> anyhow::Result<()> {
        let messages: Vec<_> = claimed.iter().map(|one| (one, read(one))).collect();
        let orders = messages.iter().filter_map(|(_, message)| match message {
            Ok(Pending::Ours(intake)) => intake.order_id(),
            _ => None,
        });
        let Writer {
            databases,
            availability,
            ..
        } = &self.writer;
        let there = existing(databases, availability, orders).await;
        let mut outcomes: Vec<(&Claimed, Option<Intake>, Written)> = Vec::new();
        let (mut tried, mut pending, mut trouble) = (Vec::new(), Vec::new(), None);
        for (one, message) in messages {
            let intake = match message {
                Ok(Pending::Ours(intake)) => intake,
                Ok(foreign) => {
                    tried.push((one, None));
                    pending.push(foreign);
                    continue;
                }
                Err(refusal) => {
                    outcomes.push((one, None, Written::Refused(refusal)));
                    continue;
                }
            };
            let order = intake.order_id();
            if order.is_some_and(|order| there.unknown.contains(&order)) {
                let reason = "the shard of its order is away".to_owned();
                outcomes.push((one, Some(intake), Written::Away(reason)));
                continue;
            }
            let taken = match order {
                Some(order) if there.found.contains(&order) => Ok(true),
                _ => take_again(&self.redis, &self.failures.database, &intake).await,
            };
            match taken {
                Ok(true) => {
                    tried.push((one, Some(intake.clone())));
                    pending.push(Pending::Ours(intake));
                }
                Ok(false) => {
                    let short = Refusal::now("its units are not there any more");
                    outcomes.push((one, Some(intake), Written::Refused(short)));
                }
                Err(error) => trouble = Some(error.context(format!("failure {}", one.id))),
            }
        }
        let written = self.writer.write(&pending).await?;
        let tried = tried.into_iter().zip(written);
        outcomes.extend(tried.map(|((one, intake), written)| (one, intake, written)));
        for (one, intake, written) in outcomes {
            let next = next(written, one.tries);
            self.finish(one, intake.as_ref(), next).await?;
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Records an outcome. What a message held is released before it counts as given up: after a crash in between it is
    /// retried.
    async fn finish(
        &self,
        one: &Claimed,
        intake: Option<&Intake>,
        next: Next,
    ) -> anyhow::Result<()> {
        let metrics = &self.writer.metrics.failures;
        let (status, wait, order, reason) = match &next {
            Next::Away { reason } => {
                tracing::warn!(id = one.id, "not tried: {reason}");
                return self.put_back(std::slice::from_ref(one)).await;
            }
            Next::Success(order) => {
                if let Some(Intake::Order(_)) = intake {
                    queued::forget(&self.redis, &[*order]).await?;
                }
                (FailureStatus::Success, 0, Some(order.get()), None)
            }
            Next::Again { wait, reason } => (FailureStatus::Pending, *wait, None, Some(reason)),
            Next::GivenUp { reason } => {
                compensate::give_back(&self.redis, intake.as_slice()).await?;
                (FailureStatus::Failed, 0, None, Some(reason))
            }
        };
        let changed = self
            .put_down(one, (status, one.tries), wait, order, reason)
            .await?;
        let (id, tries) = (one.id, one.tries);
        match next {
            _ if changed == 0 => tracing::info!(id, "another relay is at this failure by now"),
            Next::Success(order) => {
                metrics.success.add(1);
                tracing::info!(id, tries, order_id = %order, "a failed message is an order after all");
            }
            Next::Again { reason, .. } | Next::Away { reason } => {
                tracing::warn!(id, tries, "still no order: {reason}");
            }
            Next::GivenUp { reason } => {
                metrics.failed.add(1);
                tracing::error!(id, tries, "given up, what it held is returned: {reason}");
            }
        }
        Ok(())
    }

    /// Puts claimed failures back without counting the attempt, which met an outage.
    async fn put_back(&self, claimed: &[Claimed]) -> anyhow::Result<()> {
        let wait = failure_retry_ms(1).unwrap_or_default();
        for one in claimed {
            let before = (FailureStatus::Pending, one.tries - 1);
            self.put_down(one, before, wait, None, None).await?;
        }
        Ok(())
    }

    /// Writes an outcome by compare-and-set; returns how many rows were still claimed by this attempt.
    async fn put_down(
        &self,
        one: &Claimed,
        (status, tries): (FailureStatus, u32),
        wait: Ms,
        order: Option<u64>,
        reason: Option<&String>,
    ) -> sqlx::Result<u64> {
        let done = sqlx::query(PUT_DOWN.as_str())
            .bind(status.code())
            .bind(tries)
            .bind(wait)
            .bind(order)
            .bind(reason)
            .bind(one.id)
            .bind(FailureStatus::Processing.code())
            .bind(one.tries)
            .execute(&self.failures.database.pool)
            .await?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn five_attempts_then_the_end() {
        let order = fixtures::order(1, 1).id;
        assert_eq!(next(Written::Known(order), 3), Next::Success(order));
        let refused = || Written::Refused(Refusal::now("x"));
        let waits: Vec<Ms> = (1..99)
            .map_while(|tries| match next(refused(), tries) {
                Next::Again { wait, .. } => Some(wait),
                _ => None,
            })
            .collect();
        // The first wait of all, one second, is before the first attempt.
        assert_eq!(waits, [2_000, 4_000, 8_000, 16_000]);
        let last = Written::Refused(Refusal::last("x"));
        assert!(matches!(next(last, 1), Next::GivenUp { .. }));
    }

    #[test]
    fn messages_are_read_by_their_source() {
        let claimed = |source: &str, raw: &str| Claimed {
            id: 1,
            source: source.to_owned(),
            raw: raw.as_bytes().to_vec(),
            tries: 1,
        };
        let good = r#"{"user_id":7,"product_id":1,"quantity":2,"unit_price":9.9,"seckill_id":"s","timestamp":"2026-11-21T10:00:00Z"}"#;
        assert!(matches!(
            read(&claimed("kafka", good)),
            Ok(Pending::Foreign(_))
        ));
        assert!(!read(&claimed("rabbitmq", "{")).unwrap_err().last);
        assert!(!read(&claimed("intake", "{}")).unwrap_err().last);
        assert!(read(&claimed("post", good)).unwrap_err().last);
    }
}
