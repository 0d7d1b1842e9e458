//! Orders that were accepted and given up: shown with the reason, as far as their message can be read.

use crate::order_store::{self, Guard};
use crate::queued;
use contract::api::failure::{FailureStatus, KEY_MADE_ANOTHER, masked};
use contract::api::order::OrderView;
use contract::store::cached_order::CachedOrder;
use contract::wire::intake::{Accepted, Intake};
use domain::{Amounts, Cents, Order, OrderId, Status, User, UserId};
use guest::Fault;
use guest::config::Config;
use guest::mysql::{Db, Value};
use std::collections::HashMap;

/// Bytes read of a message: no order of ours is as long.
const MESSAGE_BYTES_MAX: u32 = 512 * 1024;

const SELECT: &str = "SELECT LEFT(message_data, ?), error_message, user_id FROM order_failures \
     WHERE order_id = ? AND status = ? ORDER BY id DESC LIMIT 1";

/// The order as failed; `None` where it was not given up. Where its key had made another order, that one: an accepted
/// id stands for what its key has made.
pub async fn find(config: &Config, id: OrderId) -> Result<Option<CachedOrder>, Fault> {
    let db = Db::at(&config.inventory_url);
    let values = vec![
        Value::Uint32(MESSAGE_BYTES_MAX),
        Value::Uint64(id.get()),
        Value::Uint8(FailureStatus::Failed.code()),
    ];
    let rows = db.query(SELECT, values).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let (message, reason) = (row.text(0)?, row.text(1)?);
    let intake = read(&message);
    if let (Some(Intake::Order(accepted)), true) = (&intake, reason.starts_with(KEY_MADE_ANOTHER))
        && let Some(other) = made_by_its_key(config, id, accepted).await?
    {
        return queued::shown_to(other.user.id, &OrderView::from(&other)).map(Some);
    }
    let order = match intake.and_then(order) {
        Some(order) => order,
        None => unread(id, UserId::new(row.ms(2)?.unwrap_or_default())),
    };
    let user = order.user.id;
    let view = OrderView {
        status: Status::Failed.name().to_owned(),
        cancel_reason: Some(masked(&reason)),
        ..OrderView::from(&order)
    };
    queued::shown_to(user, &view).map(Some)
}

/// The order of the same key and payload.
async fn made_by_its_key(
    config: &Config,
    id: OrderId,
    accepted: &Accepted,
) -> Result<Option<Order>, Fault> {
    let user = accepted.event.order.user_id.parse().map(UserId::new);
    let Ok(user) = user else {
        return Ok(None);
    };
    let guard = Guard {
        key: accepted.key,
        payload: accepted.payload,
    };
    let db = Db::at(config.shard_url(id.gene()));
    match order_store::made(db, user, guard).await? {
        Some(made) if made.same_payload => order_store::load(db, made.id).await,
        _ => Ok(None),
    }
}

/// The message that was given up: its fields as a JSON object.
fn read(message: &str) -> Option<Intake> {
    let fields: HashMap<String, String> = serde_json::from_str(message).ok()?;
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    Intake::read(&fields).ok()
}

/// The order that it would have become.
fn order(intake: Intake) -> Option<Order> {
    match intake {
        Intake::Purchase(purchase) => purchase.order().ok(),
        Intake::Order(accepted) => Order::try_from(accepted.event.order).ok(),
    }
}

/// What is known of an order whose message cannot be read.
fn unread(id: OrderId, user: UserId) -> Order {
    let user = User {
        id: user,
        reference: None,
    };
    let amounts = Amounts::undiscounted(Cents::ZERO);
    Order {
        status: Status::Failed,
        ..Order::pending(id, user, Vec::new(), amounts, id.minted_at())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_far_as_they_can_be() {
        let id = OrderId::compose(4096, UserId::new(7).gene()).unwrap();
        let message = format!(
            r#"{{"kind":"seckill","order":"{id}","user":"7","ref":"user_7","seckill":"1-3","product":"1",
                "sku":"4611686031312289792","quantity":"2","price":"990","name":"Cup","at":"1795264560130"}}"#
        );
        let order = |message: &str| read(message).and_then(super::order);
        let whole = order(&message).unwrap();
        assert_eq!((whole.id, whole.actual.get()), (id, 1980));
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"kind":1}"#,
            &message.replace("990", "x"),
        ] {
            assert!(order(bad).is_none(), "{bad}");
        }
        assert_eq!(unread(id, whole.user.id).user.shown(), "7");
    }
}
