//! `reconcile`: checks the platform's invariants in the databases, Redis, Kafka and the search index. It only reads;
//! people repair what it finds broken.
//!
//! It also works on a platform that is never idle. Data of one database is read in one snapshot of it. Data of several
//! servers cannot be read at one moment, so a disagreement is a suspect: it is checked again, and is broken if it
//! disagrees in the same way for longer than anything is in flight (`limits::SETTLE_MS`).

pub mod books;
pub mod bus;
pub mod buyers;
pub mod catalogue;
pub mod finding;
pub mod flight;
pub mod holds;
pub mod keys;
pub mod ledger;
pub mod lookup;
pub mod orders;
pub mod promises;
pub mod sales;

use crate::clients::database::{Database, Databases};
use crate::clients::kafka::Cluster;
use crate::clients::redis::Redis;
use crate::loops::index::Index;
use anyhow::Context;
use bus::Window;
use finding::Finding;
use std::time::Duration;
use tokio::time::Instant;

/// Suspects are checked again after this time, then after twice that, and so on.
const AGAIN: Duration = Duration::from_secs(1);

/// What is checked.
#[derive(Clone)]
pub struct Scope {
    /// All databases.
    pub databases: Databases,
    /// The one Redis.
    pub redis: Redis,
    /// `None`: documents are not checked.
    pub index: Option<Index>,
    /// Kafka, and how far back its events are read; `None`: events are not checked.
    pub bus: Option<(Cluster, Window)>,
}

/// Checks that read the same data.
#[derive(Clone, Copy)]
enum Part {
    Books,
    Holds,
    Catalogue,
    Promises,
    Orders,
    Ledger,
    Sales,
    Keys,
    Buyers,
    Bus,
}

/// All parts, in the order of their runs.
const PARTS: [Part; 10] = [
    Part::Books,
    Part::Holds,
    Part::Catalogue,
    Part::Promises,
    Part::Orders,
    Part::Ledger,
    Part::Sales,
    Part::Keys,
    Part::Buyers,
    Part::Bus,
];

impl Part {
    async fn check(self, scope: &Scope) -> anyhow::Result<Vec<Finding>> {
        let Scope {
            databases, redis, ..
        } = scope;
        match self {
            Part::Books => books::check(&databases.inventory).await,
            Part::Holds => holds::check(&databases.inventory).await,
            Part::Catalogue => catalogue::check(databases, redis).await,
            Part::Promises => promises::check(databases, redis).await,
            Part::Orders => orders::check(scope).await,
            Part::Ledger => ledger::check(databases, redis).await,
            Part::Sales => sales::check(databases, redis).await,
            Part::Keys => keys::check(databases, redis).await,
            Part::Buyers => buyers::check(databases, redis).await,
            Part::Bus => match &scope.bus {
                Some((cluster, window)) => bus::check(databases, cluster, *window).await,
                None => Ok(Vec::new()),
            },
        }
    }
}

/// Checks everything once the work now in flight has ended, which it waits for at most `settle_ms`. What disagrees is
/// checked again until it agrees or has disagreed for that long.
///
/// # Errors
/// Where a server cannot be asked; there is no result then.
pub async fn reconcile(scope: &Scope, settle_ms: u64) -> anyhow::Result<Vec<Finding>> {
    let settle = Duration::from_millis(settle_ms);
    flight::ended(scope, Instant::now() + settle).await?;
    let mut parts = Vec::with_capacity(PARTS.len());
    for part in PARTS {
        parts.push((part, part.check(scope).await?));
    }
    let deadline = Instant::now() + settle;
    let (mut began, mut pause) = (Instant::now(), AGAIN);
    while began < deadline && parts.iter().any(|(_, findings)| suspect(findings)) {
        tokio::time::sleep(pause.min(deadline - began)).await;
        (began, pause) = (Instant::now(), pause * 2);
        for (part, findings) in parts.iter_mut().filter(|(_, findings)| suspect(findings)) {
            let later = part.check(scope).await?;
            findings
                .iter_mut()
                .zip(later)
                .for_each(|(finding, later)| finding.again(later));
        }
    }
    Ok(parts.into_iter().flat_map(|(_, found)| found).collect())
}

fn suspect(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.broken() > 0)
}

/// The result of a `SELECT COUNT(*)`.
async fn count(database: &Database, sql: &'static str) -> anyhow::Result<u64> {
    let count: i64 = sqlx::query_scalar(sql)
        .fetch_one(&database.pool)
        .await
        .with_context(|| database.name.clone())?;
    Ok(u64::try_from(count).unwrap_or_default())
}
