//! One order: from Redis, else from its shard, which its id alone names, else from the orders that were accepted and
//! are not written yet, or were given up. An unknown id is cached as unknown for a short while, so that guessing does
//! not reach the database.

mod failed;

use crate::{order_cache, order_store, queued};
use contract::store::cached_order::CachedOrder;
use contract::store::queued::QueuedOrder;
use domain::{Order, OrderId, Rejection, User};
use guest::config::Config;
use guest::mysql::Db;
use guest::redis::Redis;
use guest::{Fault, http};

/// An order as it is shown.
#[derive(Debug)]
pub struct Found {
    /// Its id.
    pub id: OrderId,
    /// The order object as `/v1` shows it.
    pub json: String,
    /// It is in the database: from then on each change invalidates cached replies.
    pub written: bool,
}

/// The order. For a user who is not the buyer it does not exist. `text`: any of its ids.
///
/// # Errors
/// Where there is no such order, or the servers that know are away.
pub async fn find(
    config: &Config,
    text: &str,
    user: Option<&User>,
    trace_id: &str,
) -> Result<Found, Fault> {
    let unknown = || Fault::from(Rejection::UnknownOrder(text.to_owned()));
    let id = OrderId::named(text)?;
    if user.is_some_and(|user| user.id.gene() != id.gene()) {
        return Err(unknown());
    }
    let (order, written) = match in_redis(config, id).await {
        Ok(Known::Cached(cached)) => (cached, true),
        Ok(Known::Queued(found)) => match stored(config, id, trace_id).await? {
            Some(order) => (order, true),
            None => (from_queue(config, id, found, trace_id).await?, false),
        },
        Ok(Known::Nothing) => match stored(config, id, trace_id).await? {
            Some(order) => (order, true),
            None => (unqueued(config, id, trace_id).await?, false),
        },
        Err(fault) => {
            http::log(&fault, trace_id);
            (without_redis(config, id, fault).await?, false)
        }
    };
    if user.is_some_and(|user| user.id != order.user) {
        return Err(unknown());
    }
    let json = order.json.ok_or_else(unknown)?;
    Ok(Found { id, json, written })
}

/// What Redis has of an order.
enum Known {
    Cached(CachedOrder),
    /// Accepted, or about to be. Read before the database: what has left the queue by then is there.
    Queued(QueuedOrder),
    Nothing,
}

async fn in_redis(config: &Config, id: OrderId) -> Result<Known, Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    if let Some(cached) = order_cache::get(&redis, id).await? {
        return Ok(Known::Cached(cached));
    }
    let queued = queued::find(&redis, id).await?;
    Ok(queued.map_or(Known::Nothing, Known::Queued))
}

/// An order that is queued, given up, or was written meanwhile. The id of an unused token is unknown, but not cached as
/// unknown: it may become an order any moment.
async fn from_queue(
    config: &Config,
    id: OrderId,
    found: QueuedOrder,
    trace_id: &str,
) -> Result<CachedOrder, Fault> {
    let waiting = {
        let redis = Redis::open(&config.redis_url).await?;
        queued::promised(&redis, id, found).await?
    };
    if let Some(order) = waiting {
        return Ok(order);
    }
    // It may have been written since the database was read.
    if let Some(order) = stored(config, id, trace_id).await? {
        return Ok(order);
    }
    match failed::find(config, id).await? {
        Some(order) => Ok(order),
        None => entry(id, None),
    }
}

/// An order that was given up, else an unknown id, which is cached as unknown.
async fn unqueued(config: &Config, id: OrderId, trace_id: &str) -> Result<CachedOrder, Fault> {
    if let Some(order) = failed::find(config, id).await? {
        return Ok(order);
    }
    let remembered = remember(config, id, None).await;
    remembered.unwrap_or_else(|fault| http::log(&fault, trace_id));
    entry(id, None)
}

/// Reads go on from the database. What it does not have may be queued, which only Redis knows.
async fn without_redis(config: &Config, id: OrderId, away: Fault) -> Result<CachedOrder, Fault> {
    if let Some(order) = loaded(config, id).await? {
        return entry(id, Some(&order));
    }
    failed::find(config, id).await?.ok_or(away)
}

async fn loaded(config: &Config, id: OrderId) -> Result<Option<Order>, Fault> {
    order_store::load(Db::at(config.shard_url(id.gene())), id).await
}

/// The order from its shard; it is cached.
async fn stored(
    config: &Config,
    id: OrderId,
    trace_id: &str,
) -> Result<Option<CachedOrder>, Fault> {
    let Some(order) = loaded(config, id).await? else {
        return Ok(None);
    };
    let remembered = remember(config, id, Some(&order)).await;
    remembered.unwrap_or_else(|fault| http::log(&fault, trace_id));
    entry(id, Some(&order)).map(Some)
}

/// As the cache would hold it.
fn entry(id: OrderId, order: Option<&Order>) -> Result<CachedOrder, Fault> {
    let value = match order {
        Some(order) => order_cache::value(order)?,
        None => CachedOrder::ABSENT.to_owned(),
    };
    CachedOrder::parse(value.into_bytes())
        .ok_or_else(|| Fault::Internal(format!("order {id} cannot be rendered")))
}

async fn remember(config: &Config, id: OrderId, order: Option<&Order>) -> Result<(), Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    match order {
        Some(order) => order_cache::put(&redis, order).await,
        None => order_cache::put_absent(&redis, id).await,
    }
}
