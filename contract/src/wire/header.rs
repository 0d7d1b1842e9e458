//! Headers of events: names after Debezium's outbox router, and the attributes of CloudEvents 1.0 in binary content
//! mode, as Kafka and RabbitMQ spell them. Headers of dead letters.

use domain::Ms;
use domain::calendar::rfc3339;
use serde::Serialize;

/// Headers of every record that the relay publishes; all values are UTF-8 text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventHeaders {
    /// The message id: a UUID made of order id and version, the same in every topic and each time it is sent.
    #[cfg_attr(feature = "openapi", schema(format = "uuid"))]
    pub id: String,
    /// What has happened; the same as `ce_type`.
    pub event_type: &'static str,
    /// Always `order`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^order$"))]
    pub aggregate_type: &'static str,
    /// The order's id, which is the record's key too.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub aggregate_id: String,
    /// Always `1.0`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^1\\.0$"))]
    pub ce_specversion: &'static str,
    /// The message id. With `ce_source` it names the event: the same pair again is the same event again.
    #[cfg_attr(feature = "openapi", schema(format = "uuid"))]
    pub ce_id: String,
    /// What has happened.
    pub ce_type: &'static str,
    /// What it happened to: `/orders`, their stock, or purchases in flash sales.
    #[cfg_attr(feature = "openapi", schema(format = "uri-reference"))]
    pub ce_source: &'static str,
    /// The order's id.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub ce_subject: String,
    /// When it happened: RFC 3339, UTC, with milliseconds.
    #[cfg_attr(feature = "openapi", schema(format = "date-time"))]
    pub ce_time: String,
    /// The order's id, which is the record's key too (CloudEvents' extension for partitioning).
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub ce_partitionkey: String,
    /// The trace of the request that caused it, as W3C Trace Context writes it (CloudEvents' extension for tracing);
    /// absent where no request did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{2}(-[0-9a-f]+){3}$"))]
    pub ce_traceparent: Option<String>,
    /// The same, for tools that look for it under this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9a-f]{2}(-[0-9a-f]+){3}$"))]
    pub traceparent: Option<String>,
    /// Always `application/json`.
    #[serde(rename = "content-type")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^application/json$"))]
    pub content_type: &'static str,
}

/// An event, as far as its headers tell.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Of the outbox row.
    pub message_id: &'a str,
    /// Whose event it is, in decimal.
    pub order_id: &'a str,
    /// Value of `event_type` and `ce_type`.
    pub kind: &'static str,
    /// Value of `ce_source`.
    pub source: &'static str,
    /// When it happened.
    pub at: Ms,
    /// A W3C traceparent.
    pub traceparent: Option<&'a str>,
}

impl EventHeaders {
    /// The headers of an event.
    pub fn of(event: Event<'_>) -> EventHeaders {
        let Event {
            message_id,
            order_id,
            kind,
            source,
            at,
            traceparent,
        } = event;
        EventHeaders {
            id: message_id.to_owned(),
            event_type: kind,
            aggregate_type: "order",
            aggregate_id: order_id.to_owned(),
            ce_specversion: "1.0",
            ce_id: message_id.to_owned(),
            ce_type: kind,
            ce_source: source,
            ce_subject: order_id.to_owned(),
            ce_time: rfc3339(at),
            ce_partitionkey: order_id.to_owned(),
            ce_traceparent: traceparent.map(str::to_owned),
            traceparent: traceparent.map(str::to_owned),
            content_type: "application/json",
        }
    }

    /// Name and text of each header.
    pub fn pairs(self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("id", self.id),
            ("event_type", self.event_type.to_owned()),
            ("aggregate_type", self.aggregate_type.to_owned()),
            ("aggregate_id", self.aggregate_id),
            ("ce_specversion", self.ce_specversion.to_owned()),
            ("ce_id", self.ce_id),
            ("ce_type", self.ce_type.to_owned()),
            ("ce_source", self.ce_source.to_owned()),
            ("ce_subject", self.ce_subject),
            ("ce_time", self.ce_time),
            ("ce_partitionkey", self.ce_partitionkey),
            ("content-type", self.content_type.to_owned()),
        ];
        let traces = [
            ("ce_traceparent", self.ce_traceparent),
            ("traceparent", self.traceparent),
        ];
        let traces = traces.into_iter();
        pairs.extend(traces.filter_map(|(name, value)| Some((name, value?))));
        pairs
    }
}

