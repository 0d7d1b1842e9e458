//! Fills the index from the databases: all orders into a new index that then takes over the alias, or only what changed
//! since, for the embedded broker, which forgets its messages.

use super::Index;
use super::bulk::Verdict;
use super::schema::ALIAS;
use crate::clients::database::Databases;
use crate::orders::read::{Which, orders};
use crate::process::clock::now_ms;
use anyhow::{Context, bail};
use contract::wire::event::OrderDocument;
use domain::Ms;
use std::time::Duration;

/// Orders per bulk request.
const ORDERS: u32 = 500;
const TRIES_MAX: u32 = 8;
/// Overlap of reads: changes get their time before they are committed and indexed.
const MARGIN_MS: Ms = 60_000;

/// Builds a new index of all orders and points the alias to it; returns the number of documents.
///
/// # Errors
/// When a database or Elasticsearch fails. Before the alias is switched the index in use is untouched; after it, recent
/// changes may be missing.
pub async fn rebuild(databases: &Databases, index: &Index) -> anyhow::Result<u64> {
    let started = now_ms();
    let name = format!("{ALIAS}-{started}");
    index.make(&name, None).await?;
    let filled = fill(databases, index, &name, 0).await?;
    index.switch_to(&name).await?;
    // What changed while it was filled went to the old index.
    fill(databases, index, ALIAS, started.saturating_sub(MARGIN_MS)).await?;
    Ok(filled)
}

/// Indexes what changed since the newest document; returns the number of documents sent.
///
/// # Errors
/// When a database or Elasticsearch fails; documents are indexed by version, so it may be repeated.
pub async fn catch_up(databases: &Databases, index: &Index) -> anyhow::Result<u64> {
    let newest = index.newest_change().await?.unwrap_or(0);
    fill(databases, index, ALIAS, newest.saturating_sub(MARGIN_MS)).await
}

async fn fill(databases: &Databases, index: &Index, name: &str, since: Ms) -> anyhow::Result<u64> {
    let mut filled = 0;
    for shard in &databases.shards {
        let mut session = shard
            .pool
            .acquire()
            .await
            .with_context(|| shard.name.clone())?;
        let mut after = 0;
        loop {
            let which = Which::Changed {
                since,
                after,
                limit: ORDERS,
            };
            let page = orders(&mut session, which)
                .await
                .with_context(|| shard.name.clone())?;
            let Some(last) = page.last() else { break };
            after = last.id.get();
            let documents: Vec<OrderDocument> = page.iter().map(OrderDocument::from).collect();
            send(index, name, &documents).await?;
            filled += documents.len() as u64;
        }
    }
    Ok(filled)
}

async fn send(index: &Index, name: &str, documents: &[OrderDocument]) -> anyhow::Result<()> {
    let mut waiting: Vec<&OrderDocument> = documents.iter().collect();
    for attempt in 0..TRIES_MAX {
        let verdicts = index.bulk(name, &waiting).await?;
        let mut again = Vec::new();
        for (document, verdict) in waiting.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Delivered => {}
                Verdict::Retry(_) => again.push(document),
                Verdict::DeadLetter(reason) => bail!("order {}: {reason}", document.id),
            }
        }
        if again.is_empty() {
            return Ok(());
        }
        waiting = again;
        tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
    }
    bail!(
        "Elasticsearch does not keep up: {} documents left",
        waiting.len()
    )
}
