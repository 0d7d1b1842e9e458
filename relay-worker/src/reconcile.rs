//! `reconcile`: the platform's invariants, checked against the databases, Redis and the search index once
//! work in flight has ended. It reads only; what it finds broken is for people.

pub mod books;
pub mod finding;
pub mod ledger;
pub mod orders;
pub mod promises;
pub mod sales;

use crate::clock::now_ms;
use crate::database::{Database, Databases};
use crate::index::Index;
use crate::redis::Redis;
use anyhow::Context;
use finding::Finding;
use std::time::Duration;

const POLL: Duration = Duration::from_millis(100);
const AGAIN: Duration = Duration::from_secs(1);

/// What is looked at.
#[derive(Clone)]
pub struct Scope {
    pub databases: Databases,
    pub redis: Redis,
    pub index: Option<Index>,
}

/// Checks everything once nothing is on its way. What is broken is looked at again until `wait_ms` are over:
/// a sweep may still be on it.
///
/// # Errors
/// When a server cannot be asked; nothing is known then.
pub async fn reconcile(scope: &Scope, wait_ms: u64) -> anyhow::Result<Vec<Finding>> {
    let deadline = now_ms() + wait_ms;
    loop {
        while on_its_way(scope).await? && now_ms() < deadline {
            tokio::time::sleep(POLL).await;
        }
        let findings = check(scope).await?;
        let sound = findings.iter().all(|finding| finding.broken == 0);
        if sound || now_ms() >= deadline {
            return Ok(findings);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn check(scope: &Scope) -> anyhow::Result<Vec<Finding>> {
    let mut findings = books::check(&scope.databases.inventory).await?;
    findings.extend(promises::check(&scope.databases, &scope.redis).await?);
    findings.extend(orders::check(scope).await?);
    findings.extend(ledger::check(&scope.databases).await?);
    findings.extend(sales::check(&scope.databases, &scope.redis).await?);
    Ok(findings)
}

async fn on_its_way(scope: &Scope) -> anyhow::Result<bool> {
    if sales::on_its_way(&scope.redis).await? {
        return Ok(true);
    }
    for shard in &scope.databases.shards {
        let row: Option<u64> =
            sqlx::query_scalar("SELECT id FROM t_local_message WHERE status IN (0, 1) LIMIT 1")
                .fetch_optional(&shard.pool)
                .await
                .with_context(|| shard.name.clone())?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One number.
async fn count(database: &Database, sql: &'static str) -> anyhow::Result<u64> {
    let count: i64 = sqlx::query_scalar(sql)
        .fetch_one(&database.pool)
        .await
        .with_context(|| database.name.clone())?;
    Ok(u64::try_from(count).unwrap_or_default())
}
