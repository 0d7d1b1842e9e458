//! A retry by hand: the row becomes due, the relay is notified, and its verdict is waited for briefly. A failure that
//! is being retried or has become an order is refused.

use super::row;
use contract::api::failure::{FailureStatus, FailureView};
use contract::store::redis::FAILURES_CHANNEL;
use contract::store::sql::NOW_MS;
use domain::Rejection;
use guest::config::Config;
use guest::mysql::{Db, Value};
use guest::redis::Redis;
use guest::{Fault, clock, http};
use std::time::{Duration, Instant};

const VERDICT_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// By the database's clock: one for all hosts.
fn due_now() -> String {
    format!(
        "UPDATE order_failures SET status = ?, next_retry_at = {NOW_MS}, updated_at = {NOW_MS} \
         WHERE id = ? AND status IN (?, ?)"
    )
}

/// The failure after the retry, or before its end where that takes longer.
///
/// # Errors
/// Where there is none, or its state does not allow it.
pub async fn at_once(config: &Config, id: u64, trace_id: &str) -> Result<FailureView, Fault> {
    let before = make_due(config, id).await?;
    if let Err(fault) = tell(config, id).await {
        // The relay polls for due rows, only not at once.
        http::log(&fault, trace_id);
        return Ok(before);
    }
    let deadline = Instant::now() + VERDICT_WITHIN;
    loop {
        clock::sleep(LOOK_EVERY).await;
        let now = row::one(Db::at(&config.inventory_url), id).await?;
        if is_verdict(&before, &now) || Instant::now() >= deadline {
            return Ok(now);
        }
    }
}

/// Whether the relay has tried: the row is final, or waits for another try. A try is counted when it begins.
fn is_verdict(before: &FailureView, now: &FailureView) -> bool {
    let (pending, processing) = (FailureStatus::Pending, FailureStatus::Processing);
    if now.status == pending.name() {
        before.status != pending.name() || before.retry_count != now.retry_count
    } else {
        now.status != processing.name()
    }
}

async fn make_due(config: &Config, id: u64) -> Result<FailureView, Fault> {
    let db = Db::at(&config.inventory_url);
    let (pending, failed) = (FailureStatus::Pending, FailureStatus::Failed);
    let values = vec![
        Value::Uint8(pending.code()),
        Value::Uint64(id),
        Value::Uint8(pending.code()),
        Value::Uint8(failed.code()),
    ];
    let changed = db.update(&due_now(), values).await?;
    let failure = row::one(db, id).await?;
    // A pending row without a change: somebody asked for the same in the same millisecond.
    if changed == 0 && failure.status != pending.name() {
        let status = failure.status;
        return Err(Rejection::NotRetryable { id, status }.into());
    }
    Ok(failure)
}

async fn tell(config: &Config, id: u64) -> Result<(), Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    let arguments = [FAILURES_CHANNEL.to_owned(), id.to_string()];
    redis
        .command("PUBLISH", arguments.map(String::into_bytes))
        .await?;
    Ok(())
}
