//! Real messages for the document's examples: what the relay publishes of two orders, one of them in a flash sale.

use crate::wire::event::OrderEvent;
use crate::wire::header::{DeadLetterHeaders, Event, EventHeaders, in_amqp};
use crate::wire::message::{STOCK, StockMessage, records};
use domain::order::{Actor, steps};
use domain::{
    Amounts, Cents, Order, OrderId, OrderItem, ProductId, SkuId, Status, StockMode, User, UserId,
};
use serde_json::{Value, json};

/// Of the request that made the orders.
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-8ff20e3a7d1c4b25-01";
/// When the orders were placed, in milliseconds since the epoch of order ids.
const BEGAN_MS: u64 = 91_208_544_644;
/// How long after its creation an order changes.
const LATER_MS: u64 = 61_250;

/// A message of another system.
pub const FOREIGN: &str = r#"{"user_id":123,"product_id":1,"quantity":1,"unit_price":9.90,"seckill_id":"seckill_789","timestamp":"2026-11-21T02:28:05Z"}"#;

/// An example of a message with its headers.
pub struct Sample {
    /// Name and text.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON value.
    pub payload: Value,
}

impl Sample {
    /// As AsyncAPI shows it.
    pub fn in_kafka(self) -> Value {
        let headers: Vec<_> = self
            .headers
            .into_iter()
            .map(|(name, text)| (name.to_owned(), json!(text)))
            .collect();
        json!({ "headers": super::object(headers), "payload": self.payload })
    }

    /// As RabbitMQ has it.
    pub fn in_rabbitmq(self) -> Value {
        let headers = self
            .headers
            .into_iter()
            .filter_map(|(name, text)| Some((in_amqp(name)?, text)));
        Sample {
            headers: headers.collect(),
            payload: self.payload,
        }
        .in_kafka()
    }
}

/// The first record of this type that the orders' lives make.
///
/// # Errors
/// Where it cannot be serialized.
pub fn of(event_type: &str) -> serde_json::Result<Option<Sample>> {
    for event in lives() {
        let (id, order, at) = (
            event.message_id.clone(),
            event.order.id.clone(),
            event.occurred_at,
        );
        let record = records(event)
            .into_iter()
            .find(|record| record.event_type() == event_type);
        if let Some(record) = record {
            let headers = EventHeaders::of(Event {
                message_id: &id,
                order_id: &order,
                kind: record.event_type(),
                source: record.source(),
                at,
                traceparent: Some(TRACE),
            });
            return Ok(Some(Sample {
                headers: headers.pairs(),
                payload: serde_json::from_slice(&record.value()?)?,
            }));
        }
    }
    Ok(None)
}

/// Every event of an order that is paid, of one that is cancelled, and of a purchase.
fn lives() -> Vec<OrderEvent> {
    let mut events = Vec::new();
    for (tick, price, sku, end) in [
        (1, "19.90", SkuId(0), Status::Paid),
        (2, "19.90", SkuId(0), Status::Cancelled),
        (3, "9.90", SkuId(0).of_sale(1), Status::Pending),
    ] {
        let Some(order) = order(tick, price, sku) else {
            continue;
        };
        events.push(OrderEvent::created(&order, None));
        let reason = Some("changed my mind");
        for step in steps(order.id, order.status, end, Actor::User).unwrap_or_default() {
            let at = order.created_at + LATER_MS;
            let changed = order.clone().after(step, at, reason, Some("pay-4711"));
            events.push(OrderEvent::changed(&changed, step, None));
        }
    }
    events
}

fn order(tick: u64, price: &str, sku: SkuId) -> Option<Order> {
    let user = UserId::new(1);
    let id = OrderId::compose((BEGAN_MS << 12) + tick, user.gene())?;
    let price = Cents::parse(price).ok()?;
    let item = OrderItem {
        product: ProductId(1),
        sku,
        name: "Green tea, 100 g".to_owned(),
        image: Some("/images/green-tea.svg".to_owned()),
        price,
        quantity: 1,
        subtotal: price,
        stock_mode: StockMode::Redis,
        foreign_sale: None,
    };
    let user = User {
        id: user,
        reference: None,
    };
    let amounts = Amounts::undiscounted(price);
    Some(Order::pending(
        id,
        user,
        vec![item],
        amounts,
        id.minted_at(),
    ))
}

/// A dead letter of the stock topic: what it has is no stock move, as the relay's own parser says.
///
/// # Errors
/// Where it cannot be serialized.
pub fn letter() -> serde_json::Result<Value> {
    let payload = json!({ "order_id": "382556363634511872", "action": "reserve" });
    let text = serde_json::to_vec(&payload)?;
    let wrong = serde_json::from_slice::<StockMessage>(&text).err();
    let headers = DeadLetterHeaders {
        dlq_topic: STOCK.to_owned(),
        dlq_partition: "3".to_owned(),
        dlq_offset: "4711".to_owned(),
        dlq_reason: wrong.map(|error| error.to_string()).unwrap_or_default(),
    };
    let headers = headers.pairs();
    Ok(Sample { headers, payload }.in_kafka())
}
