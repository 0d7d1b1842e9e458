//! The batch writer: what Redis accepted becomes orders, each once, whatever is killed, repeated or broken.

use crate::sales::{kill_and_start, run, text};
use crate::world::{World, now, wait};
use contract::store::redis as keys;
use domain::{Status, StockMode, UserId};
use stack::{Home, MariaDb, Redis};

const HOUR: u64 = 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn purchases_become_orders() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 50, now() + HOUR).await;
    let relay = world.relay();
    let bought: Vec<_> = (1..=80).map(|user| world.buy(sale, user, 1)).collect();
    let sold_out = bought.iter().filter(|b| **b == Err("sold_out".to_owned()));
    assert_eq!(sold_out.count(), 30);
    world.written_and_sound(1).await;
    assert_eq!(world.orders().await, (50, 50));
    assert_eq!(world.sale_stock(sale).await, (0, 50, 0));
    assert_eq!(world.stock(1).await, (50, 0, 0));
    assert!(world.failures().await.is_empty());
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_one_of_them_killed_again_and_again() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 3_000).await;
    let sale = world.sale(1, 2_000, now() + HOUR).await;
    let (first, second) = (world.relay(), world.relay());
    for round in 0..8 {
        for user in 1..=250 {
            // Units that a killed relay has committed but not settled in Redis count twice until another relay settles
            // them: for that long a sale with few units left may appear sold out.
            wait("a unit", async || {
                match world.buy(sale, round * 250 + user, 1) {
                    Ok(_) => true,
                    Err(word) => {
                        assert_eq!(word, "sold_out");
                        false
                    }
                }
            })
            .await;
        }
        kill_and_start(if round % 2 == 0 { &first } else { &second });
    }
    world.written_and_sound(1).await;
    assert_eq!(world.orders().await, (2_000, 2_000));
    assert_eq!(world.sale_stock(sale).await, (0, 2_000, 0));
    assert!(world.failures().await.is_empty());
    first.stop().unwrap();
    second.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_and_second_purchases() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 50, now() + HOUR).await;
    let order = world.buy(sale, 7, 2).unwrap();
    let mut entry = world.entry(sale, 7, order);
    entry.insert("quantity".to_owned(), text(2));
    world.intake(1, &entry);
    let relay = world.relay();
    wait("the order", async || world.orders().await == (1, 1)).await;
    world.intake(1, &entry);
    let another = world.mint(UserId::new(7));
    let second = world.entry(sale, 7, another);
    world.intake(1, &second);
    world.written_and_sound(1).await;
    assert_eq!(world.orders().await, (1, 1));
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1, "{failures:?}");
    let (source, status, _, error) = &failures[0];
    assert_eq!((source.as_str(), *status), ("intake", 3));
    assert!(
        error.contains(&format!("already bought in this flash sale: order {order}")),
        "{error}"
    );
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisoned_entry_fails_alone_and_gives_back() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 1_000).await;
    let sale = world.sale(1, 500, now() + HOUR).await;
    for user in 1..=150 {
        world.buy(sale, user, 1).unwrap();
    }
    // Accepted, but its entry cannot be stored: the name is longer than the column.
    let lost = world.buy(sale, 151, 3).unwrap();
    let stream = keys::seckill_intake(sale.product);
    let newest: Vec<(String, std::collections::HashMap<String, String>)> = redis::cmd("XREVRANGE")
        .arg(&stream)
        .arg("+")
        .arg("-")
        .arg("COUNT")
        .arg(1)
        .query(&mut world.redis)
        .unwrap();
    let (id, mut fields) = newest[0].clone();
    let _: i64 = redis::cmd("XDEL")
        .arg(&stream)
        .arg(id)
        .query(&mut world.redis)
        .unwrap();
    fields.insert("name".to_owned(), "x".repeat(300));
    world.intake(1, &fields);
    for user in 152..=300 {
        world.buy(sale, user, 1).unwrap();
    }
    let mut broken = world.entry(sale, 9, lost);
    broken.remove("kind");
    world.intake(1, &broken);
    let relay = world.relay();
    wait("two failures", async || world.failures().await.len() == 2).await;
    wait("the orders", async || world.orders().await == (299, 299)).await;
    assert!(world.failures().await.iter().all(|failure| failure.1 <= 1));

    sqlx::query("UPDATE order_failures SET retry_count = 5, status = 0, next_retry_at = 0, updated_at = updated_at + 1 WHERE status < 3")
        .execute(&world.inventory).await.unwrap();
    world.retry_now();
    wait("both given up", async || {
        world.failures().await.iter().all(|failure| failure.1 == 3)
    })
    .await;
    world.written_and_sound(1).await;
    assert_eq!(world.sale_stock(sale).await, (201, 299, 0));
    assert_eq!(world.redis_stock(1).2, 0, "nothing stays promised");

    // Fixed and retried by hand, it reserves its units again.
    sqlx::query("UPDATE order_failures SET message_data = JSON_REPLACE(CONVERT(message_data USING utf8mb4), '$.name', 'Tea'), \
                 status = 0, next_retry_at = 0, updated_at = updated_at + 1 WHERE order_id = ? AND user_id = 151")
        .bind(lost.get()).execute(&world.inventory).await.unwrap();
    world.retry_now();
    wait("the late order", async || {
        world.orders().await == (300, 300)
    })
    .await;
    world.written_and_sound(1).await;
    assert_eq!(world.sale_stock(sale).await, (198, 302, 0));
    assert_eq!(world.buy(sale, 151, 1), Err("bought".to_owned()));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unsold_comes_back_at_the_end() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    let sale = world.sale(1, 50, now() + 2_000).await;
    let order = world.buy(sale, 1, 3).unwrap();
    world.buy(sale, 2, 1).unwrap();
    wait("the units to come back", async || {
        world.stock(1).await == (96, 0, 0)
    })
    .await;
    assert_eq!(world.sale_stock(sale).await, (0, 4, 0));
    assert_eq!(world.buy(sale, 3, 1), Err("over".to_owned()));
    world.written_and_sound(1).await;
    world.cancel(order).await;
    wait("the cancelled ones too", async || {
        world.stock(1).await == (99, 0, 0)
    })
    .await;
    world.written_and_sound(1).await;
    assert_eq!(world.redis_stock(1), (99, 0, 0));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_accepted_for_later() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let mut orders = Vec::new();
    for user in 1..=20 {
        let order = world.draft(user, 1, 1);
        world.promise(&order, 40_000);
        world.accept(&order);
        orders.push(order);
    }
    let relay = world.relay();
    world.written_and_sound(1).await;
    assert_eq!(world.orders().await, (20, 20));
    for order in &orders {
        assert_eq!(world.stored(order).await, (0, 1));
        let queued: bool = redis::cmd("EXISTS")
            .arg(keys::queued(order.id))
            .query(&mut world.redis)
            .unwrap();
        assert!(!queued);
    }
    let paid = world.change(orders.remove(0), Status::Paid).await;
    assert!(paid.is_some());
    world.written_and_sound(1).await;
    assert_eq!(world.stock(1).await, (80, 19, 1));
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_killed_while_purchases_wait() {
    let home = Home::temporary().unwrap();
    let (mariadb, redis) = (
        MariaDb::start(&home, None).unwrap(),
        Redis::start(&home, None).unwrap(),
    );
    let mut world = World::on(&mariadb, &redis).await;
    world.product(1, StockMode::Redis, 1_000).await;
    let sale = world.sale(1, 900, now() + HOUR).await;
    let relay = world.relay();
    for round in 0..3 {
        for user in 1..=300 {
            assert!(world.buy(sale, round * 300 + user, 1).is_ok());
        }
        if round % 2 == 0 {
            mariadb.process.kill();
            mariadb.process.start().unwrap();
        } else {
            redis.process.kill();
            redis.process.start().unwrap();
            let client = ::redis::Client::open(redis.url_of(world.number as u8)).unwrap();
            world.redis = client.get_connection().unwrap();
        }
    }
    for pool in world.shards.iter().chain([&world.inventory]) {
        wait("the database", async || {
            sqlx::query("SELECT 1").execute(pool).await.is_ok()
        })
        .await;
    }
    world.written_and_sound(1).await;
    assert_eq!(world.orders().await, (900, 900));
    assert_eq!(world.sale_stock(sale).await, (0, 900, 0));
    assert_eq!(relay.ended(), None, "the relay outlives its servers");
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preheat_that_died_gives_back() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 50, now() + HOUR).await;
    let relay = world.relay();
    let product = domain::ProductId(1);
    // A preheat that never moved its units out of the ordinary row, and one that died before it settled.
    for number in [sale.number + 1, sale.number] {
        let _: () = redis::pipe()
            .atomic()
            .hincr(keys::stock(product), "r:0", 10)
            .hset(
                keys::reserved(product),
                format!("seckill-{number}:0"),
                format!("10:{}", now() - 70_000),
            )
            .query(&mut world.redis)
            .unwrap();
    }
    wait("both to end", async || world.redis_stock(1) == (50, 0, 0)).await;
    world.written_and_sound(1).await;
    relay.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_are_gone_are_forgotten() {
    let mut world = World::new().await;
    let stream = keys::seckill_intake(domain::ProductId(1));
    let group = |arguments: &[&str]| {
        let mut command = redis::cmd("XGROUP");
        command
            .arg(arguments[0])
            .arg(&stream)
            .arg(keys::INTAKE_GROUP)
            .arg(&arguments[1..]);
        command
    };
    let _: () = group(&["CREATE", "0", "MKSTREAM"])
        .query(&mut world.redis)
        .unwrap();
    for consumer in ["own", "gone", "busy"] {
        let _: i64 = group(&["CREATECONSUMER", consumer])
            .query(&mut world.redis)
            .unwrap();
    }
    world.intake(
        1,
        &std::collections::HashMap::from([("kind".to_owned(), "x".to_owned())]),
    );
    let _: redis::Value = redis::cmd("XREADGROUP")
        .arg("GROUP")
        .arg(keys::INTAKE_GROUP)
        .arg("busy")
        .arg("STREAMS")
        .arg(&stream)
        .arg(">")
        .query(&mut world.redis)
        .unwrap();
    let retire = keys::Script {
        name: "retire",
        text: include_str!("../../src/loops/intake/retire.lua"),
    };
    for (unseen_ms, removed) in [("60000", 0), ("-1", 1), ("-1", 0)] {
        let arguments = [keys::INTAKE_GROUP, "own", unseen_ms].map(str::to_owned);
        let count: i64 = run(
            &mut world.redis,
            &retire,
            std::slice::from_ref(&stream),
            &arguments,
        );
        assert_eq!(count, removed, "unseen for {unseen_ms} ms");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sales_long_over_are_forgotten() {
    let mut world = World::new().await;
    let forget = keys::Script {
        name: "forget",
        text: include_str!("../../src/loops/intake/forget.lua"),
    };
    let registry = [keys::SECKILL_PRODUCTS.to_owned()];
    let mut add = redis::cmd("ZADD");
    add.arg(&registry)
        .arg(&[("100", "1"), ("200", "2"), ("9000000000000", "3")]);
    let _: i64 = add.query(&mut world.redis).unwrap();
    // The second product is on sale again after its intake was found empty.
    let again = ["GT", "9000000000000", "2"];
    let _: i64 = redis::cmd("ZADD")
        .arg(&registry)
        .arg(&again)
        .query(&mut world.redis)
        .unwrap();
    let arguments = ["60000", "1", "2", "3", "4"].map(str::to_owned);
    let forgotten: i64 = run(&mut world.redis, &forget, &registry, &arguments);
    let left: Vec<u64> = redis::cmd("ZRANGE")
        .arg(&registry)
        .arg(&["0", "-1"])
        .query(&mut world.redis)
        .unwrap();
    assert_eq!((forgotten, left), (1, vec![2, 3]));
}
