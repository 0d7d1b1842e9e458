//! Keys by which accepted orders are found until they are written.

use crate::clients::redis::Redis;
use crate::limits::STATEMENT_ROWS_MAX;
use anyhow::Context;
use contract::store::redis::queued;
use domain::OrderId;
use std::collections::HashSet;

/// Finds which of these orders are accepted but possibly not written yet. Call before `existing`: the writer deletes
/// the queued key after the insert.
///
/// # Errors
/// When Redis is away.
pub async fn which(redis: &Redis, orders: &[OrderId]) -> anyhow::Result<HashSet<OrderId>> {
    let mut found = HashSet::new();
    for orders in orders.chunks(STATEMENT_ROWS_MAX) {
        let mut pipeline = redis::pipe();
        for order in orders {
            pipeline.exists(queued(*order));
        }
        let there: Vec<bool> = pipeline
            .query_async(&mut redis.connection())
            .await
            .context("Redis")?;
        let there = orders.iter().zip(there).filter(|(_, there)| *there);
        found.extend(there.map(|(order, _)| *order));
    }
    Ok(found)
}

/// Deletes the queued keys of orders that are in the database or given up. A purchase's stays, as its token names it.
///
/// # Errors
/// When Redis is away.
pub async fn forget(redis: &Redis, orders: &[OrderId]) -> anyhow::Result<()> {
    for orders in orders.chunks(STATEMENT_ROWS_MAX) {
        let mut pipeline = redis::pipe();
        for order in orders {
            pipeline.del(queued(*order)).ignore();
        }
        pipeline.query_async::<()>(&mut redis.connection()).await?;
    }
    Ok(())
}
