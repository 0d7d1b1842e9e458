//! What is given back when a message is given up: the units it was promised, the buyer's turn, and the idempotency key.

use crate::clients::redis::{Call, Redis};
use crate::loops::intake::take_in::forget_queued;
use contract::store::redis::{
    COMPLETED, FREE, RELEASE, SECKILL_REFUND, admission, reserved, seckill_buyers, seckill_token,
    stock,
};
use contract::wire::intake::{Accepted, Intake, Purchase};
use domain::{Order, OrderId, ProductId, SkuId, StockMode, UserId};
use std::collections::BTreeMap;

/// Releases what these messages were promised. Safe to repeat. Units that the database keeps are returned by the
/// sweep, as their order's queued key is gone.
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
                    let mut arguments = vec![order.to_string()];
                    arguments.extend(lines.iter().map(|(sku, _)| sku.0.to_string()));
                    releases.push(Call {
                        keys: vec![stock(product), reserved(product)],
                        arguments,
                    });
                }
            }
        }
    }
    redis.run::<i64>(&SECKILL_REFUND, &refunds).await?;
    redis.run::<i64>(&RELEASE, &releases).await?;
    forget_queued(redis, &orders).await?;
    // Last, for a repeat may come at once.
    let keys: Vec<Call> = lost.iter().filter_map(|intake| key(intake)).collect();
    redis.run::<i64>(&FREE, &keys).await.map(drop)
}

/// Frees what answers repeats with the order, so that the next one makes an order. A purchase's key is its token.
fn key(intake: &Intake) -> Option<Call> {
    let (Intake::Order(accepted), Some(id)) = (intake, intake.order_id()) else {
        return None;
    };
    let user = UserId::new(accepted.event.order.user_id.parse().ok()?);
    Some(Call {
        keys: vec![admission(user, accepted.key.as_ref(), &accepted.payload)],
        arguments: vec![id.tick().to_string(), COMPLETED.to_owned()],
    })
}

/// Only purchases in sales of ours were promised something.
fn refund(purchase: &Purchase) -> Option<Call> {
    let (sale, user) = (purchase.sale()?, purchase.user.id);
    Some(Call {
        keys: vec![
            stock(purchase.product),
            reserved(purchase.product),
            seckill_buyers(sale),
            seckill_token(sale, user),
        ],
        arguments: vec![
            purchase.order.to_string(),
            purchase.sku.0.to_string(),
            user.get().to_string(),
        ],
    })
}

/// Lines of one order and product.
pub(super) struct Promised {
    pub product: ProductId,
    pub order: OrderId,
    pub lines: Vec<(SkuId, u32)>,
}

/// The lines of an accepted order that Redis has promised, by product.
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
