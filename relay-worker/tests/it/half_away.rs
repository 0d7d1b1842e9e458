//! A part of the platform is away, killed or stopped: the other parts work on, and nothing is lost when it comes back.

use crate::life::bootstrap;
use crate::topic::{Topic, order_ids};
use crate::world::{World, get, now, wait};
use contract::store::redis as keys;
use contract::wire::message::ORDER_CREATED;
use domain::{OrderId, ProductId, SeckillId, Status, StockMode, UserId};
use relay_worker::loops::intake::streams::Streams;
use stack::{Home, MariaDb, Process, Redis};
use std::time::Duration;

const HOUR: u64 = 3_600_000;
/// For two hundred orders: about ten times what an idle machine needs.
const GO_ON: Duration = Duration::from_secs(25);

/// New users whose orders lie in a given shard.
struct Users(u64);

impl Users {
    fn of(&mut self, shard: u16) -> u64 {
        loop {
            self.0 += 1;
            if UserId::new(self.0).gene().get() % 2 == shard {
                return self.0;
            }
        }
    }
}

/// Orders in a shard, and its unconfirmed outbox rows.
async fn progress(world: &World, shard: usize) -> (i64, i64) {
    sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM t_order), (SELECT COUNT(*) FROM t_local_message WHERE status <> 2)",
    )
    .fetch_one(&world.shards[shard])
    .await
    .unwrap()
}

async fn goes_on(world: &World, orders: i64) {
    let waiting = wait("the shard that is there", async || {
        progress(world, 0).await == (orders, 0)
    });
    tokio::time::timeout(GO_ON, waiting)
        .await
        .expect("the shard that is there waits for the one that is away");
}

/// Orders made in every way, in both shards; the number of those in the first.
async fn some_of_all(world: &mut World, users: &mut Users, sale: SeckillId, count: u64) -> i64 {
    for at in 0..count {
        for shard in [0, 1] {
            world.buy(sale, users.of(shard), 1).unwrap();
            let order = world.draft(users.of(shard), 1, 1);
            world.promise(&order, 0);
            world.accept(&order);
        }
        if at % 4 == 0 {
            let order = world.place(users.of(0), 1, 1).await;
            world.change(order, Status::Paid).await.unwrap();
        }
    }
    (2 * count + count.div_ceil(4)) as i64
}

#[derive(serde::Deserialize)]
struct Health {
    status: String,
    loops: Vec<Loop>,
}

#[derive(serde::Deserialize)]
struct Loop {
    name: String,
    failing: Option<serde_json::Value>,
}

