//! The official SDK of CloudEvents reads what the relay publishes: Python with clients of its own, from a real Kafka
//! and a real RabbitMQ.

use crate::rabbit::{Other, on_both_buses};
use crate::world::World;
use contract::wire::message::{ORDER_CREATED, ORDER_STATUS_CHANGED, SECKILL_SUCCESS, STOCK};
use domain::{Order, SkuId, Status, StockMode};
use serde_json::Value;
use stack::Home;
use std::collections::BTreeMap;

const REQUIREMENTS: &str = include_str!("cloudevents/requirements.txt");
const SCRIPT: &str = include_str!("cloudevents/read.py");

/// What the SDK makes of the records, in lines of JSON.
fn read(home: &Home, arguments: &[&str]) -> Vec<Value> {
    let script = home.path().join("read.py");
    std::fs::write(&script, SCRIPT).unwrap();
    let mut python = stack::python::environment("cloudevents", REQUIREMENTS).unwrap();
    let output = python.arg(script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One order that is paid, one that is cancelled, and a purchase.
async fn lives(world: &mut World) -> [Order; 3] {
    let paid = world.place(1, 1, 2).await;
    let paid = world.change(paid, Status::Paid).await.unwrap();
    let cancelled = world.place(2, 1, 1).await;
    let cancelled = world.change(cancelled, Status::Cancelled).await.unwrap();
    let sku = SkuId(0).of_sale(5);
    sqlx::query("INSERT INTO t_inventory (product_id, sku_id, available_stock, total_stock, seeded_stock, created_at, updated_at) \
                 VALUES (1, ?, 5, 5, 5, 0, 0)")
        .bind(sku.0)
        .execute(&world.inventory)
        .await
        .unwrap();
    let mut bought = world.draft(3, 1, 1);
    bought.items[0].sku = sku;
    world.promise(&bought, 0);
    world.insert(&bought).await;
    world.quiet().await;
    [paid, cancelled, bought]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sdk_reads_every_kind_of_event() {
    let home = Home::temporary().unwrap();
    let (kafka, rabbit, mut world) = on_both_buses(&home).await;
    world.product(1, StockMode::Redis, 100).await;
    let other = Other::at(&world, &rabbit).await;
    other.listen().await;
    let relay = world.relay();
    let [paid, cancelled, bought] = lives(&mut world).await;
    let topics = [ORDER_CREATED, ORDER_STATUS_CHANGED, STOCK, SECKILL_SUCCESS];
    let topics = topics.map(|topic| format!("w{}.{topic}", world.number));
    let url = rabbit.url();
    let events = read(
        &home,
        &[
            &kafka.brokers(),
            &topics.join(","),
            "11",
            &url,
            "heard",
            "1",
        ],
    );
    let mut counts: BTreeMap<(String, String), u32> = BTreeMap::new();
    for event in &events {
        let attribute = |name: &str| event["attributes"][name].as_str().unwrap_or_default();
        let (kind, subject) = (attribute("type"), attribute("subject"));
        let order = [&paid, &cancelled, &bought]
            .into_iter()
            .find(|one| one.id.to_string() == subject);
        let order = order.unwrap_or_else(|| panic!("{event}"));
        *counts
            .entry((kind.to_owned(), attribute("source").to_owned()))
            .or_default() += 1;
        assert_eq!(attribute("specversion"), "1.0");
        assert_eq!(attribute("datacontenttype"), "application/json");
        assert_eq!(attribute("partitionkey"), subject, "the key of the record");
        assert!(attribute("time").ends_with("+00:00"), "{event}");
        let created =
            kind != "order.status_changed" && kind != "stock.confirm" && kind != "stock.rollback";
        let traced = "00-4bf92f3577b34da6a3ce929d0e0e4736-";
        assert_eq!(
            attribute("traceparent").starts_with(traced),
            created,
            "{event}"
        );
        let version = if created { 1 } else { 2 };
        let id = domain::EventId {
            order: order.id,
            version,
        };
        assert_eq!(attribute("id"), id.to_string());
        let data = event["data"].as_object().expect("JSON");
        assert!(data.contains_key("user_id"), "{event}");
    }
    let counts: Vec<(&str, &str, u32)> = counts
        .iter()
        .map(|((kind, source), count)| (kind.as_str(), source.as_str(), *count))
        .collect();
    assert_eq!(
        counts,
        [
            ("order.created", "/orders", 3),
            ("order.status_changed", "/orders", 2),
            ("seckill.success", "/orders/seckill", 2),
            ("stock.confirm", "/orders/stock", 1),
            ("stock.deduct", "/orders/stock", 3),
            ("stock.rollback", "/orders/stock", 1),
        ]
    );
    relay.stop().unwrap();
}
