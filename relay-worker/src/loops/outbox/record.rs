//! An outbox row as Kafka records: topic, key, value, and headers after Debezium's outbox router and
//! CloudEvents' binary mode.

use super::Row;
use crate::ports::Outgoing;
use contract::wire::event::{EventType, OrderEvent, SCHEMA};
use contract::wire::header::{Event, EventHeaders};
use contract::wire::message::{STOCK, records};
use domain::Order;

/// The records of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// One per topic; topics carry their prefix.
    pub records: Vec<Outgoing>,
    /// Whether one of them moves stock, so that the consumer confirms the row.
    pub moves_stock: bool,
    /// The order after a change, for the cache, as the function may have died before it cached it. `None` for a new
    /// order.
    pub changed: Option<Order>,
}

/// Why a row has no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Of a newer schema than this relay knows, as happens during a rollout: a newer relay reads it.
    Newer(String),
    /// It can never be sent.
    Broken(String),
}

/// The field that every schema has.
#[derive(serde::Deserialize)]
struct Versioned {
    schema: u32,
}

/// Makes records of a row's payload.
///
/// # Errors
/// Where the payload is no event of the row's order, or one of a newer schema.
pub fn envelope(row: &Row, topic_prefix: &str) -> Result<Envelope, Unreadable> {
    let broken = |error: &dyn std::fmt::Display| Unreadable::Broken(format!("payload: {error}"));
    let event: Result<OrderEvent, _> = serde_json::from_str(&row.payload);
    let event = match event {
        Ok(event) if event.schema == SCHEMA => event,
        other => {
            let schema = serde_json::from_str(&row.payload).map(|Versioned { schema }| schema);
            return Err(match (schema, other) {
                (Ok(schema), _) if schema > SCHEMA => Unreadable::Newer(format!(
                    "payload: schema {schema} is newer than this relay, which knows {SCHEMA}"
                )),
                (_, Err(error)) => broken(&error),
                (_, Ok(event)) => broken(&format_args!("schema {} is unknown", event.schema)),
            });
        }
    };
    if event.order.id != row.tx_id {
        return Err(broken(&"order.id is not the row's tx_id"));
    }
    if event.message_id != row.message_id {
        return Err(broken(&"message_id is not the row's"));
    }
    let traceparent = event
        .trace_id
        .as_deref()
        .and_then(|trace| traceparent(trace, &event.message_id));
    let at = event.occurred_at;
    let changed = match event.event_type {
        EventType::Created => None,
        EventType::StatusChanged => {
            let order = Order::try_from(event.order.clone());
            Some(order.map_err(|error| broken(&error))?)
        }
    };
    let mut envelope = Envelope {
        records: Vec::with_capacity(3),
        moves_stock: false,
        changed,
    };
    for record in records(event) {
        let stock = record.topic() == STOCK;
        envelope.moves_stock |= stock;
        let headers = EventHeaders::of(Event {
            message_id: &row.message_id,
            order_id: &row.tx_id,
            kind: record.event_type(),
            source: record.source(),
            at,
            traceparent: traceparent.as_deref(),
        });
        envelope.records.push(Outgoing {
            topic: format!("{topic_prefix}{}", record.topic()),
            key: row.tx_id.clone(),
            value: record.value().map_err(|error| broken(&error))?,
            headers: headers.pairs(),
        });
    }
    Ok(envelope)
}

/// A W3C traceparent, as it came or made of a trace id alone; its span id is then made of the message id.
fn traceparent(trace: &str, message_id: &str) -> Option<String> {
    let trace = trace.to_ascii_lowercase();
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let lengths = trace.split('-').map(str::len);
    if lengths.eq([2, 32, 16, 2]) && trace.split('-').all(hex) {
        return Some(trace);
    }
    if trace.len() != 32 || !hex(&trace) || trace.bytes().all(|b| b == b'0') {
        return None;
    }
    let span: String = message_id
        .chars()
        .rev()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    (span.len() == 16).then(|| format!("00-{trace}-{span}-01"))
}

#[cfg(test)]
mod tests;
