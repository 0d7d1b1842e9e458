//! Orders in Redis: `<version> <user_id>\n<order as JSON>`, the newest version wins.

use contract::store::cached_order::CachedOrder;
use contract::store::redis as keys;
use domain::limits::ORDER_CACHE_TTL_MS;
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

pub async fn put(redis: &Redis, order: &Order) -> Result<(), Fault> {
    let value = value(order)?;
    let (version, ttl) = (order.version.to_string(), ttl_ms(order.id).to_string());
    let arguments = [version.as_bytes(), value.as_bytes(), ttl.as_bytes()];
    redis
        .script(&keys::CACHE_ORDER, &[&keys::order(order.id)], &arguments)
        .await?;
    Ok(())
}
