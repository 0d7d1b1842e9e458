//! Reservations of crashed requests are found and released; those in use are left alone.

use crate::world::{World, now, wait};
use contract::store::call::Holder;
use contract::store::redis as keys;
use domain::{Order, ProductId, StockMode};

const OLD_MS: u64 = 40_000;

#[tokio::test(flavor = "multi_thread")]
async fn intents_of_requests_that_died() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    let kept = world.place(1, 1, 5).await;
    world.quiet().await;
    let orphan = world.draft(2, 1, 7);
    world.promise(&orphan, OLD_MS);
    let young = world.draft(3, 1, 2);
    world.promise(&young, 0);
    // An intent that should have been settled, and a wrong sum.
    world.promise(&kept, OLD_MS);
    let _: i64 = redis::cmd("HINCRBY")
        .arg(keys::stock(ProductId(1)))
        .arg("r:0")
        .arg(50)
        .query(&mut world.redis)
        .unwrap();
    wait("only the young intent", async || {
        world.redis_stock(1) == (95, 2, 1)
    })
    .await;
    assert_eq!(world.stock(1).await, (95, 5, 0));
    relay.stop().unwrap();
}

/// Units that a stock change takes away or a hold takes, reserved `age_ms` ago.
fn take(world: &mut World, holder: Holder, units: u32, age_ms: u64) {
    let field = format!("{holder}:0");
    let _: () = redis::pipe()
        .hincr(keys::stock(ProductId(1)), "r:0", units)
        .hset(
            keys::reserved(ProductId(1)),
            field,
            format!("{units}:{}", now() - age_ms),
        )
        .query(&mut world.redis)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_of_stock_changes_that_died() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    world.place(1, 1, 5).await;
    world.quiet().await;
    // The first died after the database had it, the second before; the third is under way.
    sqlx::query("UPDATE t_inventory SET available_stock = available_stock - 7, total_stock = total_stock - 7, \
                 seeded_stock = seeded_stock - 7, version = version + 1")
        .execute(&world.inventory).await.unwrap();
    world.change_stock(1, Some(1), -7).await;
    take(&mut world, Holder::Change(1), 7, OLD_MS);
    take(&mut world, Holder::Change(2), 11, OLD_MS);
    take(&mut world, Holder::Change(3), 2, 0);
    wait("only the young one", async || {
        world.redis_stock(1) == (88, 2, 1)
    })
    .await;
    assert_eq!(world.stock(1).await, (88, 5, 0));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_changed_behind_redis() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let entry = keys::product(ProductId(1));
    let fields = "updated_at 5 name Old image - price 1 status 1 mode 0";
    let _: () = redis::cmd("HSET")
        .arg(&entry)
        .arg(fields.split(' ').collect::<Vec<_>>())
        .query(&mut world.redis)
        .unwrap();
    let relay = world.relay();
    wait("Redis to follow", async || {
        let shown: Vec<String> = redis::cmd("HMGET")
            .arg(&entry)
            .arg(&["name", "image", "price", "mode"])
            .query(&mut world.redis)
            .unwrap();
        shown == ["Tea", "", "250", "0"]
    })
    .await;
    let left: i64 = redis::cmd("PTTL")
        .arg(&entry)
        .query(&mut world.redis)
        .unwrap();
    assert!(left > 0, "it is a cache still");
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_changed_behind_redis() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    world.place(1, 1, 1).await;
    world.quiet().await;
    sqlx::query("UPDATE t_inventory SET available_stock = available_stock + 10, total_stock = total_stock + 10, \
                 seeded_stock = seeded_stock + 10, version = version + 1")
        .execute(&world.inventory).await.unwrap();
    wait("Redis to follow", async || world.redis_stock(1).0 == 109).await;
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

/// What a request leaves behind that reserves in the database and dies.
async fn reserve(world: &World, order: &Order, at: u64) {
    let quantity = order.items[0].quantity;
    sqlx::query("UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, version = version + 1")
        .bind(quantity).bind(quantity).execute(&world.inventory).await.unwrap();
    sqlx::query("INSERT INTO t_stock_log (order_id, product_id, quantity, stock_mode, state, created_at, updated_at) VALUES (?, 1, ?, 1, 1, ?, ?)")
        .bind(order.id.get()).bind(quantity).bind(at).bind(at)
        .execute(&world.inventory).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reservations_of_a_database_whose_clock_was_set_back() {
    let mut world = World::new().await;
    world.product(1, StockMode::Db, 10).await;
    let (first, late) = (world.draft(1, 1, 3), world.draft(2, 1, 2));
    reserve(&world, &first, now() - OLD_MS).await;
    let relay = world.relay();
    wait("the rollback", async || world.stock(1).await == (10, 0, 0)).await;
    reserve(&world, &late, now() - 3_600_000).await;
    wait("the rollback of what seems older", async || {
        world.stock(1).await == (10, 0, 0)
    })
    .await;
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn reservations_in_the_database_without_an_order() {
    let mut world = World::new().await;
    world.product(1, StockMode::Db, 10).await;
    let (orphan, mut kept) = (world.draft(1, 1, 3), world.draft(2, 1, 2));
    kept.items[0].stock_mode = StockMode::Db;
    for order in [&orphan, &kept] {
        reserve(&world, order, now() - OLD_MS).await;
    }
    world.insert(&kept).await;
    let relay = world.relay();
    wait("the rollback", async || world.stock(1).await == (8, 2, 0)).await;
    world.quiet().await;
    assert_eq!(world.stock(1).await, (8, 2, 0));
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

/// A hold as a function makes it, which ends so many ms from now.
async fn hold(world: &World, key: u128, units: u32, ends_ms: i64) {
    sqlx::query("UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, version = version + 1")
        .bind(units).bind(units).execute(&world.inventory).await.unwrap();
    sqlx::query("INSERT INTO t_stock_hold (product_id, request_key, request_hash, quantity, open_units, expires_at, created_at, updated_at) \
                 VALUES (1, ?, ?, ?, ?, ?, 0, 0)")
        .bind(key.to_be_bytes().to_vec()).bind(vec![0u8; 16]).bind(units).bind(units)
        .bind(now().saturating_add_signed(ends_ms))
        .execute(&world.inventory).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn intents_of_holds_that_died() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    world.place(1, 1, 5).await;
    world.quiet().await;
    // The first died after the database had it, the second before; the third is under way.
    hold(&world, 1, 7, 600_000).await;
    take(&mut world, Holder::Hold(1), 7, OLD_MS);
    take(&mut world, Holder::Hold(2), 11, OLD_MS);
    take(&mut world, Holder::Hold(3), 2, 0);
    wait("only the young one", async || {
        world.redis_stock(1) == (88, 2, 1)
    })
    .await;
    assert_eq!(world.stock(1).await, (88, 12, 0));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_whose_time_is_over() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    world.place(1, 1, 5).await;
    world.quiet().await;
    hold(&world, 1, 7, 600_000).await;
    for key in 2..=30 {
        hold(&world, key, 2, -1_000).await;
    }
    wait("the units of all but one", async || {
        world.stock(1).await == (88, 12, 0) && world.redis_stock(1) == (88, 0, 0)
    })
    .await;
    let ended: Vec<(u32, u32, Option<u64>)> = sqlx::query_as(
        "SELECT open_units, expired_units, expires_at FROM t_stock_hold ORDER BY id",
    )
    .fetch_all(&world.inventory)
    .await
    .unwrap();
    assert_eq!((ended[0].0, ended[0].1), (7, 0), "its time is to come");
    assert!(ended[0].2.is_some());
    assert!(
        ended[1..].iter().all(|one| *one == (0, 2, None)),
        "{ended:?}"
    );
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}
