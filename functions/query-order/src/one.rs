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
    let order = match cached(config, id, trace_id).await {
        Some(cached) => cached,
        None => stored(config, id, trace_id).await?,
    };
    if user.is_some_and(|user| user.id != order.user) {
        return Err(unknown());
    }
    order.json.ok_or_else(unknown)
}

/// What Redis knows. Without Redis reads go on, from the database.
async fn cached(config: &Config, id: OrderId, trace_id: &str) -> Option<CachedOrder> {
    let looked_up = async {
        let redis = Redis::open(&config.redis_url).await?;
        order_cache::get(&redis, id).await
    };
    looked_up.await.unwrap_or_else(|fault| {
        http::log(&fault, trace_id);
        None
    })
}

async fn stored(config: &Config, id: OrderId, trace_id: &str) -> Result<CachedOrder, Fault> {
    let order = {
        let db = Db::open(config.shard_url(id.gene())).await?;
        order_store::load(&db, id).await?
    };
    if let Err(fault) = remember(config, id, order.as_ref()).await {
        http::log(&fault, trace_id);
    }
    let value = match &order {
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
