//! The AsyncAPI 3.0 document: every topic, exchange and queue that other systems read or write, made from the types of
//! this crate. `contract/asyncapi.json` is its golden copy.

mod channel;
mod message;
mod sample;
mod schema;

pub use schema::{StatusName, StockModeName};

use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "Events of orders, their stock and flash sales. Every record is a CloudEvent 1.0 in binary content mode: the \
     value is JSON, the attributes are headers. Delivery is at least once: the same `ce_source` and `ce_id` is the same \
     event again. In Kafka the key is the order's id, so that events of one order keep their order within a topic. \
     Fields may be added; a consumer ignores those that it does not know. The document describes everything that other \
     systems may read or write; `send` and `receive` are from the platform's side.";

/// The document as pretty JSON with a final newline.
///
/// # Errors
/// Where it cannot be serialized.
pub fn document() -> serde_json::Result<String> {
    let messages = message::all()?;
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Flashorder",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": servers(),
        "channels": channel::channels(),
        "operations": channel::operations(),
        "components": {
            "messages": messages,
            "schemas": schema::all()?,
        },
    });
    serde_json::to_string_pretty(&document).map(|text| text + "\n")
}

fn servers() -> Value {
    json!({
        "kafka": {
            "host": "{brokers}",
            "protocol": "kafka",
            "description": "The variable `KAFKA_BROKERS` of the relay.",
            "variables": { "brokers": { "default": "127.0.0.1:9092" } },
        },
        "rabbitmq": {
            "host": "{rabbitmq}",
            "protocol": "amqp",
            "protocolVersion": "0.9.1",
            "description": "The variable `RABBITMQ_URL` of the relay; used where `RABBITMQ_ENABLED` is true.",
            "variables": { "rabbitmq": { "default": "127.0.0.1:5672" } },
        },
    })
}

/// A reference to another part of the document.
fn reference(parts: &[&str]) -> Value {
    json!({ "$ref": format!("#/{}", parts.join("/")) })
}

/// An object of named parts.
fn object(parts: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(parts.into_iter().collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests;
