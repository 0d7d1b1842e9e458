//! How full each outbox is, for the metrics.

use super::status;
use crate::clock::now_ms;
use crate::database::Databases;
use crate::limits::{GAUGE_ROWS_MAX, GAUGES_EVERY_MS, ROUND_TIMEOUT_MS};
use crate::metrics::Metrics;
use crate::outage::{Outage, within};
use crate::shutdown::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

pub async fn run(databases: Databases, metrics: Arc<Metrics>, mut shutdown: Shutdown) {
    let mut outage = Outage::new("outbox gauges");
    loop {
        let pause = match within(ROUND_TIMEOUT_MS, "gauges", read(&databases, &metrics)).await {
            Ok(()) => {
                outage.over();
                Duration::from_millis(GAUGES_EVERY_MS)
            }
            Err(error) => outage.failed(&error),
        };
        if shutdown.pause(pause).await {
            return;
        }
    }
}

async fn read(databases: &Databases, metrics: &Metrics) -> anyhow::Result<()> {
    for (shard, outbox) in databases.shards.iter().zip(&metrics.outbox) {
        let count = "SELECT COUNT(*) FROM (SELECT id FROM t_local_message WHERE status = ? LIMIT ?) AS rows_of_status";
        for (status, gauge) in [
            (status::WAITING, &outbox.waiting),
            (status::DEAD, &outbox.dead),
        ] {
            let rows: i64 = sqlx::query_scalar(count)
                .bind(status)
                .bind(GAUGE_ROWS_MAX)
                .fetch_one(&shard.pool)
                .await?;
            gauge.store(rows, Relaxed);
        }
        let oldest: Option<u64> = sqlx::query_scalar(
            "SELECT created_at FROM t_local_message WHERE status = 0 ORDER BY next_retry_at, id LIMIT 1",
        )
        .fetch_optional(&shard.pool)
        .await?;
        let age = oldest.map_or(0, |at| now_ms().saturating_sub(at));
        outbox.oldest_age_ms.store(age, Relaxed);
    }
    Ok(())
}
