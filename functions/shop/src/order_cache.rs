//! Orders in Redis: `<version> <user_id>\n<order as JSON>`, the newest version wins.

use contract::store::cached_order::CachedOrder;
use contract::store::call::order::{self as call, Cached};
use contract::store::redis as keys;
use domain::limits::{ABSENT_CACHE_TTL_MS, ORDER_CACHE_TTL_MS};
use domain::{Ms, Order, OrderId};
use guest::Fault;
use guest::redis::Redis;

/// The value to store for an order.
pub fn value(order: &Order) -> Result<String, Fault> {
    CachedOrder::render(order)
        .map_err(|error| Fault::Internal(format!("order {}: {error}", order.id)))
}

/// Time to keep an order: a tenth of jitter by its id, so that what was loaded together does not expire together.
pub fn ttl_ms(id: OrderId) -> Ms {
    ORDER_CACHE_TTL_MS + id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) % (ORDER_CACHE_TTL_MS / 10)
}

pub async fn get(redis: &Redis, id: OrderId) -> Result<Option<CachedOrder>, Fault> {
    Ok(redis
        .get(&keys::order(id))
        .await?
        .and_then(CachedOrder::parse))
}

/// Drops what is cached of an order. It may come back by a reader that is slow; [`put`] then wins by its version.
pub async fn forget(redis: &Redis, id: OrderId) -> Result<(), Fault> {
    redis.command("DEL", [keys::order(id).into_bytes()]).await?;
    Ok(())
}

/// An order whose JSON is `body`, as the cache keeps it.
pub fn of_body(order: &Order, body: &str) -> Cached<'static> {
    Cached {
        id: order.id,
        version: order.version,
        value: CachedOrder::value(order, body).into(),
        kept_ms: ttl_ms(order.id),
    }
}

/// Remembers for a short while that there is no such order.
pub async fn put_absent(redis: &Redis, id: OrderId) -> Result<(), Fault> {
    let absent = Cached {
        id,
        version: 0,
        value: CachedOrder::ABSENT.into(),
        kept_ms: ABSENT_CACHE_TTL_MS,
    };
    redis.call(&call::cache(absent)).await.map(drop)
}

pub async fn put(redis: &Redis, order: &Order) -> Result<(), Fault> {
    let cached = Cached {
        id: order.id,
        version: order.version,
        value: value(order)?.into(),
        kept_ms: ttl_ms(order.id),
    };
    redis.call(&call::cache(cached)).await.map(drop)
}
