//! Whether an order is one of ours: its shard has it, or it waits to be written. Any other order is another system's,
//! also one whose id has the form of ours.

use crate::{order_store, queued};
use domain::{Order, OrderId, Rejection};
use guest::Fault;
use guest::config::Config;
use guest::mysql::Db;
use guest::redis::Redis;

/// The order, where it is ours.
///
/// # Errors
/// Where it is still queued, or Redis or its shard is away.
pub async fn find(config: &Config, redis: &Redis, id: OrderId) -> Result<Option<Order>, Fault> {
    let waiting = queued::waiting(redis, id).await?;
    // Read after the queue: what has left the queue is in the database.
    let db = Db::at(config.shard_url(id.gene()));
    match order_store::load(db, id).await? {
        Some(order) => Ok(Some(order)),
        None if waiting.is_some() => Err(Rejection::StillQueued(id).into()),
        None => Ok(None),
    }
}
