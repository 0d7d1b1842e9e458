//! With a real Kafka and a real Elasticsearch: an order placed through HTTP soon appears in both, in every version, and
//! searches are answered from the index.
#![allow(clippy::unwrap_used)] // a failed unwrap in a test is a failed test

mod stats;

use anyhow::{Context, Result, ensure};
use platform::client::Client;
use platform::shop::{Stock, buyer, placed};
use platform::{Options, Platform, soon};
use serde_json::{Value, json};
use stack::wait_ok;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tests::lists::{Route, read_while};
use tests::topics::{Listener, Message};

static PLATFORM: LazyLock<Platform> = LazyLock::new(|| {
    let options = Options {
        kafka: true,
        elasticsearch: true,
        ..Options::default()
    };
    Platform::start(options).unwrap_or_else(|error| panic!("{error:#}"))
});

/// The goal is one second; this allows for a shared build machine.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

fn index() -> Client {
    let elasticsearch = PLATFORM
        .elasticsearch
        .as_ref()
        .expect("started with the platform");
    Client::new(elasticsearch.url())
}

/// Number of searches that the index has answered.
fn searches() -> Result<u64> {
    let stats = index().get("/_stats/search")?.expect(200)?;
    let total = &stats.body["_all"]["total"]["search"]["query_total"];
    total.as_u64().context("no query_total")
}

/// The order's document in this version, if it is visible.
fn indexed(order: &str, version: u64) -> Result<Value> {
    let reply = index().get(&format!("/orders/_doc/{order}"))?.expect(200)?;
    ensure!(reply.body["_version"] == version, "{}", reply.text);
    Ok(reply.body["_source"].clone())
}

#[test]
fn an_order_is_in_kafka_and_in_the_index_at_once() -> Result<()> {
    let listener = Listener::start(&PLATFORM)?;
    let product = PLATFORM.product(1_000, "redis")?;
    // The first order waits for topics, consumer groups and the index to be created.
    let first = placed(&PLATFORM.order(buyer(), product, 1)?)?;
    soon("the first order in the index", || indexed(&first, 1))?;
    listener.wait_for("order.created", &first, Duration::from_secs(20))?;

    let (user, start) = (buyer(), Instant::now());
    let order = placed(&PLATFORM.order(user, product, 2)?)?;
    let message = listener.wait_for("order.created", &order, SEEN_WITHIN)?;
    let in_kafka = start.elapsed();
    let document = wait_ok(SEEN_WITHIN, "the order in the index", || indexed(&order, 1))?;
    let in_index = start.elapsed();
    println!(
        "seen in Kafka after {} ms, in the index after {} ms",
        in_kafka.as_millis(),
        in_index.as_millis()
    );

    assert_eq!(message.key, order, "the key is the order id");
    let value: Value = serde_json::from_str(&message.value)?;
    assert_eq!(
        (&value["order_id"], &value["user_id"]),
        (&json!(order), &json!(user.to_string()))
    );
    assert_eq!(value["amount"].to_string(), "199.98");
    assert_eq!(document["status"], "pending");
    let stock = listener.wait_for("doos.stock.deduct", &order, SEEN_WITHIN)?;
    let value: Value = serde_json::from_str(&stock.value)?;
    assert_eq!(
        (&value["action"], &value["quantity"]),
        (&json!("reserve"), &json!(2))
    );
    assert_eq!(
        message.header("ce_id"),
        stock.header("ce_id"),
        "one message id for both records"
    );
    soon("units locked", || {
        PLATFORM.expect_stock(product, Stock::of(997, 3, 0))
    })?;
    Ok(())
}

#[test]
fn every_change_reaches_both_and_the_newest_wins() -> Result<()> {
    let listener = Listener::start(&PLATFORM)?;
    let product = PLATFORM.product(10, "db")?;
    let order = placed(&PLATFORM.order(buyer(), product, 1)?)?;
    PLATFORM
        .api
        .post(&format!("/v1/order/{order}/pay"), &json!({}))?
        .expect(200)?;
    let path = format!("/api/v1/orders/{order}/status");
    PLATFORM
        .api
        .put(&path, &json!({ "status": "completed" }))?
        .expect(200)?;
    let document = soon("the fourth version in the index", || indexed(&order, 4))?;
    assert_eq!(document["status"], "completed");
    let statuses =
        listener.wait_for_all("order.status_changed", &order, 3, Duration::from_secs(20))?;
    let status = |message: &Message| -> Result<String> {
        let value: Value = serde_json::from_str(&message.value)?;
        Ok(value["order"]["status"]
            .as_str()
            .context("a status")?
            .to_owned())
    };
    let statuses: Vec<String> = statuses.iter().map(status).collect::<Result<_>>()?;
    assert_eq!(statuses, ["paid", "shipped", "completed"], "in order");
    soon("the unit sold", || {
        PLATFORM.expect_stock(product, Stock::of(9, 0, 1))
    })?;
    Ok(())
}

/// Without an index, and with one that is away, the shards answer: `platform::operations`, `components::query_order`.
#[test]
fn a_search_answers_from_the_index() -> Result<()> {
    let product = PLATFORM.product(10, "redis")?;
    let user = buyer();
    let order = placed(&PLATFORM.order(user, product, 1)?)?;
    let search = format!("/v1/order/search?product_id={product}&user_id={user}");
    let found = soon("the order found by a search", || {
        let before = searches()?;
        let reply = PLATFORM.api.get(&search)?.expect(200)?;
        ensure!(reply.body["total"] == 1, "{}", reply.text);
        ensure!(searches()? > before, "the index was not asked");
        Ok(reply)
    })?;
    assert_eq!(found.text_at("/orders/0/id"), order);
    let none = PLATFORM
        .api
        .get(&format!("{search}&status=paid"))?
        .expect(200)?;
    assert_eq!(none.body["total"], 0);
    Ok(())
}

#[test]
fn searches_in_the_index_show_what_was_asked_for_while_orders_are_paid() -> Result<()> {
    let (user, product) = (buyer(), PLATFORM.product(1_000, "redis")?);
    let mut orders = Vec::new();
    for _ in 0..80 {
        orders.push(placed(&PLATFORM.order(user, product, 1)?)?);
    }
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis();
    let conditions = [
        format!("user_id={user}"),
        format!("product_id={product}"),
        format!(
            "product_id={product}&from={}&to={}",
            now - 600_000,
            now + 600_000
        ),
    ];
    let routes = conditions.map(|condition| Route {
        path: format!("/v1/order/search?status=pending&{condition}&page_size=100"),
        list: "/orders",
        total: "/total",
        field: "status",
        wanted: "pending",
    });
    soon("all of them in the index", || {
        let before = searches()?;
        let reply = PLATFORM.api.get(&routes[0].path)?.expect(200)?;
        ensure!(reply.body["total"] == 80, "{}", reply.text);
        ensure!(searches()? > before, "the index was not asked");
        Ok(())
    })?;
    read_while(&PLATFORM.api, &routes, || {
        for order in &orders[5..] {
            let pay = json!({ "payment_id": format!("pay-{order}"), "user_id": user });
            let path = format!("/v1/order/{order}/pay");
            PLATFORM.api.post(&path, &pay)?.expect(200)?;
        }
        Ok(())
    })?;
    soon("what is left", || {
        let reply = PLATFORM.api.get(&routes[0].path)?.expect(200)?;
        ensure!(reply.body["total"] == 5, "{}", reply.text);
        Ok(())
    })
}
