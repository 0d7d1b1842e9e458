//! Waits for the work that was in flight when `reconcile` began: on a busy platform something is always in flight, but
//! never the same.

use super::Scope;
use crate::loops::intake::streams::Streams;
use anyhow::Context;
use redis::streams::StreamRangeReply;
use std::time::Duration;
use tokio::time::Instant;

/// Pause between two looks.
const POLL: Duration = Duration::from_millis(100);

/// Waits until the present entries of the intakes are written and the present rows of the outboxes are confirmed, or
/// until `deadline`.
///
/// # Errors
/// Where Redis or a database is away.
pub async fn ended(scope: &Scope, deadline: Instant) -> anyhow::Result<()> {
    let mut entries = Vec::new();
    for name in Streams::new(scope.redis.clone(), String::new())
        .scan()
        .await?
        .into_keys()
    {
        let last = range(scope, "XREVRANGE", &name, ["+", "-"]).await?;
        entries.extend(last.map(|last| (name, last)));
    }
    while let Some((name, last)) = entries.last() {
        match range(scope, "XRANGE", name, ["-", last]).await? {
            None => drop(entries.pop()),
            Some(_) if Instant::now() >= deadline => return Ok(()),
            Some(_) => tokio::time::sleep(POLL).await,
        }
    }
    for shard in &scope.databases.shards {
        let last: Option<u64> = sqlx::query_scalar("SELECT MAX(id) FROM t_local_message")
            .fetch_one(&shard.pool)
            .await
            .with_context(|| shard.name.clone())?;
        let waits = "SELECT id FROM t_local_message WHERE status IN (0, 1) AND id <= ? LIMIT 1";
        while Instant::now() < deadline {
            let waiting: Option<u64> = sqlx::query_scalar(waits)
                .bind(last)
                .fetch_optional(&shard.pool)
                .await
                .with_context(|| shard.name.clone())?;
            if waiting.is_none() {
                break;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// The id of the first entry in a range of a stream.
async fn range(
    scope: &Scope,
    command: &str,
    name: &str,
    [from, to]: [&str; 2],
) -> anyhow::Result<Option<String>> {
    let found: StreamRangeReply = redis::cmd(command)
        .arg(name)
        .arg(from)
        .arg(to)
        .arg("COUNT")
        .arg(1)
        .query_async(&mut scope.redis.connection())
        .await
        .context("Redis")?;
    Ok(found.ids.into_iter().next().map(|entry| entry.id))
}
