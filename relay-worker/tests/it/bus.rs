//! A real Kafka with several relays at once, one of them killed, and the broker itself.

use crate::world::{World, wait};
use domain::{Status, StockMode};
use stack::{Home, Kafka};

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
    assert!(world.command("reconcile").contains("invariants hold"));
    one.stop().unwrap();
    two.stop().unwrap();
}