/// Kafka's name of a header, and the one that CloudEvents' AMQP binding gives it. Others keep their names, but
/// `content-type`, which is a property of an AMQP message.
const IN_AMQP: [(&str, &str); 8] = [
    ("ce_specversion", "cloudEvents_specversion"),
    ("ce_id", "cloudEvents_id"),
    ("ce_type", "cloudEvents_type"),
    ("ce_source", "cloudEvents_source"),
    ("ce_subject", "cloudEvents_subject"),
    ("ce_time", "cloudEvents_time"),
    ("ce_partitionkey", "cloudEvents_partitionkey"),
    ("ce_traceparent", "cloudEvents_traceparent"),
];
/// Headers whose names are the same in both.
const EVERYWHERE: [&str; 5] = [
    "id",
    "event_type",
    "aggregate_type",
    "aggregate_id",
    "traceparent",
];

/// The name in RabbitMQ of one of our headers of Kafka; `None` for `content-type`, and for what is no header of ours.
pub fn in_amqp(kafka: &str) -> Option<&'static str> {
    let same = EVERYWHERE.iter().find(|name| **name == kafka).copied();
    let renamed = || IN_AMQP.iter().find(|(name, _)| *name == kafka);
    same.or_else(|| renamed().map(|(_, name)| *name))
}

/// The attribute `source` of a message from either bus: CloudEvents allows two spellings in AMQP.
pub fn source<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let names = ["ce_source", "cloudEvents_source", "cloudEvents:source"];
    names.into_iter().find_map(header)
}

/// Headers of a dead letter: where the record stood that could not be processed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeadLetterHeaders {
    /// The record's topic, with its prefix.
    pub dlq_topic: String,
    /// Its partition, in decimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub dlq_partition: String,
    /// Its offset, in decimal.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+$"))]
    pub dlq_offset: String,
    /// Why it could not be processed.
    #[cfg_attr(feature = "openapi", schema(max_length = 500))]
    pub dlq_reason: String,
}

impl DeadLetterHeaders {
    /// Name and text of each header.
    pub fn pairs(self) -> Vec<(&'static str, String)> {
        vec![
            ("dlq_topic", self.dlq_topic),
            ("dlq_partition", self.dlq_partition),
            ("dlq_offset", self.dlq_offset),
            ("dlq_reason", self.dlq_reason),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn headers(traceparent: Option<&str>) -> EventHeaders {
        EventHeaders::of(Event {
            message_id: "01234567-89ab-8def-8123-456789abcdef",
            order_id: "7",
            kind: "order.created",
            source: "/orders",
            at: 1,
            traceparent,
        })
    }

    /// The pairs are what is sent, the type is what the document describes.
    #[test]
    fn pairs_are_the_fields() {
        let all = |pairs: Vec<(&str, String)>| -> BTreeMap<String, String> {
            let owned = pairs
                .into_iter()
                .map(|(name, text)| (name.to_owned(), text));
            owned.collect()
        };
        for trace in [
            None,
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ] {
            let fields = serde_json::to_string(&headers(trace)).unwrap();
            let fields: BTreeMap<String, String> = serde_json::from_str(&fields).unwrap();
            assert_eq!(all(headers(trace).pairs()), fields);
        }
        let letter = DeadLetterHeaders {
            dlq_topic: "t".to_owned(),
            dlq_partition: "0".to_owned(),
            dlq_offset: "1".to_owned(),
            dlq_reason: "why".to_owned(),
        };
        let fields = serde_json::to_string(&letter).unwrap();
        let fields: BTreeMap<String, String> = serde_json::from_str(&fields).unwrap();
        assert_eq!(all(letter.pairs()), fields);
    }

    #[test]
    fn every_header_has_a_place_in_amqp() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (name, _) in headers(Some(trace)).pairs() {
            let known = in_amqp(name);
            assert_eq!(known.is_some(), name != "content-type", "{name}");
            // CloudEvents: names of attributes are lower-case letters and digits.
            if let Some(attribute) = name.strip_prefix("ce_") {
                let plain = |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit();
                assert!(attribute.bytes().all(plain), "{attribute}");
                assert_eq!(known, Some(&*format!("cloudEvents_{attribute}")));
            }
        }
        assert_eq!(in_amqp("x-death"), None);
    }
}
