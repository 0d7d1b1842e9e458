//! Failures that were given up and are retried by hand: the units they held may have been sold to others meanwhile.

use crate::sales::text;
use crate::world::{World, now, wait};
use contract::wire::event::OrderEvent;
use domain::hex::hex;
use domain::{Order, Status, StockMode};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;

const OLD_MS: u64 = 40_000;

impl World {
    /// An order of one unit of product 1, with its stock in the database.
    fn kept_in_database(&mut self, user: u64) -> Order {
        let mut order = self.draft(user, 1, 1);
        order.items[0].stock_mode = StockMode::Db;
        order
    }

    /// The reservation that the function makes, dated `age_ms` ago.
    async fn reserve(&self, order: &Order, age_ms: u64) {
        let (quantity, at) = (order.items[0].quantity, now() - age_ms);
        let taken = sqlx::query("UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, \
                     version = version + 1 WHERE product_id = 1 AND available_stock >= ?")
            .bind(quantity).bind(quantity).bind(quantity)
            .execute(&self.inventory).await.unwrap().rows_affected();
        assert_eq!(taken, 1);
        sqlx::query("INSERT INTO t_stock_log (order_id, product_id, quantity, stock_mode, state, created_at, updated_at) VALUES (?, 1, ?, 1, 1, ?, ?)")
            .bind(order.id.get()).bind(quantity).bind(at).bind(at)
            .execute(&self.inventory).await.unwrap();
    }

    /// An accepted order that was given up after its last retry.
    async fn given_up(&self, order: &Order) {
        let event = serde_json::to_string(&OrderEvent::created(order, None)).unwrap();
        // The hash that `World::insert` stores.
        let payload = hex(&[0; 16]);
        let fields = BTreeMap::from([("kind", "order"), ("event", &event), ("payload", &payload)]);
        sqlx::query("INSERT INTO order_failures (source, message_id, order_id, message_data, error_message, retry_count, status, \
                     next_retry_at, created_at, updated_at) VALUES ('intake', ?, ?, ?, 'a test', 5, 3, 0, ?, ?)")
            .bind(text(order.id)).bind(order.id.get()).bind(serde_json::to_vec(&fields).unwrap()).bind(now()).bind(now())
            .execute(&self.inventory).await.unwrap();
    }

    /// Does what the retry route does, then waits for the result.
    async fn retry(&mut self, order: &Order, end: u8) {
        sqlx::query("UPDATE order_failures SET status = 0, next_retry_at = 0, updated_at = updated_at + 1 WHERE order_id = ?")
            .bind(order.id.get()).execute(&self.inventory).await.unwrap();
        self.retry_now();
        let mut status = 0;
        wait("the retry", async || {
            status = sqlx::query_scalar("SELECT status FROM order_failures WHERE order_id = ?")
                .bind(order.id.get())
                .fetch_one(&self.inventory)
                .await
                .unwrap();
            status >= SUCCESS
        })
        .await;
        assert_eq!(status, end);
    }
}

const SUCCESS: u8 = 2;
const FAILED: u8 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn units_that_were_given_back_are_not_sold_twice() {
    let mut world = World::new().await;
    world.product(1, StockMode::Db, 1).await;
    let late = world.kept_in_database(1);
    world.reserve(&late, OLD_MS).await;
    world.given_up(&late).await;
    let relay = world.relay();
    wait("the unit to come back", async || {
        world.stock(1).await == (1, 0, 0)
    })
    .await;

    let other = world.kept_in_database(2);
    world.reserve(&other, 0).await;
    world.insert(&other).await;
    world.change(other, Status::Paid).await.unwrap();
    world.quiet().await;
    assert_eq!(world.stock(1).await, (0, 0, 1));

    world.retry(&late, FAILED).await;
    let failures = world.failures().await;
    assert!(
        failures[0].3.contains("units are not there"),
        "{failures:?}"
    );
    world.quiet().await;
    assert_eq!(world.orders().await, (1, 1));

    // With one more unit the retry makes the order; once paid, its unit is sold once.
    sqlx::query("UPDATE t_inventory SET available_stock = 1, total_stock = 1, seeded_stock = 2, version = version + 1")
        .execute(&world.inventory).await.unwrap();
    world.retry(&late, SUCCESS).await;
    assert_eq!(world.stock(1).await, (0, 1, 1));
    world.change(late, Status::Paid).await.unwrap();
    world.quiet().await;
    assert_eq!(world.stock(1).await, (0, 0, 2));
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

/// A relay that died after writing the order but before recording that, and one that died after reserving but before
/// writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_that_was_cut_short_takes_nothing_twice() {
    let mut world = World::new().await;
    world.product(1, StockMode::Db, 5).await;
    world.product(2, StockMode::Redis, 5).await;
    let written = world.place(1, 2, 2).await;
    world.given_up(&written).await;
    let reserved = world.kept_in_database(2);
    world.reserve(&reserved, 0).await;
    world.given_up(&reserved).await;
    let relay = world.relay();
    world.quiet().await;
    world.retry(&written, SUCCESS).await;
    assert_eq!(
        world.redis_stock(2),
        (3, 0, 0),
        "nothing is promised to an order that is there"
    );
    world.retry(&reserved, SUCCESS).await;
    world.quiet().await;
    assert_eq!(
        (world.stock(1).await, world.stock(2).await),
        ((4, 1, 0), (3, 2, 0))
    );
    assert_eq!(world.orders().await, (2, 2));
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

/// A failure due in an hour, and one claimed at that time, both dated before the clock was set back.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_holds_no_failure() {
    let mut world = World::new().await;
    world.product(1, StockMode::Db, 5).await;
    let moments = [
        "status = 0, next_retry_at",
        "status = 1, retry_count = 4, updated_at",
    ];
    for (user, moment) in (1..).zip(moments) {
        let order = world.kept_in_database(user);
        world.given_up(&order).await;
        let sql = format!("UPDATE order_failures SET {moment} = ? WHERE order_id = ?");
        sqlx::query(AssertSqlSafe(sql))
            .bind(now() + 3_600_000)
            .bind(order.id.get())
            .execute(&world.inventory)
            .await
            .unwrap();
    }
    let relay = world.relay();
    wait("both to be orders", async || world.orders().await == (2, 2)).await;
    world.quiet().await;
    assert_eq!(world.stock(1).await, (3, 2, 0));
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}
