//! Every message: its headers, its value and a real one.

use super::sample;
use super::schema::AMQP_HEADERS;
use super::{object, reference};
use crate::wire::message::{
    DEAD_LETTERS, ORDER_CREATED, ORDER_STATUS_CHANGED, SECKILL_SOURCE, SECKILL_SUCCESS,
};
use serde_json::{Value, json};

/// A message that the relay makes of events.
pub struct Published {
    /// Its key in the document.
    pub id: &'static str,
    /// Value of the headers `event_type` and `ce_type`.
    pub kind: &'static str,
    source: &'static str,
    title: &'static str,
    summary: &'static str,
    /// Schema of the value.
    payload: &'static str,
    /// What the value of this message has beyond its schema.
    narrowed: fn() -> Value,
}

/// In the order in which an order's life makes them.
pub const PUBLISHED: [Published; 6] = [
    Published {
        id: "orderCreated",
        kind: ORDER_CREATED,
        source: "/orders",
        title: "Order created",
        summary: "The first version of an order.",
        payload: "OrderMessage",
        narrowed: || json!({ "event_type": { "const": "order.created" }, "from": false }),
    },
    Published {
        id: "orderStatusChanged",
        kind: ORDER_STATUS_CHANGED,
        source: "/orders",
        title: "Order status changed",
        summary: "Every later version of an order: paid, shipped, completed, cancelled.",
        payload: "OrderMessage",
        narrowed: || json!({ "event_type": { "const": "order.status_changed" } }),
    },
    Published {
        id: "stockDeduct",
        kind: "stock.deduct",
        source: "/orders/stock",
        title: "Units reserved",
        summary: "The units of an order's lines go from available to locked.",
        payload: "StockMessage",
        narrowed: || json!({ "action": { "const": "reserve" } }),
    },
    Published {
        id: "stockConfirm",
        kind: "stock.confirm",
        source: "/orders/stock",
        title: "Units sold",
        summary: "An order was paid: its units go from locked to sold.",
        payload: "StockMessage",
        narrowed: || json!({ "action": { "const": "confirm" } }),
    },
    Published {
        id: "stockRollback",
        kind: "stock.rollback",
        source: "/orders/stock",
        title: "Units given back",
        summary: "An order was cancelled: its units go back to available, from locked (`rollback`) or from sold \
                  (`return`).",
        payload: "StockMessage",
        narrowed: || json!({ "action": { "enum": ["rollback", "return"] } }),
    },
    Published {
        id: "flashSalePurchase",
        kind: SECKILL_SUCCESS,
        source: SECKILL_SOURCE,
        title: "Purchase in a flash sale",
        summary: "A purchase that is an order of this platform; `order.created` reports the same order.",
        payload: "SeckillMessage",
        narrowed: || json!({}),
    },
];

/// Key of the message for RabbitMQ that forwards [`PUBLISHED`]'s purchase.
pub const FORWARDED: &str = "flashSalePurchaseForwarded";
/// Key of another system's message.
pub const FOREIGN: &str = "foreignPurchase";
/// Key of a dead letter.
pub const DEAD_LETTER: &str = "deadLetter";

/// Every message by its key.
///
/// # Errors
/// Where an example cannot be serialized.
pub fn all() -> serde_json::Result<Value> {
    let mut messages = Vec::new();
    for published in &PUBLISHED {
        messages.push((published.id.to_owned(), published.in_kafka()?));
    }
    if let Some(purchase) = PUBLISHED.iter().find(|one| one.kind == SECKILL_SUCCESS) {
        messages.push((FORWARDED.to_owned(), purchase.in_rabbitmq()?));
    }
    messages.push((FOREIGN.to_owned(), foreign()?));
    messages.push((DEAD_LETTER.to_owned(), dead_letter()?));
    Ok(object(messages))
}

impl Published {
    fn in_kafka(&self) -> serde_json::Result<Value> {
        let mut message = self.described("EventHeaders", "ce_");
        message["bindings"] = json!({ "kafka": key("The order's id.") });
        let sample = sample::of(self.kind)?;
        message["examples"] = sample.map(sample::Sample::in_kafka).into_iter().collect();
        Ok(message)
    }

    fn in_rabbitmq(&self) -> serde_json::Result<Value> {
        let mut message = self.described(AMQP_HEADERS, "cloudEvents_");
        message["summary"] = json!("The same purchase, as RabbitMQ gets it from the topic.");
        message["bindings"] =
            json!({ "amqp": { "messageType": self.kind, "bindingVersion": "0.3.0" } });
        let sample = sample::of(self.kind)?;
        message["examples"] = sample
            .map(sample::Sample::in_rabbitmq)
            .into_iter()
            .collect();
        Ok(message)
    }

    fn described(&self, headers: &str, prefix: &str) -> Value {
        let fixed = object([
            ("event_type".to_owned(), json!({ "const": self.kind })),
            (format!("{prefix}type"), json!({ "const": self.kind })),
            (format!("{prefix}source"), json!({ "const": self.source })),
        ]);
        json!({
            "name": self.kind,
            "title": self.title,
            "summary": self.summary,
            "contentType": "application/json",
            "headers": narrowed(headers, fixed),
            "payload": narrowed(self.payload, (self.narrowed)()),
        })
    }
}

/// A named schema, some of whose properties are narrowed.
fn narrowed(schema: &str, properties: Value) -> Value {
    let schema = reference(&["components", "schemas", schema]);
    match properties.as_object().is_some_and(|all| !all.is_empty()) {
        true => json!({ "allOf": [schema, { "type": "object", "properties": properties }] }),
        false => schema,
    }
}

fn key(description: &str) -> Value {
    json!({
        "key": { "type": "string", "pattern": "^[0-9]+$", "description": description },
        "bindingVersion": "0.5.0",
    })
}

fn foreign() -> serde_json::Result<Value> {
    let payload: Value = serde_json::from_str(sample::FOREIGN)?;
    Ok(json!({
        "name": "purchase",
        "title": "Another system's purchase",
        "summary": "A purchase in a flash sale that another system made; the platform makes an order of it.",
        "description": "The price must be that of the sale it names, or else of a sale or the catalogue at that time. \
                        What cannot become an order is a failure that `/api/v1/failures` shows with its reason. No \
                        header is needed; a message whose `ce_source` (in RabbitMQ `cloudEvents_source`) is \
                        `/orders/seckill` is one of this platform's own and is skipped.",
        "contentType": "application/json",
        "payload": reference(&["components", "schemas", "ForeignMessage"]),
        "examples": [{ "payload": payload }],
    }))
}

fn dead_letter() -> serde_json::Result<Value> {
    Ok(json!({
        "name": "deadLetter",
        "title": "Dead letter",
        "summary": format!("A record that could not be processed, in the topic of its name and `{DEAD_LETTERS}`."),
        "description": "Key and value are the record's own; the value may be anything.",
        "contentType": "application/octet-stream",
        "headers": reference(&["components", "schemas", "DeadLetterHeaders"]),
        "payload": { "description": "The value as it was." },
        "examples": [sample::letter()?],
    }))
}
