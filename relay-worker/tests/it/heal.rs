//! Redis or the inventory database has lost data: the platform repairs itself, and sells nothing twice meanwhile.

use crate::sales::{kill_and_start, text};
use crate::world::{World, now, wait};
use contract::store::redis as keys;
use domain::{OrderId, ProductId, SeckillId, ShardCount, SkuId, Status, StockMode, UserId};
use relay_worker::clients::database::{Address, Databases};
use relay_worker::clients::redis::Redis;
use relay_worker::loops::sales::Sales;
use relay_worker::loops::sales::care::Care;
use std::collections::BTreeMap;

const HOUR: u64 = 3_600_000;

impl World {
    fn flush(&mut self) {
        let _: () = redis::cmd("FLUSHDB").query(&mut self.redis).unwrap();
    }

    /// The relay's part for flash sales, without the rest of it.
    fn sales(&self) -> Sales {
        let value = |name: &str| {
            let found = self.env.iter().rfind(|(other, _)| other == name);
            found.unwrap().1.clone()
        };
        let address = |url: &str| Address::parse(url).unwrap();
        let shards: Vec<Address> = value("MYSQL_URLS").split(',').map(address).collect();
        let count = ShardCount::new(shards.len()).unwrap();
        Sales {
            databases: Databases::open(&shards, &address(&value("INVENTORY_URL")), count),
            redis: Redis::open(&value("REDIS_URL")).unwrap(),
        }
    }

    /// A purchase that is already an order, with its record; its stock move is still in flight.
    async fn written(&mut self, sale: SeckillId, user: u64, quantity: u32) -> OrderId {
        let mut order = self.draft(user, sale.product.0, quantity);
        order.items[0].sku = SkuId(0).of_sale(sale.number);
        self.insert(&order).await;
        sqlx::query("INSERT INTO idempotency_records (seckill_id, user_id, product_id, order_id, created_at) VALUES (?, ?, ?, ?, 0)")
            .bind(text(sale)).bind(user).bind(sale.product.0).bind(order.id.get())
            .execute(&self.shards[self.shard_of(&order)]).await.unwrap();
        order.id
    }

