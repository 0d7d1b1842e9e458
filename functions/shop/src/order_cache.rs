//! Orders in the Redis cache: `<version> <user_id>\n<order as JSON>`; the newest version wins.

use contract::store::cached_order::CachedOrder;
use contract::store::call::order::{self as call, Cached};
use contract::store::redis as keys;
use domain::limits::{ABSENT_CACHE_TTL_MS, ORDER_CACHE_TTL_MS};
use domain::{Ms, Order, OrderId};
use guest::Fault;
use guest::redis::Redis;

/// The value to store for an order.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn value(order: &Order) -> Result<String, Fault> {
    CachedOrder::render(order)
        .map_err(|error| Fault::Internal(format!("order {}: {error}", order.id)))
}

/// How long to keep an order: with up to a tenth of jitter by its id, so that orders loaded together do not expire
/// together.
pub fn ttl_ms(id: OrderId) -> Ms {
    ORDER_CACHE_TTL_MS + id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) % (ORDER_CACHE_TTL_MS / 10)
}

/// The cached order, or that there is none of this id; `None` where nothing that can be read is cached.
///
/// # Errors
/// Where Redis is away.
pub async fn get(redis: &Redis, id: OrderId) -> Result<Option<CachedOrder>, Fault> {
    Ok(redis
        .get(&keys::order(id))
        .await?
        .and_then(CachedOrder::parse))
}

/// Evicts an order. A slow reader may cache the old version again; [`put`] then wins by its version.
///
/// # Errors
/// Where Redis is away.
pub async fn forget(redis: &Redis, id: OrderId) -> Result<(), Fault> {
    redis.command("DEL", [keys::order(id).into_bytes()]).await?;
    Ok(())
}

/// An order as the cache keeps it; `body` is its JSON on `/v1`.
pub fn of_body(order: &Order, body: &str) -> Cached<'static> {
    Cached {
        id: order.id,
        version: order.version,
        value: CachedOrder::value(order, body).into(),
        kept_ms: ttl_ms(order.id),
    }
}

/// Caches for [`ABSENT_CACHE_TTL_MS`] that there is no such order.
///
/// # Errors
/// Where Redis is away.
pub async fn put_absent(redis: &Redis, id: OrderId) -> Result<(), Fault> {
    let absent = Cached {
        id,
        version: 0,
        value: CachedOrder::ABSENT.into(),
        kept_ms: ABSENT_CACHE_TTL_MS,
    };
    redis.call(&call::cache(absent)).await.map(drop)
}

/// Caches an order, unless a newer version is cached.
///
/// # Errors
/// Where Redis is away, or the order cannot be written as JSON.
pub async fn put(redis: &Redis, order: &Order) -> Result<(), Fault> {
    let cached = Cached {
        id: order.id,
        version: order.version,
        value: value(order)?.into(),
        kept_ms: ttl_ms(order.id),
    };
    redis.call(&call::cache(cached)).await.map(drop)
}
