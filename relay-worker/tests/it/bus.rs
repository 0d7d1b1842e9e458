//! A real Kafka with several relays: relays killed, the broker killed, half of a cluster killed. The order ids in MySQL
//! are compared with those in the topics.

use crate::topic::{Topic, order_ids};
use crate::world::{World, wait};
use contract::wire::message::{ORDER_CREATED, ORDER_STATUS_CHANGED, STOCK};
use domain::{Status, StockMode};
use stack::{Home, Kafka, KafkaCluster};
use std::collections::BTreeSet;

async fn orders(world: &mut World, from: u64, count: u64) {
    for user in from..from + count {
        let order = world.place(user, 1 + user % 3, 1).await;
        if user % 4 == 0 {
            world.change(order, Status::Paid).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_and_a_broker_that_die() {
    let home = Home::temporary().unwrap();
    let kafka = Kafka::start(&home, None).unwrap();
    let mut world = World::new().await;
    world.set("KAFKA_BROKERS", kafka.brokers());
    world.set("RELAY_LEASE_MS", "10000");
    for product in 1..4 {
        world.product(product, StockMode::Redis, 1_000).await;
    }
    let (one, two) = (world.relay(), world.relay());
    orders(&mut world, 0, 60).await;
    wait("the first confirmations", async || {
        world.outbox().await[2] > 10
    })
    .await;
    one.kill();
    orders(&mut world, 100, 60).await;
    world.quiet().await;
    one.start().unwrap();

    kafka.process.kill();
    orders(&mut world, 200, 20).await;
    wait("a failed send", async || {
        let mut failed = 0;
        for shard in &world.shards {
            let rows: i64 =
                sqlx::query_scalar("SELECT COUNT(*) FROM t_local_message WHERE retry_count > 0")
                    .fetch_one(shard)
                    .await
                    .unwrap();
            failed += rows;
        }
        failed > 0
    })
    .await;
    kafka.process.start().unwrap();
    world.quiet().await;
    assert_eq!(world.outbox().await[3], 0, "an outage kills no row");
    assert!(
        world
            .command("reconcile")
            .contains("all 30 invariants hold")
    );
    let late = world.command("reconcile --events-hours 1");
    assert!(late.contains("all 30 invariants hold"));
    one.stop().unwrap();
    two.stop().unwrap();
}

/// The most failed sends of any outbox row.
async fn most_failed(world: &World) -> u64 {
    let mut most = 0;
    for shard in &world.shards {
        let failed: u64 = sqlx::query_scalar(
            "SELECT CAST(COALESCE(MAX(retry_count), 0) AS UNSIGNED) FROM t_local_message",
        )
        .fetch_one(shard)
        .await
        .unwrap();
        most = most.max(failed);
    }
    most
}

/// Partitions lie on two brokers, one copy each. While one broker is away for longer than six attempts take, the
/// other's partitions work on and nothing is given up.
#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_cluster_and_all_of_it() {
    let home = Home::temporary().unwrap();
    let kafka = KafkaCluster::start(&home, 2).unwrap();
    let mut world = World::new().await;
    world.set("KAFKA_BROKERS", kafka.bootstrap());
    for product in 1..4 {
        world.product(product, StockMode::Redis, 10_000).await;
    }
    let relay = world.relay();
    orders(&mut world, 0, 50).await;
    world.quiet().await;
    let mut created = Topic::open(&world, &kafka.bootstrap(), ORDER_CREATED);

    for (broker, from) in [(1, 1_000), (0, 2_000)] {
        let half = &kafka.brokers[broker].process;
        half.kill();
        orders(&mut world, from, 200).await;
        if broker == 1 {
            wait("as many failed sends as a refused row has", async || {
                most_failed(&world).await >= 6
            })
            .await;
        } else {
            wait("a failed send", async || most_failed(&world).await > 0).await;
        }
        let [waiting, _, _, dead] = world.outbox().await;
        assert_eq!(dead, 0, "being away is no refusal");
        assert!(waiting > 0, "rows wait for the broker that is away");
        assert!(
            waiting < 250,
            "rows of the broker that is there do not: {waiting} wait"
        );
        half.start().unwrap();
        world.quiet().await;
        created.until_all(&order_ids(&world).await);
    }

    kafka
        .brokers
        .iter()
        .for_each(|broker| broker.process.kill());
    orders(&mut world, 3_000, 100).await;
    wait("a failed send", async || most_failed(&world).await > 0).await;
    for broker in &kafka.brokers {
        broker.process.start().unwrap();
    }
    world.quiet().await;
    assert_eq!(world.outbox().await[3], 0);
    let all = order_ids(&world).await;
    created.until_all(&all);
    assert_eq!(created.ids, all, "and no others");
    let mut stock = Topic::open(&world, &kafka.bootstrap(), STOCK);
    stock.until_all(&all);
    let paid: BTreeSet<String> = paid_ids(&world).await;
    Topic::open(&world, &kafka.bootstrap(), ORDER_STATUS_CHANGED).until_all(&paid);
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

async fn paid_ids(world: &World) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for shard in &world.shards {
        let some: Vec<u64> = sqlx::query_scalar("SELECT id FROM t_order WHERE status = 1")
            .fetch_all(shard)
            .await
            .unwrap();
        ids.extend(some.iter().map(ToString::to_string));
    }
    assert!(!ids.is_empty());
    ids
}
