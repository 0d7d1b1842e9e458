//! One order: from Redis, else from its shard, which its id alone names. An unknown id is remembered
//! as unknown for a short while, so that guessing does not reach the database.

use contract::order::CachedOrder;
use contract::redis as keys;
use domain::limits::ABSENT_CACHE_TTL_MS;
use domain::{Order, OrderId, Rejection, User};
use guest::config::Config;
use guest::mysql::Db;
use guest::redis::Redis;
use guest::{Fault, http, order_cache, order_store};

/// The order object as `/v1` shows it. Another user's order does not exist for this one.
pub async fn find(
    config: &Config,
    text: &str,
    user: Option<&User>,
    trace_id: &str,
) -> Result<String, Fault> {
    let unknown = || Fault::from(Rejection::UnknownOrder(text.to_owned()));
    let id = OrderId::parse(text).ok_or_else(unknown)?;
    if user.is_some_and(|user| user.id.gene() != id.gene()) {
        return Err(unknown());
    }
    let order = match cached(config, id).await {
        Ok(Some(cached)) => cached,
        Ok(None) => {
            let stored = stored(config, id).await?;
            let remembered = remember(config, id, stored.as_ref()).await;
            remembered.unwrap_or_else(|fault| http::log(&fault, trace_id));
            entry(id, stored.as_ref())?
        }
        // Without Redis reads go on, from the database.
        Err(fault) => {
            http::log(&fault, trace_id);
            entry(id, stored(config, id).await?.as_ref())?
        }
    };
    if user.is_some_and(|user| user.id != order.user) {
        return Err(unknown());
    }
    order.json.ok_or_else(unknown)
}

async fn cached(config: &Config, id: OrderId) -> Result<Option<CachedOrder>, Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    order_cache::get(&redis, id).await
}

async fn stored(config: &Config, id: OrderId) -> Result<Option<Order>, Fault> {
    let db = Db::open(config.shard_url(id.gene())).await?;
    order_store::load(&db, id).await
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
        None => {
            let key = keys::order(id);
            let ttl = ABSENT_CACHE_TTL_MS.to_string();
            let arguments = [&b"0"[..], CachedOrder::ABSENT.as_bytes(), ttl.as_bytes()];
            redis
                .script(&keys::CACHE_ORDER, &[&key], &arguments)
                .await
                .map(|_| ())
        }
    }
}