    fn hash(&mut self, key: String) -> BTreeMap<String, String> {
        redis::cmd("HGETALL")
            .arg(key)
            .query(&mut self.redis)
            .unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_goes_on_after_redis_lost_everything() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 12, now() + HOUR).await;
    let relay = world.relay();
    for user in 1..=4 {
        world.buy(sale, user, 1).unwrap();
    }
    world.written_and_sound(1).await;
    relay.stop().unwrap();
    // Accepted, but in no database yet when Redis loses it.
    world.buy(sale, 5, 2).unwrap();
    world.flush();
    assert_eq!(world.buy(sale, 6, 1), Err("unloaded".to_owned()));
    relay.start().unwrap();
    wait("the sale to go on", async || world.buy(sale, 6, 1).is_ok()).await;
    assert_eq!(
        world.buy(sale, 1, 1),
        Err("bought".to_owned()),
        "no second one"
    );
    world.buy(sale, 5, 2).unwrap();
    for user in 7..=11 {
        world.buy(sale, user, 1).unwrap();
    }
    assert_eq!(world.buy(sale, 12, 1), Err("sold_out".to_owned()));
    world.written_and_sound(1).await;
    assert_eq!(world.orders().await, (11, 11));
    assert_eq!(world.sale_stock(sale).await, (0, 12, 0));
    assert!(world.failures().await.is_empty());
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_sale_is_brought_back_with_what_is_on_its_way() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 20, now() + HOUR).await;
    let (first, second) = (
        world.written(sale, 1, 2).await,
        world.written(sale, 2, 3).await,
    );
    let called_off = world.written(sale, 3, 4).await;
    world.cancel(called_off).await;
    // A failure due for a retry keeps its reservation.
    let failed = world.mint(UserId::new(4));
    let mut entry = world.entry(sale, 4, failed);
    entry.insert("quantity".to_owned(), text(5));
    sqlx::query("INSERT INTO order_failures (source, message_id, order_id, user_id, seckill_id, message_data, error_message, status, \
                 next_retry_at, created_at, updated_at) VALUES ('intake', 'x', ?, 4, ?, ?, 'a test', 0, ?, 0, 0)")
        .bind(failed.get()).bind(text(sale)).bind(serde_json::to_vec(&entry).unwrap()).bind(now() + HOUR)
        .execute(&world.inventory).await.unwrap();
    world.flush();

    let (sales, mut care) = (world.sales(), Care::default());
    sales.watch(&mut care, now()).await.unwrap();
    assert!(care.to_recall().is_empty(), "a preheat may be at it");
    wait("the time to bring it back", async || {
        !care.to_recall().is_empty()
    })
    .await;
    let lost = care.to_recall();
    sales.recall(&lost[0]).await.unwrap();

    let sku = SkuId(0).of_sale(sale.number).0;
    let buyers = [(1, first), (2, second), (3, called_off), (4, failed)];
    let buyers = buyers.map(|(user, order)| (text(user), text(order)));
    assert_eq!(
        world.hash(keys::seckill_buyers(sale)),
        BTreeMap::from(buyers)
    );
    let stock = world.hash(keys::stock(sale.product));
    assert_eq!(
        (&*stock[&format!("a:{sku}")], &*stock[&format!("r:{sku}")]),
        ("20", "10")
    );
    let promises = world.hash(keys::reserved(sale.product));
    assert_eq!(promises.len(), 3);
    assert!(promises[&format!("{failed}:{sku}")].ends_with(":q"));
    assert!(promises[&format!("{second}:{sku}")].starts_with("3:"));
    assert!(!promises[&format!("{second}:{sku}")].ends_with(":q"));
    let facts = world.hash(keys::seckill(sale));
    assert_eq!(
        (&*facts["status"], &*facts["sku"], facts.get("recall")),
        ("open", &*text(sku), None)
    );
    sales.watch(&mut care, now()).await.unwrap();
    assert!(care.to_recall().is_empty(), "found");

    // Lost again before the sale was opened: it stays closed.
    world.flush();
    sales.watch(&mut care, now()).await.unwrap();
    let _: () = redis::cmd("HSET")
        .arg(keys::seckill(sale))
        .arg(&["status", "lost"])
        .query(&mut world.redis)
        .unwrap();
    assert_eq!(world.buy(sale, 9, 1), Err("unloaded".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_went_back_is_believed() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    world.place(1, 1, 1).await;
    world.quiet().await;
    for table in ["t_inventory", "t_stock_log", "t_message_consume_log"] {
        for sql in [
            format!("CREATE TABLE copy_{table} LIKE {table}"),
            format!("INSERT INTO copy_{table} SELECT * FROM {table}"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(&world.inventory)
                .await
                .unwrap();
        }
    }
    // Orders that the copy does not know: one pending, one paid, one cancelled.
    let (stands, paid) = (world.place(4, 1, 2).await, world.place(5, 1, 3).await);
    world.change(paid, Status::Paid).await.unwrap();
    let later = world.place(2, 1, 5).await;
    world.quiet().await;
    world.change(later, Status::Cancelled).await.unwrap();
    world.quiet().await;
    assert_eq!(world.redis_stock(1), (94, 0, 0));
    // An older copy takes over, and units are added to it.
    for table in ["t_inventory", "t_stock_log", "t_message_consume_log"] {
        for sql in [
            format!("DELETE FROM {table}"),
            format!("INSERT INTO {table} SELECT * FROM copy_{table}"),
            format!("DROP TABLE copy_{table}"),
        ] {
            sqlx::query(sqlx::AssertSqlSafe(sql))
                .execute(&world.inventory)
                .await
                .unwrap();
        }
    }
    let restock = "UPDATE t_inventory SET available_stock = available_stock + 10, total_stock = total_stock + 10, \
                   seeded_stock = seeded_stock + 10, version = version + 1";
    sqlx::query(restock)
        .execute(&world.inventory)
        .await
        .unwrap();
    wait("what was lost to be made again", async || {
        world.stock(1).await == (104, 3, 3) && world.redis_stock(1) == (104, 0, 0)
    })
    .await;
    assert_eq!(world.stored(&stands).await, (0, 1));
    assert!(world.command("reconcile").contains("invariants hold"));
    // The version that Redis has seen, but with different content.
    let shown = world.hash(keys::stock(ProductId(1)));
    let version: u64 = shown["v:0"].parse().unwrap();
    sqlx::query("UPDATE t_inventory SET available_stock = 50, total_stock = 53, seeded_stock = 56, version = ?")
        .bind(version).execute(&world.inventory).await.unwrap();
    wait("Redis to follow again", async || {
        world.redis_stock(1).0 == 50
    })
    .await;
    world.place(3, 1, 2).await;
    world.quiet().await;
    assert_eq!(
        (world.stock(1).await, world.redis_stock(1)),
        ((48, 5, 3), (48, 0, 0))
    );
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_more_than_32_bits() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    sqlx::query("UPDATE t_inventory SET version = 4294967294")
        .execute(&world.inventory)
        .await
        .unwrap();
    let relay = world.relay();
    for user in 1..=3 {
        world.place(user, 1, 1).await;
        world.quiet().await;
    }
    let version: u64 = sqlx::query_scalar("SELECT version FROM t_inventory")
        .fetch_one(&world.inventory)
        .await
        .unwrap();
    assert_eq!(version, 4_294_967_297);
    assert_eq!(world.redis_stock(1), (97, 0, 0));
    assert!(world.command("reconcile").contains("invariants hold"));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_cannot_be_given_back_holds_no_other() {
    let mut world = World::new().await;
    for product in 1..=3 {
        world.product(product, StockMode::Redis, 100).await;
    }
    let ends_at = now() + 1_000;
    for product in 1..=3 {
        world.sale(product, 50, ends_at + product).await;
    }
    // The row that the units came from is gone, and one stock key in Redis is no hash.
    sqlx::query("DELETE FROM t_inventory WHERE product_id = 3 AND sku_id = 0")
        .execute(&world.inventory)
        .await
        .unwrap();
    let _: () = redis::cmd("SET")
        .arg(keys::stock(ProductId(2)))
        .arg("x")
        .query(&mut world.redis)
        .unwrap();
    let relay = world.relay();
    wait("the units of the sound one", async || {
        world.stock(1).await == (100, 0, 0)
    })
    .await;
    let _: () = redis::cmd("DEL")
        .arg(keys::stock(ProductId(2)))
        .query(&mut world.redis)
        .unwrap();
    wait("the mended one", async || {
        world.stock(2).await == (100, 0, 0)
    })
    .await;
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_taken_off_sale_stops_its_sale() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 90_000).await;
    let sale = world.sale(1, 80_000, now() + HOUR).await;
    let relay = world.relay();
    world.buy(sale, 1, 1).unwrap();
    sqlx::query("UPDATE products SET status = 0")
        .execute(&world.inventory)
        .await
        .unwrap();
    let mut user = 100;
    wait("the sale to stop", async || {
        user += 1;
        world.buy(sale, user, 1) == Err("off".to_owned())
    })
    .await;
    sqlx::query("UPDATE products SET status = 1")
        .execute(&world.inventory)
        .await
        .unwrap();
    wait("the sale to go on", async || world.buy(sale, 2, 1).is_ok()).await;
    world.written_and_sound(1).await;
    relay.stop().unwrap();
}

/// Redis loses everything again and again, while purchases are in flight and while one of two relays restores the sale.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_lost_again_and_again_under_relays_that_are_killed() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 1_000).await;
    let sale = world.sale(1, 300, now() + HOUR).await;
    let relays = [world.relay(), world.relay()];
    let mut user = 0;
    for round in 0..6 {
        let mut bought = 0;
        wait("purchases", async || {
            user += 1;
            bought += u32::from(world.buy(sale, user, 1).is_ok());
            bought == 25
        })
        .await;
        // Some purchases are written, some are not, some wait to be consumed by the stock.
        world.flush();
        kill_and_start(&relays[round % 2]);
        if round % 3 == 2 {
            // Lost again while the sale is being restored.
            wait("the sale to be brought back", async || {
                !world.hash(keys::seckill(sale)).is_empty()
            })
            .await;
            world.flush();
        }
    }
    wait("the sale to go on", async || {
        user += 1;
        world.buy(sale, user, 1).is_ok()
    })
    .await;
    let (orders, _) = world.orders().await;
    for buyer in 1..=user {
        // A buyer with an order does not get another one.
        let _ = world.buy(sale, buyer, 1);
    }
    world.written_and_sound(1).await;
    let (after, buyers) = world.orders().await;
    assert_eq!(after, buyers);
    assert!(orders <= after && after <= 300, "{orders}, then {after}");
    let (available, locked, sold) = world.sale_stock(sale).await;
    assert_eq!((u64::from(locked), sold), (after, 0));
    assert_eq!(available + locked, 300);
    assert!(world.failures().await.is_empty());
    for relay in &relays {
        relay.stop().unwrap();
    }
}

/// Redis has lost the reservations while the stock moves are still in flight: the number of unsold units is not known
/// yet.
#[tokio::test(flavor = "multi_thread")]
async fn a_sale_lost_at_its_end_keeps_what_its_orders_are_owed() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 20, now() - 1).await;
    world.written(sale, 1, 2).await;
    world.written(sale, 2, 3).await;
    world.flush();
    let (sales, mut care) = (world.sales(), Care::default());
    sales.close(&mut care, now()).await.unwrap();
    sales.give_back(&mut care, 0, now()).await.unwrap();
    assert_eq!(
        (world.stock(1).await, world.sale_stock(sale).await),
        ((80, 0, 0), (20, 0, 0))
    );
    let relay = world.relay();
    wait("what is left", async || world.stock(1).await == (95, 0, 0)).await;
    assert_eq!(world.sale_stock(sale).await, (0, 5, 0));
    world.written_and_sound(1).await;
    relay.stop().unwrap();
}
