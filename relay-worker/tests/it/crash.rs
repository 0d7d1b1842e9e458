//! `kill -9` of the relay and of its servers in the middle of work: nothing is lost, nothing is done twice.

use crate::world::{SOON, World, wait};
use domain::{Status, StockMode};
use stack::{Home, MariaDb, Redis};

/// Places and changes a few orders, so that every kind of stock move is in flight.
async fn some_work(world: &mut World, round: u64) {
    for user in 0..6 {
        let order = world.place(round * 10 + user, 1 + user % 2, 1).await;
        let end = match user {
            0 => Some(Status::Paid),
            1 => Some(Status::Cancelled),
            2 => Some(Status::Completed),
            _ => None,
        };
        if let Some(end) = end {
            // The stock check may have cancelled it first.
            world.change(order, end).await;
        }
    }
}

async fn settled_and_sound(world: &World) {
    world.quiet().await;
    let report = world.command("reconcile");
    assert!(report.contains("invariants hold"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_relay() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 1_000).await;
    world.product(2, StockMode::Redis, 30).await;
    let relay = world.relay();
    for round in 0..15 {
        some_work(&mut world, round).await;
        // At different progress each time.
        let done = (round * 7) % 20;
        wait("some progress", async || world.outbox().await[2] >= done).await;
        relay.kill();
        some_work(&mut world, 100 + round).await;
        relay.start().unwrap();
    }
    settled_and_sound(&world).await;
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers() {
    let home = Home::temporary().unwrap();
    let (mariadb, redis) = (
        MariaDb::start(&home, None).unwrap(),
        Redis::start(&home, None).unwrap(),
    );
    let mut world = World::on(&mariadb, &redis).await;
    world.product(1, StockMode::Redis, 1_000).await;
    world.product(2, StockMode::Redis, 1_000).await;
    let relay = world.relay();
    for round in 0..4 {
        some_work(&mut world, round).await;
        mariadb.process.kill();
        mariadb.process.start().unwrap();
        some_work_after_restart(&mut world, round).await;
        redis.process.kill();
        redis.process.start().unwrap();
        world.redis = ::redis::Client::open(redis.url_of(world.number as u8))
            .unwrap()
            .get_connection()
            .unwrap();
    }
    settled_and_sound(&world).await;
    assert_eq!(relay.ended(), None, "the relay outlives its servers");
    relay.stop().unwrap();
}

/// Lets the test's own pools notice that their connections are gone.
async fn some_work_after_restart(world: &mut World, round: u64) {
    let deadline = tokio::time::Instant::now() + SOON;
    for pool in world.shards.iter().chain([&world.inventory]) {
        while sqlx::query("SELECT 1").execute(pool).await.is_err() {
            assert!(tokio::time::Instant::now() < deadline);
        }
    }
    some_work(world, 50 + round).await;
}
