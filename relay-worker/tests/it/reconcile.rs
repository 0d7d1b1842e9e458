//! `reconcile` finds what is broken, reports where, and exits with 1: on a platform at rest and on one under load.

use crate::world::{SOON, World, run};
use contract::store::redis as keys;
use domain::hex::hex;
use domain::{Order, ProductId, SeckillId, Status, StockMode, UserId};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

enum Place {
    Inventory,
    Shard,
}
use Place::{Inventory, Shard};

/// The database, the statement that breaks something, the one that repairs it, and the report line for it. Breaks that
/// a unique key forbids are made in tables without that key.
const BREAKS: [(Place, &str, &str, &str); 25] = [
    (
        Inventory,
        "UPDATE t_inventory SET sold_stock = sold_stock + 1",
        "UPDATE t_inventory SET sold_stock = sold_stock - 1",
        "1 seeded = available",
    ),
    (
        Inventory,
        "UPDATE t_stock_log SET state = 3 WHERE state = 2",
        "UPDATE t_stock_log SET state = 2 WHERE state = 3",
        "1 locked and sold",
    ),
    (
        Inventory,
        "UPDATE t_inventory SET version = version + 1",
        "UPDATE t_inventory SET version = version - 1",
        "1 Redis shows",
    ),
    (
        Inventory,
        "UPDATE t_stock_change SET units = units + 1",
        "UPDATE t_stock_change SET units = units - 1",
        "1 seeded is the sum",
    ),
    (
        Shard,
        "UPDATE t_order SET version = version + 1",
        "UPDATE t_order SET version = version - 1",
        "2 every version",
    ),
    (
        Shard,
        "UPDATE t_order_item SET quantity = quantity + 1",
        "UPDATE t_order_item SET quantity = quantity - 1",
        "2 every order has its items",
    ),
    (
        Shard,
        "UPDATE t_local_message SET status = 0, lease_until = 9e15 WHERE status = 2",
        "UPDATE t_local_message SET status = 2 WHERE status = 0",
        "4 every outbox row",
    ),
    (
        Shard,
        "UPDATE t_local_message SET status = 3 WHERE status = 2",
        "UPDATE t_local_message SET status = 2 WHERE status = 3",
        "4 no event was given up",
    ),
    (
        Shard,
        "INSERT INTO t_order_item (order_id, product_id, product_name, price, quantity, subtotal, created_at) \
             VALUES (77, 1, 'Tea', 1, 1, 1, 0)",
        "DELETE FROM t_order_item WHERE order_id = 77",
        "2 no item without its order",
    ),
    (
        Inventory,
        "INSERT INTO t_stock_log (order_id, product_id, sku_id, quantity, state, created_at, updated_at) \
             SELECT order_id, 99, 0, 1, 5, 0, 0 FROM t_stock_log",
        "DELETE FROM t_stock_log WHERE product_id = 99",
        "1 the stock log agrees",
    ),
    (
        Inventory,
        "UPDATE t_stock_log SET state = 3 WHERE state = 1",
        "UPDATE t_stock_log SET state = 1 WHERE state = 3",
        "1 the stock log agrees",
    ),
    (
        Shard,
        "UPDATE t_local_message SET tx_id = '77'",
        "UPDATE t_local_message SET tx_id = JSON_UNQUOTE(JSON_EXTRACT(payload, '$.order.id'))",
        "2 every outbox row",
    ),
    (
        Shard,
        "INSERT INTO idempotency_records (user_id, product_id, order_id, created_at) VALUES (1, 1, 77, 0)",
        "DELETE FROM idempotency_records",
        "3 one order per flash sale",
    ),
    (
        Inventory,
        "INSERT INTO seckill_activity (product_id, name, price, stock, starts_at, ends_at, status, created_at, updated_at) \
             VALUES (1, 'Tea', 1, 5, 0, 9e15, 1, 0, 0)",
        "DELETE FROM seckill_activity",
        "1 an open flash sale's units",
    ),
    (
        Inventory,
        "INSERT INTO order_failures (source, message_id, message_data, error_message, next_retry_at, created_at, updated_at) \
             VALUES ('kafka', 'x', '', '', 0, 0, 0)",
        "DELETE FROM order_failures",
        "4 every failure",
    ),
    (
        Shard,
        "ALTER TABLE t_order DROP KEY uk_user_idempotency; \
             INSERT INTO t_order (id, user_id, order_no, total_amount, actual_amount, idempotency_key, created_at, updated_at) \
             VALUES (77, 1, 'a', 1, 1, REPEAT('k', 16), 0, 0), (78, 1, 'b', 1, 1, REPEAT('k', 16), 0, 0)",
        "DELETE FROM t_order WHERE id IN (77, 78)",
        "3 one order per idempotency key",
    ),
    (
        Inventory,
        "ALTER TABLE t_message_consume_log DROP KEY uk_message_consumer; \
             INSERT INTO t_message_consume_log (message_id, consumer_group, consumed_at) \
             SELECT message_id, consumer_group, 0 FROM t_message_consume_log",
        "DELETE FROM t_message_consume_log WHERE consumed_at = 0",
        "3 one effect per message",
    ),
    (
        Inventory,
        "INSERT INTO t_stock_log (order_id, product_id, quantity, state, created_at, updated_at) VALUES (77, 1, 1, 1, 0, 0)",
        "DELETE FROM t_stock_log WHERE order_id = 77",
        "6 no reservation outlives",
    ),
    (
        Inventory,
        "UPDATE t_stock_hold SET open_units = open_units + 1 WHERE open_units > 0",
        "UPDATE t_stock_hold SET open_units = open_units - 1 WHERE open_units > 0",
        "1 locked and sold",
    ),
    (
        Inventory,
        "UPDATE t_external_line SET state = 3 WHERE state = 1",
        "UPDATE t_external_line SET state = 1 WHERE state = 3",
        "1 locked and sold",
    ),
    (
        Inventory,
        "UPDATE t_stock_hold SET expired_units = expired_units + 1",
        "UPDATE t_stock_hold SET expired_units = expired_units - 1",
        "1 a hold's units",
    ),
    (
        Inventory,
        "UPDATE t_stock_hold SET expires_at = 9e15 WHERE open_units = 0",
        "UPDATE t_stock_hold SET expires_at = NULL WHERE open_units = 0",
        "1 a hold's units",
    ),
    (
        Inventory,
        "UPDATE t_external_line SET quantity = quantity + 1 WHERE state = 2",
        "UPDATE t_external_line SET quantity = quantity - 1 WHERE state = 2",
        "1 the lines of other",
    ),
    (
        Inventory,
        "UPDATE t_external_line SET quantity = quantity + 1 WHERE state = 1",
        "UPDATE t_external_line SET quantity = quantity - 1 WHERE state = 1",
        "1 the lines of other",
    ),
    (
        Inventory,
        "UPDATE t_stock_hold SET expires_at = 0 WHERE open_units > 0",
        "UPDATE t_stock_hold SET expires_at = 9e15 WHERE open_units > 0",
        "6 no hold outlives",
    ),
];

