//! Tests of `read`.

use super::*;
use crate::fixtures;
use crate::loops::outbox::record::envelope;

fn record(value: &str, headers: &[(&str, &str)]) -> Incoming {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Incoming {
        topic: "seckill.success".to_owned(),
        partition: 3,
        offset: 42,
        key: Vec::new(),
        value: value.as_bytes().to_vec(),
        headers: headers.iter().map(owned).collect(),
    }
}

const GOOD: &str = r#"{"user_id":7,"product_id":1,"quantity":2,"unit_price":9.9,"seckill_id":"seckill_001","timestamp":"2026-11-21T10:00:00Z"}"#;

#[test]
fn ours_are_known_by_their_source_alone() {
    assert!(message(Bus::Kafka, &record(GOOD, &[("ce_source", SECKILL_SOURCE)])).is_none());
    let other = record(GOOD, &[("ce_source", "/shop"), ("id", SECKILL_SOURCE)]);
    let purchase = message(Bus::Kafka, &other).unwrap().purchase.unwrap();
    assert_eq!((purchase.user, purchase.price.get()), (7, 990));
    for name in ["cloudEvents_source", "cloudEvents:source"] {
        assert!(is_own(&record(GOOD, &[(name, SECKILL_SOURCE)])), "{name}");
    }
}

#[test]
fn what_the_outbox_publishes_is_ours() {
    let mut row = fixtures::created_row(7, 3);
    let sku = domain::SkuId(0).of_sale(5);
    row.payload = row
        .payload
        .replace("\"sku_id\":\"0\"", &format!("\"sku_id\":\"{}\"", sku.0));
    let records = envelope(&row, "").unwrap().records;
    let sent = records
        .iter()
        .find(|sent| sent.topic == "seckill.success")
        .unwrap();
    let source = sent.headers.iter().find(|(name, _)| *name == "ce_source");
    assert_eq!(source.unwrap().1, SECKILL_SOURCE);
}

#[test]
fn unreadable_ones_say_why() {
    let huge = format!("{{\"pad\":\"{}\"}}", "x".repeat(1 << 20));
    for (body, why) in [
        ("", "body"),
        ("{\"user_id\":7", "body"),
        ("[1]", "body"),
        (
            &*GOOD.replace("\"quantity\":2", "\"quantity\":-2"),
            "quantity",
        ),
        (&*GOOD.replace("9.9", "\"dear\""), "unit_price"),
        (&*GOOD.replace("9.9", "-9.9"), "unit_price"),
        (&*huge, "1048586 bytes"),
    ] {
        let record = record(body, &[]);
        let message = message(Bus::RabbitMq, &record).unwrap();
        assert_eq!(message.raw, body.as_bytes());
        let error = message.purchase.unwrap_err();
        assert!(error.contains(why), "{why} in {error}");
    }
}

#[test]
fn ids_fit_their_column_and_last() {
    let long = Incoming {
        topic: "t".repeat(100 + "seckill.success".len()),
        partition: i32::MAX,
        offset: i64::MAX,
        ..record(GOOD, &[])
    };
    for bus in [Bus::Kafka, Bus::RabbitMq] {
        assert!(id(bus, &long).len() <= 191, "{bus:?}");
    }
    let redelivered = Incoming {
        offset: 43,
        ..record(GOOD, &[])
    };
    assert_eq!(
        id(Bus::RabbitMq, &redelivered),
        id(Bus::RabbitMq, &record(GOOD, &[]))
    );
    assert_ne!(
        id(Bus::Kafka, &redelivered),
        id(Bus::Kafka, &record(GOOD, &[]))
    );
}
