//! Tests of `record`.

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
        for name in ["aggregate_id", "ce_subject", "ce_partitionkey"] {
            assert!(
                record.headers.contains(&(name, row.tx_id.clone())),
                "{name}"
            );
        }
        assert!(record.headers.contains(&("id", row.message_id.clone())));
        let version = ("ce_specversion", "1.0".to_owned());
        assert!(record.headers.contains(&version));
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
    let upper = whole.to_uppercase();
    assert_eq!(
        traceparent(&upper, id).as_deref(),
        Some(whole),
        "as the standard spells it"
    );
    let crooked = "4bf92f3577b34da6a3ce929d0e0e4736-00-00f067aa0ba902b7-01";
    for bad in ["", "abc", crooked, &"0".repeat(32), &"z".repeat(32)] {
        assert_eq!(traceparent(bad, id), None);
    }
}
