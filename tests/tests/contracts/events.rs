//! Every kind of message that a platform sends to a real Kafka, by three validators against the AsyncAPI document; and
//! another system's purchase on its way to the API.

use anyhow::{Context, Result, ensure};
use platform::sale::{buy, token, token_in};
use platform::shop::{PRICE, buyer, placed};
use platform::{Options, Platform, asyncapi, soon};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tests::topics::{Listener, Message};
use tests::validators::{Case, all_accept};

/// What the platform sends to Kafka.
const KINDS: [&str; 7] = [
    "orderCreated",
    "orderStatusChanged",
    "stockDeduct",
    "stockConfirm",
    "stockRollback",
    "flashSalePurchase",
    "deadLetter",
];
const SOON: Duration = Duration::from_secs(60);

fn send(platform: &Platform, topic: &str, value: &str) -> Result<()> {
    let brokers = platform.kafka.as_ref().context("kafka")?.brokers();
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()?;
    let note = Header {
        key: "x-test",
        value: Some("yes"),
    };
    let record = BaseRecord::to(topic).key("7").payload(value);
    let record = record.headers(OwnedHeaders::new().insert(note));
    producer.send(record).map_err(|(error, _)| error)?;
    Ok(producer.flush(SOON)?)
}

/// An order that is paid, shipped, completed; one that its buyer cancels; one that is cancelled when paid; a purchase.
fn lives(platform: &Platform) -> Result<()> {
    let product = platform.product(100, "redis")?;
    let become_status = |order: &str, status: &str| {
        let body = json!({ "status": status });
        let path = format!("/api/v1/orders/{order}/status");
        platform.api.put(&path, &body)?.expect(200).map(drop)
    };
    let completed = placed(&platform.order(buyer(), product, 2)?)?;
    become_status(&completed, "completed")?;
    let cancelled = placed(&platform.order(buyer(), product, 1)?)?;
    become_status(&cancelled, "cancelled")?;
    let returned = placed(&platform.order(buyer(), product, 1)?)?;
    become_status(&returned, "paid")?;
    become_status(&returned, "cancelled")?;
    let (sale, user) = (platform.sale(10, 1)?, buyer());
    let token = token_in(&token(&platform.api, &sale, user)?)?;
    buy(&platform.api, user, &token, 1)?.expect(202)?;
    Ok(())
}

fn cases(sent: &[Message]) -> Vec<Case> {
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    let mut add = |name: String, schema: &Value, text: String| {
        let case = Case {
            name: name.clone(),
            schema: schema.clone(),
            texts: Vec::new(),
        };
        cases.entry(name).or_insert(case).texts.push(text);
    };
    for message in sent {
        let described = message.described();
        if let Some(schema) = &described.headers {
            let headers = asyncapi::object(&message.headers);
            add(
                format!("headers of {}", described.id),
                schema,
                headers.to_string(),
            );
        }
        if described.id != "deadLetter" {
            add(
                format!("value of {}", described.id),
                &described.payload,
                message.value.clone(),
            );
        }
    }
    cases.into_values().collect()
}

#[test]
fn three_validators_accept_every_message_that_is_sent() -> Result<()> {
    let platform = Platform::start(Options {
        kafka: true,
        ..Options::default()
    })?;
    let listener = Listener::start(&platform)?;
    lives(&platform)?;
    send(&platform, "doos.stock.deduct", "no JSON")?;
    let sent = listener.wait_for_kinds(&KINDS, SOON)?;
    let cases = cases(&sent);
    ensure!(cases.len() == 2 * KINDS.len() - 1, "{} cases", cases.len());
    all_accept(&cases)?;
    anothers_purchase(&platform, &listener)
}

/// Its sale is shown wherever the order shows one; at another price it is a failure that says so.
fn anothers_purchase(platform: &Platform, listener: &Listener) -> Result<()> {
    let (product, user, cheap) = (platform.product(10, "redis")?, buyer(), buyer());
    let message = |user: u64, price: &str| {
        format!(
            r#"{{"user_id":{user},"product_id":{product},"quantity":1,"unit_price":{price},"seckill_id":"seckill_789","timestamp":"2026-11-21T10:00:00Z"}}"#
        )
    };
    send(platform, "seckill.success", &message(cheap, "0.01"))?;
    send(platform, "seckill.success", &message(user, PRICE))?;
    let path = format!("/v1/order/list?user_id={user}");
    let listed = soon("the order", || {
        let reply = platform.api.get(&path)?.expect(200)?;
        ensure!(reply.body["total"] == 1, "{}", reply.text);
        Ok(reply)
    })?;
    let order = listed.text_at("/orders/0/id").to_owned();
    for (path, at) in [
        (
            format!("/v1/order/list?user_id={user}"),
            "/orders/0/items/0/seckill_id",
        ),
        (format!("/v1/order/{order}"), "/order/items/0/seckill_id"),
        (format!("/api/v1/orders/{order}"), "/items/0/seckill_id"),
    ] {
        let reply = platform.api.get(&path)?.expect(200)?;
        ensure!(reply.text_at(at) == "seckill_789", "{}", reply.text);
    }
    let body = json!({ "user_id": user });
    platform
        .api
        .post(&format!("/v1/order/{order}/pay"), &body)?
        .expect(200)?;
    for topic in ["order.created", "order.status_changed"] {
        let event: Value = serde_json::from_str(&listener.wait_for(topic, &order, SOON)?.value)?;
        ensure!(
            event["order"]["items"][0]["seckill_id"] == "seckill_789",
            "{event}"
        );
    }
    let failures = soon("the failure", || {
        let reply = platform.api.get("/api/v1/failures")?.expect(200)?;
        ensure!(reply.body["total"] == 1, "{}", reply.text);
        Ok(reply)
    })?;
    let failure = &failures.body["failures"][0];
    let reason = failure["error_message"].as_str().context("a reason")?;
    ensure!(
        reason.starts_with("unit_price 0.01 is no price of product"),
        "{reason}"
    );
    ensure!(
        failure["seckill_id"] == "seckill_789"
            && failure["user_id"].as_str() == Some(&*cheap.to_string())
    );
    ensure!(
        platform.orders_of(cheap)? == 0,
        "nothing is sold at a wrong price"
    );
    platform.reconcile()?;
    Ok(())
}
