//! Puts orders that the relay changed or published in the Redis cache, where the newest version stays, and invalidates
//! replies in the hosts' caches.

use crate::clients::redis::Redis;
use contract::store::cached_order::CachedOrder;
use contract::store::call::order::{Cached, cache};
use contract::wire::cache as groups;
use domain::limits::ORDER_CACHE_TTL_MS;
use domain::{Order, OrderId, UserId};
use std::collections::BTreeSet;

/// Puts orders in the cache. A failure is only logged, as entries expire.
pub async fn put(redis: &Redis, orders: impl Iterator<Item = Order>) {
    let mut calls = Vec::new();
    for order in orders {
        match CachedOrder::render(&order) {
            Ok(value) => calls.push(cache(Cached {
                id: order.id,
                version: order.version,
                value: value.into(),
                kept_ms: ORDER_CACHE_TTL_MS,
            })),
            Err(error) => tracing::warn!(order_id = %order.id, "cannot be cached: {error}"),
        }
    }
    if let Err(error) = redis.run::<i64>(&calls).await {
        tracing::warn!(orders = calls.len(), "not put in the cache: {error:#}");
    }
}

/// Puts orders that the relay has changed in the cache, and then notifies the hosts.
pub async fn changed(redis: &Redis, orders: Vec<Order>) {
    let owners: Vec<_> = orders
        .iter()
        .map(|order| (order.id, order.user.id))
        .collect();
    put(redis, orders.into_iter()).await;
    tell(redis, &owners).await;
}

/// Notifies the hosts that these orders have changed or been created. A failure is only logged: where a message is
/// lost, stored replies expire within seconds.
pub async fn tell(redis: &Redis, orders: &[(OrderId, UserId)]) {
    for message in messages(orders) {
        let published: redis::RedisResult<i64> = redis::cmd("PUBLISH")
            .arg(groups::CHANNEL)
            .arg(message)
            .query_async(&mut redis.connection())
            .await;
        if let Err(error) = published {
            tracing::warn!(orders = orders.len(), "the hosts were not told: {error}");
            return;
        }
    }
}

fn messages(orders: &[(OrderId, UserId)]) -> Vec<String> {
    let all: BTreeSet<String> = orders
        .iter()
        .flat_map(|(id, owner)| groups::of_order(*id, *owner))
        .collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.chunks(groups::MESSAGE_GROUPS_MAX)
        .map(|some| groups::stale(some.iter().copied()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_message_and_names_nothing_twice() {
        let owner = UserId::new(7);
        let order = |tick| (OrderId::compose(tick, owner.gene()).unwrap(), owner);
        let (a, b) = (order(4096), order(8192));
        let want = format!("stale\norder-{}\norder-{}\norders\nuser-7", a.0, b.0);
        assert_eq!(messages(&[a, b]), [want]);
        assert!(messages(&[]).is_empty());
        let many: Vec<_> = (1..=2_000).map(|tick| order(tick << 12)).collect();
        let lines: Vec<usize> = messages(&many).iter().map(|m| m.lines().count()).collect();
        assert_eq!(lines, [2_001, 3]);
    }
}
