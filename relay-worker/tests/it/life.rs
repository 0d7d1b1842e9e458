//! Orders from creation to their end: outbox, Kafka, stock in MySQL and Redis, refusals, expiry.

use crate::topic::read;
use crate::world::{World, wait};
use contract::wire::message::{ORDER_CREATED, ORDER_STATUS_CHANGED, STOCK};
use domain::{Status, StockMode};
use std::time::{Duration, Instant};

/// The bootstrap address that a relay with the embedded broker logs.
pub fn bootstrap(relay: &stack::Process) -> String {
    let log = std::fs::read_to_string(relay.log()).unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("development only"))
        .unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    line["bootstrap"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_placing_to_every_end() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    let paid = world.place(1000, 1, 3).await;
    let placed = Instant::now();
    let cancelled = world.place(1001, 1, 2).await;
    let open = world.place(1002, 1, 1).await;
    let kept = world.place(1003, 1, 4).await;
    world.quiet().await;
    assert!(
        placed.elapsed() < Duration::from_secs(5),
        "{:?}",
        placed.elapsed()
    );
    assert_eq!(world.stock(1).await, (90, 10, 0));
    assert_eq!(world.redis_stock(1), (90, 0, 0));

    let paid = world.change(paid, Status::Paid).await.unwrap();
    world.change(cancelled, Status::Cancelled).await.unwrap();
    let kept = world.change(kept, Status::Completed).await.unwrap();
    world.quiet().await;
    assert_eq!(world.stock(1).await, (92, 1, 7));
    world.change(paid, Status::Cancelled).await.unwrap();
    world.quiet().await;
    assert_eq!(world.stock(1).await, (95, 1, 4));
    wait("Redis to follow", async || {
        world.redis_stock(1) == (95, 0, 0)
    })
    .await;
    assert_eq!(world.stored(&open).await, (0, 1));
    assert_eq!(kept.version, 4);

    let topics = [ORDER_CREATED, ORDER_STATUS_CHANGED, STOCK];
    let topics = topics.map(|topic| format!("w{}.{topic}", world.number));
    let records = read(&bootstrap(&relay), &topics, 18);
    let of = |topic: usize| records.iter().filter(|r| r.topic == topics[topic]).count();
    assert_eq!((of(0), of(1), of(2)), (4, 6, 8));
    let id = kept.id.to_string();
    let stock: Vec<&str> = records
        .iter()
        .filter(|record| record.topic == topics[2] && record.key == id)
        .map(|record| record.header("event_type"))
        .collect();
    assert_eq!(stock, ["stock.deduct", "stock.confirm"]);
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_database_does_not_have_is_cancelled() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 5).await;
    let relay = world.relay();
    let mut orders = Vec::new();
    for user in 0..8 {
        orders.push(world.place(2000 + user, 1, 1).await);
    }
    wait("three cancellations", async || {
        let mut cancelled = 0;
        for order in &orders {
            cancelled += usize::from(world.stored(order).await.0 == Status::Cancelled.code());
        }
        cancelled == 3
    })
    .await;
    world.quiet().await;
    assert_eq!(world.stock(1).await, (0, 5, 0));
    assert_eq!(world.redis_stock(1), (0, 0, 0));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unpaid_expire_and_give_back() {
    let mut world = World::new().await;
    world.set("UNPAID_EXPIRY_MS", "1500");
    world.product(1, StockMode::Redis, 5).await;
    let relay = world.relay();
    let paid = world.place(1, 1, 1).await;
    let paid = world.change(paid, Status::Paid).await.unwrap();
    let open = world.place(2, 1, 2).await;
    wait("the cancellation", async || {
        world.stored(&open).await == (4, 2)
    })
    .await;
    world.quiet().await;
    assert_eq!(world.stock(1).await, (4, 0, 1));
    assert_eq!(world.stored(&paid).await, (1, 2));
    let key = contract::store::redis::order(open.id);
    let cached: Option<String> = redis::cmd("GET").arg(key).query(&mut world.redis).unwrap();
    assert!(cached.unwrap().starts_with("2 2\n"));
    relay.stop().unwrap();
}