async fn one_shard_away(away: impl Fn(&Process), back: impl Fn(&Process)) {
    let home = Home::temporary().unwrap();
    let servers = ["a", "b"].map(|name| {
        let part = Home::temporary().unwrap();
        let server = MariaDb::start(&part, None).expect(name);
        (part, server)
    });
    let redis = Redis::start(&home, None).unwrap();
    let [(_, here), (_, there)] = &servers;
    let mut world = World::spread([here, there], here, &redis).await;
    world.product(1, StockMode::Redis, 100_000).await;
    let sale = world.sale(1, 50_000, now() + HOUR).await;
    let relay = world.relay();
    let mut users = Users(1_000);
    let mut orders = some_of_all(&mut world, &mut users, sale, 10).await;
    world.written_and_sound(1).await;

    away(&there.process);
    orders += some_of_all(&mut world, &mut users, sale, 40).await;
    goes_on(&world, orders).await;
    // Work goes on for as long as the other shard is away.
    orders += some_of_all(&mut world, &mut users, sale, 40).await;
    goes_on(&world, orders).await;
    let health: Health =
        serde_json::from_str(&get(relay_port(&relay), "/health").unwrap()).unwrap();
    assert_eq!(health.status, "degraded");
    let failing = |name: &str| {
        let mut loops = health.loops.iter().filter(|one| one.name.ends_with(name));
        loops.any(|one| one.failing.is_some())
    };
    assert!(failing("order_1") && !failing("order_0"));

    back(&there.process);
    world.written_and_sound(1).await;
    let ids = order_ids(&world).await;
    assert_eq!(ids.len(), 2 * 2 * 90 + 23, "each once");
    assert!(world.failures().await.is_empty());
    let mut topic = Topic::open(&world, &bootstrap(&relay), ORDER_CREATED);
    topic.until_all(&ids);
    assert_eq!(topic.ids, ids);
    wait("a relay that is well", async || {
        get(relay_port(&relay), "/health").is_ok_and(|health| health.contains(r#""status":"ok""#))
    })
    .await;
    relay.stop().unwrap();
}

/// The relay's metrics port, from its log.
fn relay_port(relay: &Process) -> u16 {
    let log = std::fs::read_to_string(relay.log()).unwrap();
    let (_, rest) = log.split_once("metrics on http://127.0.0.1:").unwrap();
    let (port, _) = rest.split_once('/').unwrap();
    port.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shard_killed() {
    one_shard_away(Process::kill, |server| server.start().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shard_that_does_not_answer() {
    one_shard_away(Process::pause, Process::resume).await;
}

/// The stock consumer refused an order and consumed its message, but the order's shard was not updated.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_the_shard_never_heard() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 5).await;
    let (refused, kept) = (world.place(7, 1, 1).await, world.place(9, 1, 2).await);
    for order in [&refused, &kept] {
        let shard = &world.shards[world.shard_of(order)];
        sqlx::query("UPDATE t_local_message SET status = 1, updated_at = 0 WHERE tx_id = ?")
            .bind(order.id.to_string())
            .execute(shard)
            .await
            .unwrap();
        let message: String =
            sqlx::query_scalar("SELECT message_id FROM t_local_message WHERE tx_id = ?")
                .bind(order.id.to_string())
                .fetch_one(shard)
                .await
                .unwrap();
        sqlx::query("INSERT INTO t_message_consume_log (message_id, consumer_group, status, consumed_at) VALUES (?, 'inventory-service', 1, 1)")
            .bind(message).execute(&world.inventory).await.unwrap();
    }
    sqlx::query("INSERT INTO t_stock_log (order_id, product_id, sku_id, quantity, stock_mode, state, created_at, updated_at) \
                 VALUES (?, 1, 0, 1, 0, 5, 1, 1), (?, 1, 0, 2, 0, 1, 1, 1)")
        .bind(refused.id.get()).bind(kept.id.get()).execute(&world.inventory).await.unwrap();
    sqlx::query(
        "UPDATE t_inventory SET available_stock = 3, locked_stock = 2, version = version + 1",
    )
    .execute(&world.inventory)
    .await
    .unwrap();
    // An empty broker that keeps its own offsets: no event is published again.
    let home = Home::temporary().unwrap();
    let kafka = stack::Kafka::start(&home, None).unwrap();
    world.set("KAFKA_BROKERS", kafka.brokers());
    let relay = world.relay();
    wait("the cancellation", async || {
        world.stored(&refused).await == (4, 2)
    })
    .await;
    world.quiet().await;
    assert_eq!(world.stored(&kept).await, (0, 1));
    assert_eq!(world.stock(1).await, (3, 2, 0));
    relay.stop().unwrap();
}

/// One stream is deleted, another key holds no stream: other streams are read, and housekeeping works.
#[tokio::test(flavor = "multi_thread")]
async fn single_streams_that_are_gone_or_none() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 50, now() + HOUR).await;
    let relay = world.relay();
    world.buy(sale, 1, 1).unwrap();
    world.written_and_sound(1).await;
    let stream = keys::seckill_intake(ProductId(1));
    let bad = keys::order_intake(UserId::new(5).gene());
    let _: () = redis::pipe()
        .del(&stream)
        .set(&bad, "x")
        .publish(keys::INTAKE_CHANNEL, &bad)
        .query(&mut world.redis)
        .unwrap();
    for user in 2..=40 {
        world.buy(sale, user, 1).unwrap();
    }
    wait("the orders", async || world.orders().await.0 == 40).await;

    let url = |name: &str| {
        world
            .env
            .iter()
            .find(|one| one.0 == name)
            .unwrap()
            .1
            .clone()
    };
    let redis = relay_worker::clients::redis::Redis::open(&url("REDIS_URL")).unwrap();
    let mut streams = Streams::new(redis, "test".to_owned());
    let names = [stream.clone(), bad.clone()];
    streams.read(&names).await.unwrap();
    for none in [&names[1..], &[]] {
        assert_eq!(streams.read(none).await.unwrap(), (Vec::new(), Vec::new()));
        assert_eq!(streams.claim(none).await.unwrap(), []);
    }
    let _: () = redis::cmd("DEL")
        .arg(&stream)
        .query(&mut world.redis)
        .unwrap();
    streams.retire().await.expect("a stream that is gone");
    let _: () = redis::cmd("DEL").arg(&bad).query(&mut world.redis).unwrap();
    world.buy(sale, 41, 1).unwrap();
    world.written_and_sound(1).await;
    relay.stop().unwrap();
}

/// Redis loses all data while the relay runs: groups, registry and scripts are created again.
#[tokio::test(flavor = "multi_thread")]
async fn redis_forgets_everything() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let sale = world.sale(1, 50, now() + HOUR).await;
    let relay = world.relay();
    world.buy(sale, 1, 1).unwrap();
    world.place(2, 1, 1).await;
    world.written_and_sound(1).await;
    let _: () = redis::cmd("FLUSHDB").query(&mut world.redis).unwrap();
    let _: () = redis::cmd("SCRIPT")
        .arg("FLUSH")
        .query(&mut world.redis)
        .unwrap();
    let sale = world.sale(1, 20, now() + HOUR).await;
    let mut bought: Vec<OrderId> = Vec::new();
    for user in 10..=25 {
        bought.push(world.buy(sale, user, 1).unwrap());
        let order = world.draft(user, 1, 1);
        world.promise(&order, 0);
        world.accept(&order);
    }
    wait("the orders", async || world.orders().await.0 == 34).await;
    world.written_and_sound(1).await;
    let ids = order_ids(&world).await;
    assert!(bought.iter().all(|id| ids.contains(&id.to_string())));
    Topic::open(&world, &bootstrap(&relay), ORDER_CREATED).until_all(&ids);
    relay.stop().unwrap();
}

/// Events that the broker refuses are given up, are listed, and are published on request.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_listed_and_sent_again() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let (lost, other) = (world.place(7, 1, 1).await, world.place(8, 1, 1).await);
    for order in [&lost, &other] {
        sqlx::query("UPDATE t_local_message SET status = 3, retry_count = 6, refused_count = 6, error_msg = 'too large' WHERE tx_id = ?")
            .bind(order.id.to_string())
            .execute(&world.shards[world.shard_of(order)])
            .await
            .unwrap();
    }
    let listed = world.command("outbox list");
    assert!(listed.contains(&lost.id.to_string()), "{listed}");
    assert!(
        listed.contains("too large") && listed.ends_with("2 rows\n"),
        "{listed}"
    );
    assert_ne!(world.try_command("outbox resend").0, 0, "all, or which");
    assert_ne!(world.try_command("outbox resend 77").0, 0);
    let relay = world.relay();
    let sent = world.command(&format!("outbox resend {}", lost.id));
    assert_eq!(sent, "1 rows will be published again\n");
    world.quiet().await;
    assert_eq!(world.outbox().await, [0, 0, 1, 1]);
    assert_eq!(
        world.command("outbox resend --all"),
        "1 rows will be published again\n"
    );
    world.quiet().await;
    let ids = order_ids(&world).await;
    Topic::open(&world, &bootstrap(&relay), ORDER_CREATED).until_all(&ids);
    assert_eq!(world.stock(1).await, (98, 2, 0));
    relay.stop().unwrap();
}

