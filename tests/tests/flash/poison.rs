//! Messages that can never become orders: each becomes a failure row with the original message, and all others are
//! unaffected.

use crate::alone;
use anyhow::{Context, Result, ensure};
use platform::sale::now_ms;
use platform::shop::buyer;
use platform::{Options, Platform, soon};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::json;
use std::time::Duration;

const TOPIC: &str = "seckill.success";

fn message(user: u64, product: u64, quantity: i64, price: &str) -> String {
    format!(
        r#"{{"user_id":{user},"product_id":{product},"quantity":{quantity},"unit_price":{price},"seckill_id":"seckill_001","timestamp":"2026-11-21T10:00:00Z"}}"#
    )
}

fn failures(platform: &Platform) -> Result<i64> {
    platform.number("SELECT COUNT(*) FROM inventory.order_failures")
}

#[test]
fn on_the_topic() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options {
        kafka: true,
        ..Options::default()
    })?;
    let product = platform.product(100, "redis")?;
    let (first, last) = (buyer(), buyer());
    let large = format!("{{\"user_id\":1,\"x\":\"{}\"}}", "y".repeat(900_000));
    let poison = [
        "{".to_owned(),
        String::new(),
        message(buyer(), 987_654_321, 1, "9.90"),
        message(buyer(), product, -1, "9.90"),
        message(buyer(), product, 1, "\"dear\""),
        message(buyer(), product, 1, "9.90"),
        large,
    ];
    let brokers = platform.kafka.as_ref().context("kafka")?.brokers();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("message.max.bytes", "2000000")
        .create()?;
    let good = [
        message(first, product, 1, "99.99"),
        message(last, product, 2, "\"99.990\""),
    ];
    let all = std::iter::once(&good[0])
        .chain(&poison)
        .chain([&good[1], &good[0]]);
    for text in all {
        let record = BaseRecord::<str, str>::to(TOPIC).payload(text).partition(0);
        producer.send(record).map_err(|(error, _)| error)?;
    }
    producer.flush(Duration::from_secs(20))?;
    soon("the good ones to be orders, once", || {
        ensure!(
            platform.orders_of(first)? == 1 && platform.orders_of(last)? == 1,
            "not yet"
        );
        Ok(())
    })?;
    soon("a failure per poisoned message", || {
        let rows = failures(&platform)?;
        ensure!(rows == poison.len() as i64, "{rows} rows");
        Ok(())
    })?;
    let list = platform
        .api
        .get("/api/v1/failures?page_size=100")?
        .expect(200)?;
    ensure!(list.body["total"] == poison.len(), "{}", list.text);
    for text in &poison[2..6] {
        ensure!(
            list.body["failures"]
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["message_data"] == **text),
            "{text} in {}",
            list.text
        );
    }
    let amount = platform
        .api
        .get(&format!("/v1/order/list?user_id={last}"))?
        .expect(200)?;
    ensure!(
        amount.body["orders"][0]["actual_amount"] == json!(199.98),
        "{}",
        amount.text
    );
    platform.reconcile()?;
    Ok(())
}

#[test]
fn in_the_stream() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let sale = platform.sale(10, 1)?;
    let mut redis = platform.redis_connection()?;
    let stream = format!("{{p{}}}:intake", sale.product);
    let entries: [&[(&str, &str)]; 3] = [
        &[("kind", "nothing we know")],
        &[("kind", "seckill"), ("order", "0")],
        &[("kind", "order"), ("event", "{"), ("payload", "")],
    ];
    for entry in entries {
        let mut add = redis::cmd("XADD");
        add.arg(&stream).arg("*");
        for (name, value) in entry {
            add.arg(name).arg(value);
        }
        let _: String = add.query(&mut redis)?;
    }
    let user = buyer();
    let token = platform::sale::token_in(&platform::sale::token(&platform.api, &sale, user)?)?;
    platform::sale::buy(&platform.api, user, &token, 1)?.expect(202)?;
    soon("the good one to be an order", || {
        ensure!(platform.orders_of(user)? == 1, "not yet, {}", now_ms());
        Ok(())
    })?;
    soon("a failure per poisoned entry", || {
        let rows = failures(&platform)?;
        ensure!(rows == entries.len() as i64, "{rows} rows");
        Ok(())
    })?;
    platform.reconcile()?;
    Ok(())
}
