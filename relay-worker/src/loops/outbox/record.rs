//! An outbox row as Kafka records: topic, key, value, and headers after Debezium's outbox router and
//! CloudEvents' binary mode.

use super::Row;
use crate::ports::Outgoing;
use contract::wire::event::{EventType, OrderEvent, SCHEMA};
use contract::wire::message::{STOCK, records};
use domain::Order;
use domain::calendar::rfc3339;

/// The records of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub records: Vec<Outgoing>,
    /// Whether one of them moves stock, so that the consumer confirms the row.
    pub moves_stock: bool,
    /// The order as it is after a change, for the cache: the function may have died before it put it there.
    pub changed: Option<Order>,
}

/// Why a row has no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Written by a newer function than this relay knows, as happens while both are replaced: a newer relay reads it.
    Newer(String),
    /// It can never be sent.
    Broken(String),
}

/// What every schema has.
#[derive(serde::Deserialize)]
struct Versioned {
    schema: u32,
}

/// Reads a row's payload.
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
    let time = rfc3339(event.occurred_at);
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
        let kind = record.event_type();
        let stock = record.topic() == STOCK;
        envelope.moves_stock |= stock;
        let mut headers = vec![
            ("id", row.message_id.clone()),
            ("event_type", kind.to_owned()),
            ("aggregate_type", "order".to_owned()),
            ("aggregate_id", row.tx_id.clone()),
            ("ce_id", row.message_id.clone()),
            ("ce_type", kind.to_owned()),
            ("ce_source", record.source().to_owned()),
            ("ce_specversion", "1.0".to_owned()),
            ("ce_time", time.clone()),
            ("content-type", "application/json".to_owned()),
        ];
        headers.extend(traceparent.clone().map(|trace| ("traceparent", trace)));
        envelope.records.push(Outgoing {
            topic: format!("{topic_prefix}{}", record.topic()),
            key: row.tx_id.clone(),
            value: record.value().map_err(|error| broken(&error))?,
            headers,
        });
    }
    Ok(envelope)
}

/// A W3C traceparent from a whole one or from a trace id alone; the span is named after the message.
fn traceparent(trace: &str, message_id: &str) -> Option<String> {
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if trace.len() == 55 && trace.split('-').count() == 4 && trace.split('-').all(hex) {
        return Some(trace.to_owned());
    }
    if trace.len() != 32 || !hex(trace) || trace.bytes().all(|b| b == b'0') {
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
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_created_order_goes_to_two_topics_under_its_key() {
        let row = fixtures::created_row(7, 2);
        let envelope = envelope(&row, "test.").unwrap();
        assert!(envelope.moves_stock);
        let topics: Vec<&str> = envelope.records.iter().map(|r| r.topic.as_str()).collect();
        assert_eq!(topics, ["test.doos.stock.deduct", "test.order.created"]);
        for record in &envelope.records {
            assert_eq!(record.key, row.tx_id);
            assert!(record.headers.contains(&("id", row.message_id.clone())));
            assert!(
                record
                    .headers
                    .contains(&("ce_specversion", "1.0".to_owned()))
            );
        }
    }

    #[test]
    fn what_can_never_be_sent_says_why() {
        let good = fixtures::created_row(7, 2);
        for (payload, why) in [
            ("{", "payload: EOF"),
            ("[]", "payload: invalid"),
            (
                &good.payload.replace("\"schema\":1", "\"schema\":0"),
                "schema 0",
            ),
            (
                &good
                    .payload
                    .replace(&format!("\"id\":\"{}\"", good.tx_id), "\"id\":\"5\""),
                "tx_id",
            ),
        ] {
            let row = Row {
                payload: payload.to_owned(),
                ..good.clone()
            };
            let error = envelope(&row, "").unwrap_err();
            assert!(
                matches!(&error, Unreadable::Broken(reason) if reason.contains(why)),
                "{error:?}"
            );
        }
    }

    #[test]
    fn what_is_newer_is_not_broken() {
        let row = Row {
            payload: r#"{"schema":9,"whatever":[]}"#.to_owned(),
            ..fixtures::created_row(7, 2)
        };
        let error = envelope(&row, "").unwrap_err();
        assert!(
            matches!(&error, Unreadable::Newer(reason) if reason.contains("schema 9")),
            "{error:?}"
        );
    }

    #[test]
    fn traces_are_passed_on() {
        let id = "01234567-89ab-8def-8123-456789abcdef";
        let whole = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(traceparent(whole, id).as_deref(), Some(whole));
        let made = traceparent("4bf92f3577b34da6a3ce929d0e0e4736", id).unwrap();
        assert!(made.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && made.len() == 55);
        for bad in ["", "abc", &"0".repeat(32), &"z".repeat(32)] {
            assert_eq!(traceparent(bad, id), None);
        }
    }
}
