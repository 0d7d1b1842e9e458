//! Orders that were accepted and are not in the database yet, as Redis has them.

use contract::api::order::OrderView;
use contract::store::cached_order::CachedOrder;
use contract::store::queued::QueuedOrder;
use contract::store::redis as keys;
use contract::wire::intake::Purchase;
use domain::{Cents, OrderId, SeckillId, SkuId, User, UserId};
use guest::Fault;
use guest::redis::Redis;

/// The value of the order's key `queued`; `None` where it is absent or cannot be read.
///
/// # Errors
/// Where Redis is away.
pub async fn find(redis: &Redis, id: OrderId) -> Result<Option<QueuedOrder>, Fault> {
    let value = redis.get(&keys::queued(id)).await?;
    Ok(value.and_then(|value| QueuedOrder::parse(&value)))
}

/// The order while it waits to be written; `None` otherwise.
///
/// # Errors
/// Where Redis is away, or holds what cannot be shown.
pub async fn waiting(redis: &Redis, id: OrderId) -> Result<Option<CachedOrder>, Fault> {
    match find(redis, id).await? {
        None => Ok(None),
        Some(found) => promised(redis, id, found).await,
    }
}

/// `found` as readers show it; `None` where it is a token's order without reserved units: not bought yet, in the
/// database already, or given up.
///
/// # Errors
/// Where Redis is away, or holds what cannot be shown.
pub async fn promised(
    redis: &Redis,
    id: OrderId,
    found: QueuedOrder,
) -> Result<Option<CachedOrder>, Fault> {
    match found {
        QueuedOrder::Order(view) => {
            let user = contract::api::identity::user(&view.user_id)
                .map_err(|reason| Fault::Internal(format!("queued order {id}: user {reason}")))?;
            shown_to(user.id, &view).map(Some)
        }
        QueuedOrder::Purchase { sale, user } => match purchase(redis, id, sale, user).await? {
            None => Ok(None),
            Some(purchase) => {
                let order = purchase.order().map_err(|rejection| {
                    Fault::Internal(format!("Redis holds order {id}, whose {rejection}"))
                })?;
                shown_to(order.user.id, &QueuedOrder::view(&order)).map(Some)
            }
        },
    }
}

/// As the cache would keep it: version 1, of this user.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn shown_to(user: UserId, view: &OrderView) -> Result<CachedOrder, Fault> {
    let json = view
        .json()
        .map_err(|error| Fault::Internal(format!("order {}: {error}", view.id)))?;
    Ok(CachedOrder {
        version: 1,
        user,
        json: Some(json),
    })
}

/// A purchase, from the sale's facts and the units reserved for it; `None` without either.
async fn purchase(
    redis: &Redis,
    id: OrderId,
    sale: SeckillId,
    user: User,
) -> Result<Option<Purchase>, Fault> {
    let facts = [&keys::seckill(sale), "sku", "price", "name", "image"];
    let facts = facts.map(|part: &str| part.as_bytes().to_vec());
    let facts = redis.command("HMGET", facts).await?;
    if facts.text(0).is_none() {
        return Ok(None);
    }
    let sku = SkuId(facts.number(0, "sku")?);
    let field = format!("{id}:{}", sku.0);
    let place = [keys::reserved(sale.product), field].map(String::into_bytes);
    let Some(promise) = redis.command("HGET", place).await?.text(0) else {
        return Ok(None);
    };
    let wrong = |what: &str| Fault::Internal(format!("Redis gave no {what} of order {id}"));
    let mut parts = promise.split(':');
    let quantity = parts.next().and_then(|text| text.parse().ok());
    let at = parts.next().and_then(|text| text.parse().ok());
    Ok(Some(Purchase {
        order: id,
        user,
        seckill_id: sale.to_string(),
        product: sale.product,
        sku,
        quantity: quantity.ok_or_else(|| wrong("quantity"))?,
        price: Cents::new(facts.number(1, "price")?).ok_or_else(|| wrong("price"))?,
        name: facts.text(2).unwrap_or_default(),
        image: facts.text(3).filter(|image| !image.is_empty()),
        at: at.ok_or_else(|| wrong("time"))?,
        trace_id: None,
    }))
}
