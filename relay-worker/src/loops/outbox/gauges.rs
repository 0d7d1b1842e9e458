//! How full each outbox is, for the metrics.

use super::status;
use crate::clients::database::{Database, Databases, assembled};
use crate::limits::{GAUGE_ROWS_MAX, GAUGES_EVERY_MS, ROUND_TIMEOUT_MS, SHARD_TIMEOUT_MS};
use crate::process::metrics::{Metrics, OutboxMetrics};
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use contract::store::sql::NOW_MS;
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// Reads the gauges every `GAUGES_EVERY_MS` until shutdown.
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

/// Reads each shard by itself: one that is away keeps its last values.
async fn read(databases: &Databases, metrics: &Metrics) -> anyhow::Result<()> {
    let shards = databases.shards.iter().zip(&metrics.outbox);
    let read = shards.map(|(shard, outbox)| read_one(shard, outbox));
    let all: anyhow::Result<Vec<()>> = join_all(read).await.into_iter().collect();
    all.map(drop)
}

async fn read_one(shard: &Database, outbox: &OutboxMetrics) -> anyhow::Result<()> {
    let read = async {
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
            gauge.set(rows);
        }
        // The first of the new rows, and of the failed ones the one whose next try is the latest.
        let one = |order| {
            format!(
                "(SELECT created_at FROM t_local_message WHERE status = 0 ORDER BY next_retry_at {order} LIMIT 1)"
            )
        };
        let oldest = format!(
            "SELECT {NOW_MS} - CAST(MIN(created_at) AS SIGNED) FROM ({} UNION ALL {}) AS ends",
            one("ASC"),
            one("DESC")
        );
        let age: Option<i64> = sqlx::query_scalar(assembled(oldest))
            .fetch_one(&shard.pool)
            .await?;
        let age_ms = age.unwrap_or(0).max(0);
        outbox.oldest_age_seconds.set(age_ms as f64 / 1_000.0);
        Ok(())
    };
    within(SHARD_TIMEOUT_MS, &shard.name, read).await
}