pub const AT_ONCE: &str = "reconcile --settle-seconds 0";

/// Five units that another system holds, three that it has sold, and two that it has rolled back.
async fn holds(world: &World) {
    for statement in [
        "UPDATE t_inventory SET available_stock = available_stock - 8, locked_stock = locked_stock + 5, \
         sold_stock = sold_stock + 3, total_stock = total_stock - 3, version = version + 1",
        "INSERT INTO t_stock_hold (product_id, request_key, request_hash, quantity, open_units, confirmed_units, \
         returned_units, expires_at, created_at, updated_at) \
         VALUES (1, REPEAT('k', 16), '', 5, 5, 0, 0, 9e15, 0, 0), (1, REPEAT('l', 16), '', 5, 0, 3, 2, NULL, 0, 0)",
        "INSERT INTO t_external_line (order_id, product_id, quantity, state, message_id, created_at, updated_at) \
         VALUES (1, 1, 3, 1, 'm', 0, 0), (2, 1, 2, 2, NULL, 0, 0)",
    ] {
        sqlx::query(statement)
            .execute(&world.inventory)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_break_is_found_and_named() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    world.change_stock(1, None, 100).await;
    let relay = world.relay();
    let order = world.place(1, 1, 5).await;
    let other = world.place(2, 1, 5).await;
    world.change(other, Status::Paid).await.unwrap();
    world.quiet().await;
    holds(&world).await;
    let sound = world.command("reconcile");
    assert!(sound.contains("all 28 invariants hold"), "{sound}");
    relay.stop().unwrap();

    let shard = world.shards[world.shard_of(&order)].clone();
    for (place, break_it, mend_it, line) in BREAKS {
        let database = match place {
            Inventory => &world.inventory,
            Shard => &shard,
        };
        for statement in break_it.split(';') {
            sqlx::query(statement).execute(database).await.unwrap();
        }
        let (code, report) = world.try_command(AT_ONCE);
        assert_eq!(code, 1, "{report}");
        assert_ne!(broken(&report, line), 0, "{break_it}: {report}");
        sqlx::query(mend_it).execute(database).await.unwrap();
    }
    in_redis(&mut world, order).await;
}

/// Wrong data in Redis: the command that creates it, the key to delete afterwards, the report line.
async fn in_redis(world: &mut World, order: Order) {
    sqlx::query(
        "INSERT INTO seckill_activity (id, product_id, name, price, stock, starts_at, ends_at, status, created_at, updated_at) \
         VALUES (1, 1, 'Tea', 1, 5, 0, 9e15, 2, 0, 0)",
    )
    .execute(&world.inventory)
    .await
    .unwrap();
    let nowhere = world.draft(3, 1, 1);
    let intake = keys::order_intakes().next().unwrap();
    let buyers = keys::seckill_buyers(SeckillId::parse("1-1").unwrap());
    let admission = keys::idempotency(UserId::new(3), &hex(&[7; 16]));
    let body = format!("{{\"id\":\"{}\",\"status\":\"queued\"}}", nowhere.id);
    let (cached, queued) = (keys::order(order.id), keys::queued(nowhere.id));
    let ahead = format!("2 1\n{{\"id\":\"{}\",\"status\":\"paid\"}}", order.id);
    let same = format!("1 1\n{{\"id\":\"{}\",\"status\":\"pending\"}}", order.id);
    let (absent, id) = ("0 0\n".to_owned(), nowhere.id.to_string());
    let cache = "1 no cached order";
    let entry = keys::product(ProductId(1));
    let old = "updated_at 1 name Tea image - price 250 status 1 mode 0";
    let old: Vec<&str> = ["HSET", &entry].into_iter().chain(old.split(' ')).collect();
    for (command, key, line) in [
        (
            vec!["XADD", &intake, "*", "kind", "order"],
            &intake,
            "4 every intake entry",
        ),
        (vec!["SET", &queued, "{}"], &queued, "4 every queued order"),
        (old, &entry, "1 Redis' catalogue is"),
        (
            vec![
                "HSET",
                &admission,
                "state",
                "completed",
                "status",
                "202",
                "body",
                &body,
            ],
            &admission,
            "3 every completed key",
        ),
        (vec!["HSET", &buyers, "3", &id], &buyers, "3 every buyer of"),
        (vec!["SET", &cached, &ahead, "PX", "60000"], &cached, cache),
        (vec!["SET", &cached, &same], &cached, cache),
        (vec!["SET", &cached, &same, "PX", "600000"], &cached, cache),
        (vec!["SET", &cached, &absent, "PX", "5000"], &cached, cache),
    ] {
        let [name, arguments @ ..] = command.as_slice() else {
            panic!("no command");
        };
        let _: redis::Value = redis::cmd(name)
            .arg(arguments)
            .query(&mut world.redis)
            .unwrap();
        let (code, report) = world.try_command(AT_ONCE);
        assert_eq!(
            (code, lines_broken(&report)),
            (1, vec![line.to_owned()]),
            "{command:?}: {report}"
        );
        let _: i64 = redis::cmd("DEL").arg(key).query(&mut world.redis).unwrap();
    }
    let sound = redis::cmd("SET")
        .arg(&cached)
        .arg(&same)
        .arg(&["PX", "60000"])
        .to_owned();
    let _: () = sound.query(&mut world.redis).unwrap();
    assert!(world.command(AT_ONCE).contains("all 28 invariants hold"));
    world.promise(&nowhere, 60_000);
    let (_, report) = world.try_command(AT_ONCE);
    assert_eq!(lines_broken(&report), ["6 no intent outlives"], "{report}");
    let _: i64 = redis::cmd("DEL")
        .arg(keys::reserved(ProductId(1)))
        .query(&mut world.redis)
        .unwrap();
    let (code, report) = world.try_command(AT_ONCE);
    assert_eq!(code, 1);
    assert!(
        report.contains("product 1 sku 0: reserved 1, intents 0"),
        "{report}"
    );
}

/// The first four words of every line with a broken invariant.
pub fn lines_broken(report: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in report.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !line.contains(" invariants ") && broken(report, line) > 0 {
            lines.push(words[..4].join(" "));
        }
    }
    lines
}

