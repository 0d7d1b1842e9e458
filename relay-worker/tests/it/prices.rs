//! Another system's purchase must have a price of this shop, on both buses: nothing is sold at another one. The sale it
//! names is kept with the order and in its events.

use crate::rabbit::{Other, on_both_buses};
use crate::seckill_source::{Topic, failures, ordered};
use crate::topic::read;
use crate::world::{World, wait};
use contract::wire::message::ORDER_CREATED;
use domain::StockMode;
use serde_json::Value;
use stack::Home;
use std::collections::BTreeMap;

/// Sale, price and hour of a message; a part of its error where it becomes no order.
const MESSAGES: [(&str, &str, u32, Option<&str>); 8] = [
    ("1-3", "0.99", 10, None),
    ("1-3", "\"0.990\"", 10, None),
    ("seckill_789", "0.99", 10, None),
    ("seckill_789", "2.5", 10, None),
    (
        "1-3",
        "2.50",
        10,
        Some("unit_price 2.50 is not 0.99, the price of flash sale 1-3"),
    ),
    (
        "1-3",
        "0.99",
        12,
        Some("flash sale 1-3 did not run at 2026-11-21T12:00:00.000Z"),
    ),
    (
        "seckill_789",
        "0.01",
        10,
        Some("unit_price 0.01 is no price of product 1"),
    ),
    ("seckill_789", "0.99", 12, Some("that is 2.50")),
];

fn message(user: usize, seckill_id: &str, price: &str, hour: u32) -> String {
    format!(
        r#"{{"user_id":{user},"product_id":1,"quantity":1,"unit_price":{price},"seckill_id":"{seckill_id}","timestamp":"2026-11-21T{hour}:00:00Z"}}"#
    )
}

/// A flash sale of product 1 from 9 to 11, over long ago.
async fn sale(world: &World) {
    let at = |hour: u64| 1_795_219_200_000 + hour * 3_600_000;
    sqlx::query("INSERT INTO seckill_activity (id, product_id, name, price, stock, starts_at, ends_at, status, created_at, updated_at) \
                 VALUES (3, 1, 'Tea', 99, 10, ?, ?, 2, 0, 0)")
        .bind(at(9))
        .bind(at(11))
        .execute(&world.inventory)
        .await
        .unwrap();
}

/// Sale and price in cents of each user's order, in the shards.
async fn stored(world: &World) -> BTreeMap<u64, (Option<String>, i64)> {
    let mut stored = BTreeMap::new();
    for shard in &world.shards {
        let rows: Vec<(u64, Option<String>, i64)> = sqlx::query_as(
            "SELECT o.user_id, i.seckill_id, i.price FROM t_order o JOIN t_order_item i ON i.order_id = o.id",
        )
        .fetch_all(shard)
        .await
        .unwrap();
        stored.extend(
            rows.into_iter()
                .map(|(user, sale, price)| (user, (sale, price))),
        );
    }
    stored
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_sell_has_a_price_of_this_shop() {
    let home = Home::temporary().unwrap();
    let (kafka, rabbit, world) = on_both_buses(&home).await;
    world.product(1, StockMode::Redis, 1_000).await;
    sale(&world).await;
    let (other, topic) = (Other::at(&world, &rabbit).await, Topic::of(&world, &kafka));
    other.declare(&other.queue()).await;
    let relay = world.relay();
    let mut good = BTreeMap::new();
    for (at, (seckill_id, price, hour, wrong)) in MESSAGES.into_iter().enumerate() {
        for user in [at + 1, at + 101] {
            let message = message(user, seckill_id, price, hour);
            match user {
                0..100 => topic.send(message.as_bytes(), None).await,
                _ => other.send(message.as_bytes()).await,
            }
            if wrong.is_none() {
                let cents = if price == "2.5" { 250 } else { 99 };
                good.insert(user as u64, (Some(seckill_id.to_owned()), cents));
            }
        }
    }
    ordered(&world, good.len() as u64).await;
    for bus in ["kafka", "rabbitmq"] {
        let wanted: Vec<&str> = MESSAGES.iter().filter_map(|one| one.3).collect();
        wait("the failures", async || {
            failures(&world, bus).await.len() >= wanted.len()
        })
        .await;
        let failed = failures(&world, bus).await;
        assert_eq!(failed.len(), wanted.len(), "{bus}");
        for wrong in wanted {
            assert!(
                failed.iter().any(|(_, error)| error.contains(wrong)),
                "{bus}: {wrong} in {failed:?}"
            );
        }
    }
    world.quiet().await;
    assert_eq!(stored(&world).await, good);
    assert_eq!(
        world.stock(1).await,
        (992, 8, 0),
        "nothing was taken for the others"
    );
    for record in read(
        &kafka.brokers(),
        &[format!("w{}.{ORDER_CREATED}", world.number)],
        good.len(),
    ) {
        let value: Value = serde_json::from_slice(&record.value).unwrap();
        let user: u64 = value["user_id"].as_str().unwrap().parse().unwrap();
        let (sale, cents) = &good[&user];
        let item = &value["order"]["items"][0];
        assert_eq!(item["seckill_id"].as_str(), sale.as_deref());
        assert_eq!(item["price_cents"], *cents);
    }
    let report = world.command("reconcile");
    assert!(report.contains("invariants hold"), "{report}");
    relay.stop().unwrap();
}
