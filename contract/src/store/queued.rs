//! An order that was accepted, as Redis keeps it until the database has it, so that it can be polled at once.

use crate::api::identity;
use crate::api::order::OrderView;
use crate::api::seckill::QUEUED;
use domain::{Order, SeckillId, User};

/// Value of the Redis key `queued`.
#[derive(Clone, Debug, PartialEq)]
pub enum QueuedOrder {
    /// The whole order, accepted by `Prefer: respond-async`. Stored as its JSON on `/v1`.
    Order(Box<OrderView>),
    /// The order of a token, whether it was bought or not. Stored as `seckill <sale> <user as spelled>`.
    Purchase {
        /// The flash sale of the token.
        sale: SeckillId,
        /// The token's user.
        user: User,
    },
}

impl QueuedOrder {
    /// The order as it is shown while it is not written.
    pub fn view(order: &Order) -> OrderView {
        OrderView {
            status: QUEUED.to_owned(),
            ..OrderView::from(order)
        }
    }

    /// The value to store for a token's order.
    pub fn purchase(sale: SeckillId, user: &User) -> String {
        format!("seckill {sale} {}", user.shown())
    }

    /// `None` where the value has neither form.
    pub fn parse(value: &[u8]) -> Option<QueuedOrder> {
        let text = std::str::from_utf8(value).ok()?;
        let Some(purchase) = text.strip_prefix("seckill ") else {
            return serde_json::from_str(text).ok().map(QueuedOrder::Order);
        };
        let (sale, user) = purchase.split_once(' ')?;
        Some(QueuedOrder::Purchase {
            sale: SeckillId::parse(sale)?,
            user: identity::user(user).ok()?,
        })
    }

    /// The buyer; `None` where the stored spelling is not acceptable.
    pub fn user(&self) -> Option<User> {
        match self {
            QueuedOrder::Order(view) => identity::user(&view.user_id).ok(),
            QueuedOrder::Purchase { user, .. } => Some(user.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::order::sample;

    #[test]
    fn both_forms_read_back() {
        let order = sample::order();
        let view = QueuedOrder::view(&order);
        assert_eq!(view.status, "queued");
        let read = QueuedOrder::parse(view.json().unwrap().as_bytes()).unwrap();
        assert_eq!(read.user(), Some(order.user));
        assert_eq!(read, QueuedOrder::Order(Box::new(view)));

        let sale = SeckillId::parse("1-3").unwrap();
        for spelling in ["7", "user_7", "alice b"] {
            let user = identity::user(spelling).unwrap();
            let value = QueuedOrder::purchase(sale, &user);
            let expected = QueuedOrder::Purchase { sale, user };
            assert_eq!(QueuedOrder::parse(value.as_bytes()), Some(expected));
        }
        for bad in [&b""[..], b"seckill 1-3", b"seckill x 7", b"{}", b"\xff"] {
            assert_eq!(QueuedOrder::parse(bad), None, "{bad:?}");
        }
    }
}