/// The number in the column `broken` of the line that begins with `line`.
pub fn broken(report: &str, line: &str) -> u64 {
    let title = "broken";
    let header = report.lines().find(|l| l.contains(title)).unwrap();
    let end = header.find(title).unwrap() + title.len();
    let found = report.lines().find(|l| l.starts_with(line)).unwrap();
    let number = found[..end].split_whitespace().next_back();
    number.and_then(|number| number.parse().ok()).unwrap()
}

/// Places, pays and cancels orders until `over` is set.
async fn never_rests(world: &mut World, over: &AtomicBool) -> u64 {
    let mut user = 1_000;
    while !over.load(Ordering::Relaxed) {
        let order = world.place(user, 1, 1).await;
        match user % 3 {
            0 => drop(world.change(order, Status::Paid).await.unwrap()),
            1 => drop(world.change(order, Status::Cancelled).await.unwrap()),
            _ => {}
        }
        user += 1;
    }
    user - 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_on_a_platform_that_never_rests() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 1_000_000).await;
    let relay = world.relay();
    let old = world.place(1, 1, 5).await;
    world.change(old.clone(), Status::Paid).await.unwrap();
    world.quiet().await;
    let (env, inventory) = (world.env.clone(), world.inventory.clone());
    let shard = world.shards[world.shard_of(&old)].clone();
    let over = AtomicBool::new(false);
    let judged = async {
        let reconcile = async |arguments: &'static str| {
            let env = env.clone();
            let command = tokio::task::spawn_blocking(move || run(&env, arguments));
            command.await.unwrap()
        };
        let began = Instant::now();
        let sound = reconcile("reconcile").await;
        let took = began.elapsed();
        // One break of the busy product, and one of an order that does not change.
        sqlx::query("UPDATE t_inventory SET sold_stock = sold_stock + 1 WHERE product_id = 1")
            .execute(&inventory)
            .await
            .unwrap();
        sqlx::query("DELETE FROM t_local_message WHERE tx_id = ? LIMIT 1")
            .bind(old.id.to_string())
            .execute(&shard)
            .await
            .unwrap();
        let broken = reconcile("reconcile --settle-seconds 20").await;
        over.store(true, Ordering::Relaxed);
        (sound, took, broken)
    };
    let (placed, ((code, sound), took, (_, report))) =
        tokio::join!(never_rests(&mut world, &over), judged);
    assert!(placed > 100, "{placed} orders");
    assert!(code == 0 && took < SOON, "after {took:?}: {sound}");
    let names = [
        "1 seeded = available",
        "1 locked and sold",
        "2 every version of",
    ];
    assert_eq!(lines_broken(&report), names, "{report}");
    assert!(
        report.contains(&format!("order {} at version 2: 1 rows", old.id)),
        "{report}"
    );
    relay.stop().unwrap();
}
