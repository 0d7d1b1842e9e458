//! What a record of `seckill.success` is: one of ours, another system's purchase, or unreadable.

use super::{Bus, Message};
use crate::ports::Incoming;
use contract::wire::message::SECKILL_SOURCE;
use contract::wire::seckill_message::SeckillMessage;
use domain::limits::BODY_BYTES_MAX;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// Bytes of a hash that tell two bodies apart at one place of a topic that was made anew.
const SHORT: usize = 8;
const WHOLE: usize = 32;

/// Whether it is the news of an order of ours.
pub fn is_own(record: &Incoming) -> bool {
    record.header("ce_source") == Some(SECKILL_SOURCE)
}

/// The message of another system; `None` for one of ours.
pub fn message(bus: Bus, record: &Incoming) -> Option<Message<'_>> {
    if is_own(record) {
        return None;
    }
    Some(Message {
        bus,
        id: id(bus, record),
        raw: &record.value,
        purchase: purchase(&record.value),
    })
}

fn purchase(body: &[u8]) -> Result<contract::wire::seckill_message::ForeignPurchase, String> {
    if body.len() > BODY_BYTES_MAX {
        let bytes = body.len();
        return Err(format!("has {bytes} bytes, more than {BODY_BYTES_MAX}"));
    }
    SeckillMessage::parse(body).map_err(|rejection| rejection.to_string())
}

/// A delivery tag is another each time, so a message from RabbitMQ is known by what it says: the same said
/// twice is one purchase, and one failure.
fn id(bus: Bus, record: &Incoming) -> String {
    let Incoming {
        topic,
        partition,
        offset,
        value,
        ..
    } = record;
    match bus {
        Bus::Kafka => format!("{topic}-{partition}-{offset}-{}", hash(value, SHORT)),
        Bus::RabbitMq => format!("{topic}-{}", hash(value, WHOLE)),
    }
}

fn hash(body: &[u8], bytes: usize) -> String {
    let digest = Sha256::digest(body);
    let mut hex = String::with_capacity(2 * bytes);
    for byte in digest.iter().take(bytes) {
        // A String takes whatever is written.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
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
}
