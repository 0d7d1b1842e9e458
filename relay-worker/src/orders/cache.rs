//! Orders in the Redis cache after the relay changed or published them; the newest version stays.

use crate::redis::{Call, Redis};
use contract::order::CachedOrder;
use contract::redis::{CACHE_ORDER, order as key};
use domain::Order;
use domain::limits::ORDER_CACHE_TTL_MS;

/// Puts orders in the cache. What fails is only logged: entries expire.
pub async fn put(redis: &Redis, orders: impl Iterator<Item = Order>) {
    let mut calls = Vec::new();
    for order in orders {
        match CachedOrder::render(&order) {
            Ok(value) => calls.push(Call {
                keys: vec![key(order.id)],
                arguments: vec![
                    order.version.to_string(),
                    value,
                    ORDER_CACHE_TTL_MS.to_string(),
                ],
            }),
            Err(error) => tracing::warn!(order_id = %order.id, "cannot be cached: {error}"),
        }
    }
    if let Err(error) = redis.run::<i64>(&CACHE_ORDER, &calls).await {
        tracing::warn!(orders = calls.len(), "not put in the cache: {error:#}");
    }
}
