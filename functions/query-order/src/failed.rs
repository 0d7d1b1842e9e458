//! Orders that were accepted and given up: shown with the reason, as far as their message can be read.

use contract::failure::{FailureStatus, masked};
use contract::intake::Intake;
use contract::order::{CachedOrder, OrderView};
use domain::{Cents, Order, OrderId, Status, User, UserId};
use guest::config::Config;
use guest::mysql::{Db, Row, Value};
use guest::{Fault, queued};
use std::collections::HashMap;

/// More of a message is not read: one of ours is an order, and no order is as long.
const MESSAGE_BYTES_MAX: u32 = 512 * 1024;

const SELECT: &str = "SELECT LEFT(message_data, ?), error_message, user_id FROM order_failures \
     WHERE order_id = ? AND status = ? ORDER BY id DESC LIMIT 1";

/// The order as one that failed; `None` where it was not given up.
pub async fn find(config: &Config, id: OrderId) -> Result<Option<CachedOrder>, Fault> {
    let db = Db::at(&config.inventory_url);
    let values = vec![
        Value::Uint32(MESSAGE_BYTES_MAX),
        Value::Uint64(id.get()),
        Value::Uint8(FailureStatus::Failed.code()),
    ];
    let rows = db.query(SELECT, values).await?;
    rows.first().map(|row| read(row, id)).transpose()
}

fn read(row: &Row, id: OrderId) -> Result<CachedOrder, Fault> {
    let (message, reason) = (row.text(0)?, masked(&row.text(1)?));
    let order = match order(&message) {
        Some(order) => order,
        None => unread(id, UserId::new(row.ms(2)?.unwrap_or_default())),
    };
    let user = order.user.id;
    let view = OrderView {
        status: Status::Failed.name().to_owned(),
        cancel_reason: Some(reason),
        ..OrderView::from(&order)
    };
    queued::shown_to(user, &view)
}

/// The order that a message would have become: its fields as a JSON object.
fn order(message: &str) -> Option<Order> {
    let fields: HashMap<String, String> = serde_json::from_str(message).ok()?;
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    match Intake::read(&fields).ok()? {
        Intake::Purchase(purchase) => purchase.order().ok(),
        Intake::Order(accepted) => Order::try_from(accepted.event.order).ok(),
    }
}

/// What is known of an order whose message cannot be read.
fn unread(id: OrderId, user: UserId) -> Order {
    Order {
        id,
        user: User {
            id: user,
            reference: None,
        },
        status: Status::Failed,
        version: 1,
        total: Cents::ZERO,
        discount: Cents::ZERO,
        actual: Cents::ZERO,
        payment_method: None,
        shipping_address: None,
        remark: None,
        payment_id: None,
        cancel_reason: None,
        items: Vec::new(),
        created_at: id.minted_at(),
        updated_at: id.minted_at(),
        paid_at: None,
        shipped_at: None,
        completed_at: None,
        cancelled_at: None,
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
        let order = order(&message).unwrap();
        assert_eq!((order.id, order.actual.get()), (id, 1980));
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"kind":1}"#,
            &message.replace("990", "x"),
        ] {
            assert!(super::order(bad).is_none(), "{bad}");
        }
        assert_eq!(unread(id, order.user.id).user.shown(), "7");
    }
}
