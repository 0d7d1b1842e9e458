//! Compensation for a message that is given up: releases the units reserved for it, the buyer's purchase, and the
//! idempotency key.

use crate::clients::redis::Redis;
use crate::orders::queued;
use contract::store::call::order::free;
use contract::store::call::stock::release;
use contract::store::call::{self, Call, Holder};
use contract::store::redis::{COMPLETED, admission};
use contract::wire::intake::{Accepted, Intake, Purchase};
use domain::{Order, OrderId, ProductId, SkuId, StockMode, UserId};
use std::collections::BTreeMap;

/// Releases what these messages hold in Redis. Safe to repeat. Units reserved in the database are returned by the
/// sweep, as the order's queued key is gone.
///
/// # Errors
/// When Redis is away.
pub async fn give_back(redis: &Redis, lost: &[&Intake]) -> anyhow::Result<()> {
    let (mut refunds, mut releases, mut orders) = (Vec::new(), Vec::new(), Vec::new());
    for intake in lost {
        match intake {
            Intake::Purchase(purchase) => refunds.extend(refund(purchase)),
            Intake::Order(accepted) => {
                orders.extend(intake.order_id());
                for Promised {
                    product,
                    order,
                    lines,
                } in promised(accepted)
                {
                    let skus = lines.iter().map(|(sku, _)| *sku);
                    releases.push(release(product, Holder::Order(order), skus));
                }
            }
        }
    }
    redis.run::<i64>(&refunds).await?;
    redis.run::<i64>(&releases).await?;
    queued::forget(redis, &orders).await?;
    // Last, as a repeat may come at once.
    let keys: Vec<Call> = lost.iter().filter_map(|intake| key(intake)).collect();
    redis.run::<i64>(&keys).await.map(drop)
}

/// Frees the key under which repeats are answered with this order, so that the next one makes an order. `None` for a
/// purchase: its key is its token.
fn key(intake: &Intake) -> Option<Call<'static>> {
    let (Intake::Order(accepted), Some(id)) = (intake, intake.order_id()) else {
        return None;
    };
    let user = UserId::new(accepted.event.order.user_id.parse().ok()?);
    let key = admission(user, accepted.key.as_ref(), &accepted.payload);
    Some(free(key, id, COMPLETED))
}

/// `None` for another system's sale, which has nothing reserved here.
fn refund(purchase: &Purchase) -> Option<Call<'static>> {
    let (sale, user) = (purchase.sale()?, purchase.user.id);
    Some(call::sale::refund(sale, purchase.sku, user, purchase.order))
}

/// Lines of one order and product.
pub(super) struct Promised {
    pub product: ProductId,
    pub order: OrderId,
    pub lines: Vec<(SkuId, u32)>,
}

/// The lines of an accepted order that are reserved in Redis, by product.
pub(super) fn promised(accepted: &Accepted) -> Vec<Promised> {
    let Ok(order) = Order::try_from(accepted.event.order.clone()) else {
        return Vec::new();
    };
    let mut products: BTreeMap<ProductId, Vec<(SkuId, u32)>> = BTreeMap::new();
    let lines = order.items.iter();
    for item in lines.filter(|item| item.stock_mode == StockMode::Redis) {
        let lines = products.entry(item.product).or_default();
        lines.push((item.sku, item.quantity));
    }
    products
        .into_iter()
        .map(|(product, lines)| Promised {
            product,
            order: order.id,
            lines,
        })
        .collect()
}