/// Another session locks the stock of one product: stock moves of other products are consumed.
#[tokio::test(flavor = "multi_thread")]
async fn a_product_that_is_held() {
    let mut world = World::new().await;
    for product in 1..=4 {
        world.product(product, StockMode::Redis, 10).await;
    }
    let mut tx = world.inventory.begin().await.unwrap();
    // Of so few rows the server may read all, and then it locks all.
    let hold = "SELECT id FROM t_inventory FORCE INDEX (uk_product_sku) WHERE product_id IN (1, 3) FOR UPDATE";
    sqlx::query(hold).execute(&mut *tx).await.unwrap();
    // The locked product's move is alone in its batch, which waits.
    world.place(1, 1, 1).await;
    let relay = world.relay();
    let held = "\"name\":\"stock that somebody holds\"";
    wait("the relay meets the lock", async || {
        get(relay_port(&relay), "/health").is_ok_and(|health| health.contains(held))
    })
    .await;
    for user in 2..=5 {
        world.place(user, 1, 1).await;
        world.place(user, 2, 1).await;
    }
    wait("the other product's stock", async || {
        world.stock(2).await == (6, 4, 0)
    })
    .await;
    relay.stop().unwrap();
    // Moves of another locked product share a batch with those of a product that is not locked.
    for user in 1..=5 {
        world.place(user, 3, 1).await;
        world.place(user, 4, 1).await;
    }
    let relay = world.relay();
    let mut health = String::new();
    wait("the relay meets the lock", async || {
        health = get(relay_port(&relay), "/health").unwrap_or_default();
        health.contains("holds one of")
    })
    .await;
    assert!(!health.contains("ProductId(4)"), "{health}");
    wait("the stock that is free", async || {
        world.stock(4).await == (5, 5, 0)
    })
    .await;
    for product in [1, 3] {
        let stock = world.stock(product).await;
        assert_eq!(stock, (10, 0, 0), "held all the while");
    }
    tx.rollback().await.unwrap();
    world.quiet().await;
    for product in [1, 3] {
        assert_eq!(world.stock(product).await, (5, 5, 0));
    }
    relay.stop().unwrap();
}
