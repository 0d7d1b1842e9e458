//! Turns a message into the rows to insert, without a database.

use super::{Pending, Refusal};
use contract::wire::event::OrderEvent;
use contract::wire::intake::{Accepted, Intake, Purchase};
use domain::{Order, ProductId, Status, UserId};

/// Key of `idempotency_records`: one purchase per sale, user and product.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// `<product>-<number>` for a sale of ours; another system's text otherwise, which may be empty.
    pub seckill_id: String,
    /// The buyer.
    pub user: UserId,
    /// The product on sale.
    pub product: ProductId,
}

/// An order to be inserted.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Index of its message in the batch that the writer was given.
    pub at: usize,
    /// Pending, version 1.
    pub order: Order,
    /// Payload of its outbox row: an `OrderEvent` as JSON.
    pub event: String,
    /// Of the outbox row: a UUID of order id and version.
    pub message_id: String,
    /// Hash of the caller's idempotency key; `None` where it sent none, and for purchases.
    pub key: Option<[u8; 16]>,
    /// Hash of the request's payload; `None` for purchases.
    pub payload: Option<[u8; 16]>,
    /// `None` for orders outside of flash sales.
    pub record: Option<RecordKey>,
    /// Whether it is another system's: its order id was minted for this attempt alone.
    pub foreign: bool,
}

impl Draft {
    /// The draft of a message that has its order id.
    ///
    /// # Errors
    /// Why it cannot be an order.
    pub fn of(at: usize, message: &Pending) -> Result<Draft, Refusal> {
        match message {
            Pending::Ours(Intake::Purchase(purchase)) => Draft::purchase(at, purchase, false),
            Pending::Ours(Intake::Order(accepted)) => Draft::accepted(at, accepted),
            Pending::Foreign(_) => Err(Refusal::now("has no order id yet")),
        }
    }

    /// The draft of a purchase; `foreign` as in the field of that name.
    ///
    /// # Errors
    /// Why it cannot be an order.
    pub fn purchase(at: usize, purchase: &Purchase, foreign: bool) -> Result<Draft, Refusal> {
        let order = purchase
            .order()
            .map_err(|rejection| Refusal::now(rejection.to_string()))?;
        let record = RecordKey {
            seckill_id: purchase.seckill_id.clone(),
            user: purchase.user.id,
            product: purchase.product,
        };
        let event = OrderEvent::created(&order, purchase.trace_id.as_deref());
        Draft::new(at, order, &event, Some(record), foreign)
    }

    fn accepted(at: usize, accepted: &Accepted) -> Result<Draft, Refusal> {
        let event = &accepted.event;
        let order = Order::try_from(event.order.clone())
            .map_err(|error| Refusal::now(format!("event: {error}")))?;
        if order.id.gene() != order.user.id.gene() {
            return Err(Refusal::now("event: order.id is no id of this user"));
        }
        let whole = order.status == Status::Pending && order.version == 1;
        if !whole || order.items.is_empty() {
            return Err(Refusal::now("event: order is not a fresh one"));
        }
        let expected = OrderEvent::created(&order, event.trace_id.as_deref());
        if expected.message_id != event.message_id || expected.event_type != event.event_type {
            return Err(Refusal::now(
                "event: message_id or event_type is not its order's",
            ));
        }
        let draft = Draft::new(at, order, event, None, false)?;
        Ok(Draft {
            key: accepted.key,
            payload: Some(accepted.payload),
            ..draft
        })
    }

    fn new(
        at: usize,
        order: Order,
        event: &OrderEvent,
        record: Option<RecordKey>,
        foreign: bool,
    ) -> Result<Draft, Refusal> {
        let text = serde_json::to_string(event)
            .map_err(|error| Refusal::now(format!("event: {error}")))?;
        Ok(Draft {
            at,
            order,
            event: text,
            message_id: event.message_id.clone(),
            key: None,
            payload: None,
            record,
            foreign,
        })
    }
}
