//! `reconcile` finds what is broken, says where, and ends with 1.

use crate::world::World;
use contract::redis as keys;
use domain::{ProductId, Status, StockMode};

enum Place {
    Inventory,
    Shard,
}
use Place::{Inventory, Shard};

/// Where something is broken, how, how it is mended, and the line that tells.
const BREAKS: [(Place, &str, &str, &str); 14] = [
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
];

#[tokio::test(flavor = "multi_thread")]
async fn each_break_is_found_and_named() {
    let mut world = World::new().await;
    world.product(1, StockMode::Redis, 100).await;
    let relay = world.relay();
    let order = world.place(1, 1, 5).await;
    let other = world.place(2, 1, 5).await;
    world.change(other, Status::Paid).await.unwrap();
    world.quiet().await;
    let sound = world.command("reconcile");
    assert!(sound.contains("all 19 invariants hold"), "{sound}");
    relay.stop().unwrap();

    let shard = world.shards[world.shard_of(&order)].clone();
    for (place, break_it, mend_it, line) in BREAKS {
        let database = match place {
            Inventory => &world.inventory,
            Shard => &shard,
        };
        sqlx::query(break_it).execute(database).await.unwrap();
        let (code, report) = world.try_command("reconcile --wait 0");
        assert_eq!(code, 1, "{report}");
        assert_ne!(broken(&report, line), 0, "{break_it}: {report}");
        sqlx::query(mend_it).execute(database).await.unwrap();
    }
    let intake = keys::order_intakes().next().unwrap();
    let mut entry = redis::cmd("XADD");
    entry.arg(&intake).arg("*").arg("kind").arg("order");
    let _: String = entry.query(&mut world.redis).unwrap();
    let (code, report) = world.try_command("reconcile --wait 0");
    assert_eq!(
        (code, broken(&report, "4 every intake entry")),
        (1, 1),
        "{report}"
    );
    let _: i64 = redis::cmd("DEL")
        .arg(&intake)
        .query(&mut world.redis)
        .unwrap();
    let _: i64 = redis::cmd("HINCRBY")
        .arg(keys::stock(ProductId(1)))
        .arg("r:0")
        .arg(1)
        .query(&mut world.redis)
        .unwrap();
    let (code, report) = world.try_command("reconcile --wait 0");
    assert_eq!(code, 1);
    assert!(
        report.contains("product 1 sku 0: reserved 1, intents 0"),
        "{report}"
    );
}

/// The number in the column `broken` of the line that starts so.
fn broken(report: &str, line: &str) -> u64 {
    let title = "broken";
    let header = report.lines().find(|l| l.contains(title)).unwrap();
    let end = header.find(title).unwrap() + title.len();
    let found = report.lines().find(|l| l.starts_with(line)).unwrap();
    let number = found[..end].split_whitespace().next_back();
    number.and_then(|number| number.parse().ok()).unwrap()
}
