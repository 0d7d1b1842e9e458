//! Stock that another system holds and sells over gRPC, on real servers and in both stock modes: an inventory's life,
//! beside orders, repeated, refused, and by hosts that die between the steps of a call.

use anyhow::{Context, Result, ensure};
use platform::Platform;
use platform::client::Client;
use platform::shop::{Stock, buyer, key, placed};
use platform::soon;
use proto::inventory::v1 as pb;
use serde_json::json;
use stack::steps::{Action, Protocol, Step, Steps};
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;
use tests::grpc::{Ended, call};

const WITHIN: Duration = Duration::from_secs(20);

/// The id of an order of another system, and of its message.
fn foreign() -> i64 {
    static NEXT: AtomicI64 = AtomicI64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn shown(api: &Client, product: u64) -> Result<(i32, i32)> {
    let asked = pb::GetStockRequest {
        product_id: product as i64,
        sku_id: 0,
    };
    let method = "inventory.v1.InventoryService/GetStock";
    let stock: pb::GetStockResponse = call(api.base(), method, &asked, &[])?.ok()?;
    Ok((stock.available_stock, stock.locked_stock))
}

fn hold(
    api: &Client,
    product: u64,
    quantity: i32,
    key: &str,
) -> Result<Ended<pb::PreDeductStockResponse>> {
    let asked = pb::PreDeductStockRequest {
        product_id: product as i64,
        sku_id: 0,
        quantity,
    };
    let method = "inventory.v1.InventoryService/PreDeductStock";
    call(api.base(), method, &asked, &[("idempotency-key", key)])
}

fn held(api: &Client, product: u64, quantity: i32, key: &str) -> Result<()> {
    let reply = hold(api, product, quantity, key)?.ok()?;
    ensure!(reply.success, "{}", reply.message);
    Ok(())
}

/// The message is that of the order.
fn confirm(
    api: &Client,
    order: i64,
    product: u64,
    quantity: i32,
    metadata: &[(&str, &str)],
) -> Result<Ended<pb::ConfirmDeductStockResponse>> {
    by_message(
        api,
        &format!("message-{order}"),
        order,
        product,
        quantity,
        metadata,
    )
}

fn by_message(
    api: &Client,
    message: &str,
    order: i64,
    product: u64,
    quantity: i32,
    metadata: &[(&str, &str)],
) -> Result<Ended<pb::ConfirmDeductStockResponse>> {
    let asked = pb::ConfirmDeductStockRequest {
        message_id: message.to_owned(),
        order_id: order,
        product_id: product as i64,
        sku_id: 0,
        quantity,
    };
    let method = "inventory.v1.InventoryService/ConfirmDeductStock";
    call(api.base(), method, &asked, metadata)
}

fn roll_back(
    api: &Client,
    order: i64,
    product: u64,
    quantity: i32,
) -> Result<Ended<pb::RollbackStockResponse>> {
    let asked = pb::RollbackStockRequest {
        order_id: order,
        product_id: product as i64,
        sku_id: 0,
        quantity,
    };
    let method = "inventory.v1.InventoryService/RollbackStock";
    call(api.base(), method, &asked, &[])
}

fn life(platform: &Platform, mode: &str) -> Result<()> {
    let (api, product, first) = (&platform.api, platform.product(10, mode)?, key());
    // As after a loss: the stock is loaded again.
    let mut redis = platform.redis_connection()?;
    redis::cmd("DEL")
        .arg(format!("{{p{product}}}:stock"))
        .query::<()>(&mut redis)?;
    held(api, product, 4, &first)?;
    held(api, product, 4, &first)?;
    assert_eq!(hold(api, product, 3, &first)?.refused(), (3, 20004));
    platform.expect_stock(product, Stock::of(6, 4, 0))?;
    assert_eq!(shown(api, product)?, (6, 4), "at once");
    let short = hold(api, product, 7, &key())?;
    assert_eq!(short.refused(), (0, 30001));
    assert!(!short.ok()?.success);
    let none = platform.order(buyer(), product, 7)?;
    assert_eq!((none.status, none.code()), (409, 30001), "{}", none.text);

    let (order, other) = (foreign(), foreign());
    confirm(api, order, product, 4, &[])?.ok()?;
    confirm(api, order, product, 4, &[])?.ok()?;
    platform.expect_stock(product, Stock::of(6, 0, 4))?;
    assert_eq!(shown(api, product)?, (6, 0));
    assert_eq!(confirm(api, order, product, 3, &[])?.refused(), (3, 20004));
    let once_more = by_message(api, "another", order, product, 4, &[])?;
    assert_eq!(once_more.refused(), (9, 20005), "{}", once_more.message);
    assert_eq!(confirm(api, other, product, 1, &[])?.refused(), (9, 30005));
    platform.expect_stock(product, Stock::of(6, 0, 4))?;

    assert_eq!(roll_back(api, order, product, 3)?.refused(), (3, 10001));
    roll_back(api, order, product, 4)?.ok()?;
    roll_back(api, order, product, 4)?.ok()?;
    confirm(api, order, product, 4, &[])?.ok()?;
    platform.expect_stock(product, Stock::of(10, 0, 0))?;

    let given_back = key();
    held(api, product, 3, &given_back)?;
    roll_back(api, other, product, 3)?.ok()?;
    assert_eq!(hold(api, product, 3, &given_back)?.refused(), (9, 30005));
    roll_back(api, other, product, 3)?.ok()?;
    assert_eq!(confirm(api, other, product, 3, &[])?.refused(), (9, 20005));
    platform.expect_stock(product, Stock::of(10, 0, 0))?;
    assert_eq!(shown(api, product)?, (10, 0));
    let unknown = roll_back(api, order, product + 1_000_000, 1)?;
    assert_eq!(unknown.refused(), (5, 30003), "{}", unknown.message);
    let off = json!({ "status": "off_sale" });
    let (path, json) = (
        format!("/api/v1/products/{product}"),
        [("content-type", "application/merge-patch+json")],
    );
    api.send("PATCH", &path, &json, &off.to_string())?
        .expect(200)?;
    assert_eq!(hold(api, product, 1, &key())?.refused(), (9, 40005));
    Ok(())
}

#[test]
fn of_stock_in_redis_and_in_the_database() -> Result<()> {
    let platform = tests::shared();
    life(&platform, "redis")?;
    life(&platform, "db")?;
    platform.audit()?;
    Ok(())
}

/// A hold that is named is used, and no other; without its key, the one of the same size is.
#[test]
fn of_several_holds() -> Result<()> {
    let platform = tests::shared();
    let (api, product) = (&platform.api, platform.product(20, "redis")?);
    let keys = [key(), key(), key()];
    for (key, units) in keys.iter().zip([5, 3, 4]) {
        held(api, product, units, key)?;
    }
    let open = || {
        let statement = format!(
            "SELECT open_units FROM inventory.t_stock_hold WHERE product_id = {product} ORDER BY id"
        );
        platform.sql(&statement)
    };
    let named = |at: usize| [("idempotency-key", keys[at].as_str())];
    confirm(api, foreign(), product, 2, &named(0))?.ok()?;
    assert_eq!(
        open()?.split_whitespace().collect::<Vec<_>>(),
        ["3", "3", "4"]
    );
    let over = confirm(api, foreign(), product, 4, &named(1))?;
    assert_eq!(over.refused(), (9, 30005), "{}", over.message);
    confirm(api, foreign(), product, 4, &[])?.ok()?;
    assert_eq!(
        open()?.split_whitespace().collect::<Vec<_>>(),
        ["3", "3", "0"]
    );
    confirm(api, foreign(), product, 6, &[])?.ok()?;
    platform.expect_stock(product, Stock::of(8, 0, 12))?;
    platform.audit()?;
    Ok(())
}

/// Orders of ours are paid and cancelled; their units are moved by that, and by nothing else.
#[test]
fn of_our_own_orders() -> Result<()> {
    let platform = tests::shared();
    let (api, product) = (&platform.api, platform.product(20, "redis")?);
    let (user, reader) = (buyer(), buyer());
    let paid = placed(&platform.order(user, product, 3)?)?;
    let cancelled = placed(&platform.order(reader, product, 2)?)?;
    held(api, product, 5, &key())?;
    let ids: [i64; 2] = [paid.parse()?, cancelled.parse()?];
    soon("both in the database", || {
        platform.expect_stock(product, Stock::of(10, 10, 0))
    })?;
    for (id, units) in [(ids[0], 3), (ids[1], 2)] {
        assert_eq!(confirm(api, id, product, units, &[])?.refused(), (9, 20005));
        assert_eq!(roll_back(api, id, product, units)?.refused(), (9, 20005));
    }
    platform.expect_stock(product, Stock::of(10, 10, 0))?;
    let pay = json!({ "user_id": user, "payment_id": key() });
    api.post(&format!("/v1/order/{paid}/pay"), &pay)?
        .expect(200)?;
    let cancel = json!({ "user_id": reader });
    api.post(&format!("/v1/order/{cancelled}/cancel"), &cancel)?
        .expect(200)?;
    confirm(api, ids[0], product, 3, &[])?.ok()?;
    roll_back(api, ids[1], product, 2)?.ok()?;
    assert_eq!(roll_back(api, ids[0], product, 3)?.refused(), (9, 20005));
    assert_eq!(confirm(api, ids[0], product, 5, &[])?.refused(), (9, 20005));
    soon("what the orders moved", || {
        platform.expect_stock(product, Stock::of(12, 5, 3))
    })?;
    roll_back(api, foreign(), product, 5)?.ok()?;
    platform.audit()?;
    Ok(())
}

/// Few buyers and another system at once: each unit is promised once, and each hold ends as its order does.
fn beside_orders(mode: &str) -> Result<()> {
    const HOLDERS: usize = 5;
    const HOLDS: usize = 10;
    let platform = tests::shared();
    let (api, product) = (&platform.api, platform.product(30, mode)?);
    let (ordered, sold, open) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
    let buys = || -> Result<()> {
        for _ in 0..6 {
            let reply = platform.order(buyer(), product, 1)?;
            match reply.status {
                200 => ordered.fetch_add(1, Ordering::Relaxed),
                409 => 0,
                _ => anyhow::bail!("{} {}", reply.status, reply.text),
            };
        }
        Ok(())
    };
    let holds = || -> Result<()> {
        for at in 0..HOLDS {
            let (key, order) = (key(), foreign());
            // Twice at once: both are told that it is held, or the later one to wait.
            let both = thread::scope(|scope| {
                let send = || scope.spawn(|| hold(api, product, 1, &key));
                [send(), send()].map(|sent| sent.join().expect("no panic"))
            });
            let mut made = false;
            for reply in both {
                let reply = reply?;
                ensure!(matches!(reply.status, 0 | 10), "{reply:?}");
                made |= reply.reply.is_some_and(|reply| reply.success);
            }
            if !made {
                continue;
            }
            match at % 3 {
                0 => drop(roll_back(api, order, product, 1)?.ok()?),
                1 => {
                    confirm(api, order, product, 1, &[])?.ok()?;
                    sold.fetch_add(1, Ordering::Relaxed);
                }
                _ => drop(open.fetch_add(1, Ordering::Relaxed)),
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let mut threads: Vec<_> = (0..HOLDERS).map(|_| scope.spawn(holds)).collect();
        threads.push(scope.spawn(buys));
        threads.push(scope.spawn(buys));
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    let [ordered, sold, open] = [ordered, sold, open].map(AtomicI64::into_inner);
    println!("{mode}: {ordered} ordered, {sold} sold by the other system, {open} held");
    ensure!(sold > 0 && open > 0 && ordered + sold + open <= 30);
    let left = 30 - ordered - sold - open;
    soon("all units", || {
        platform.expect_stock(product, Stock::of(left, ordered + open, sold))
    })?;
    soon("all units as they are shown", || {
        let (available, locked) = shown(api, product)?;
        let expected = (left as i32, (ordered + open) as i32);
        ensure!((available, locked) == expected, "{available}, {locked}");
        Ok(())
    })?;
    platform.audit()?;
    Ok(())
}

#[test]
fn beside_orders_of_stock_in_redis() -> Result<()> {
    beside_orders("redis")
}

#[test]
fn beside_orders_of_stock_in_the_database() -> Result<()> {
    beside_orders("db")
}

/// The last units go to one of many who hold them at once, and a line is settled once however often it is asked.
#[test]
fn the_same_call_many_times_at_once() -> Result<()> {
    const CALLS: usize = 12;
    let platform = tests::shared();
    let (api, product) = (&platform.api, platform.product(30, "redis")?);
    let together = |each: &(dyn Fn() -> Result<(i32, u32)> + Sync)| -> Result<Vec<(i32, u32)>> {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..CALLS).map(|_| scope.spawn(each)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"))
                .collect()
        })
    };
    let ends = together(&|| Ok(hold(api, product, 20, &key())?.refused()))?;
    let taken = ends.iter().filter(|end| **end == (0, 0)).count();
    let short = ends.iter().filter(|end| **end == (0, 30001)).count();
    assert_eq!((taken, short), (1, CALLS - 1), "{ends:?}");
    let order = foreign();
    let ends = together(&|| Ok(confirm(api, order, product, 20, &[])?.refused()))?;
    assert_eq!(ends, [(0, 0); CALLS]);
    platform.expect_stock(product, Stock::of(10, 0, 20))?;
    let ends = together(&|| Ok(roll_back(api, order, product, 20)?.refused()))?;
    assert_eq!(ends, [(0, 0); CALLS]);
    platform.expect_stock(product, Stock::of(30, 0, 0))?;
    // One message, many orders: one of them has it.
    let keys = [(); CALLS].map(|()| key());
    for key in &keys {
        held(api, product, 1, key)?;
    }
    let message = key();
    let ends = together(&|| Ok(by_message(api, &message, foreign(), product, 1, &[])?.refused()))?;
    let confirmed = ends.iter().filter(|end| **end == (0, 0)).count();
    let used = ends.iter().filter(|end| **end == (3, 20004)).count();
    assert_eq!((confirmed, used), (1, CALLS - 1), "{ends:?}");
    platform.expect_stock(product, Stock::of(30 - CALLS as i64, CALLS as i64 - 1, 1))?;
    platform.audit()?;
    Ok(())
}

#[test]
fn that_nobody_confirms_in_time() -> Result<()> {
    let platform = tests::shared();
    let (api, product, key) = (&platform.api, platform.product(10, "redis")?, key());
    held(api, product, 10, &key)?;
    let none = platform.order(buyer(), product, 1)?;
    assert_eq!((none.status, none.code()), (409, 30001));
    let left = platform.number(&format!(
        "SELECT CAST(expires_at AS SIGNED) - CAST(created_at AS SIGNED) FROM inventory.t_stock_hold \
         WHERE product_id = {product}"
    ))?;
    assert_eq!(left, 30 * 60_000, "unless configured otherwise");
    platform.sql(&format!(
        "UPDATE inventory.t_stock_hold SET expires_at = 1 WHERE product_id = {product}"
    ))?;
    soon("the units of the hold", || {
        platform.expect_stock(product, Stock::of(10, 0, 0))?;
        let shown = shown(api, product)?;
        ensure!(shown == (10, 0), "{shown:?}");
        Ok(())
    })?;
    let again = hold(api, product, 10, &key)?;
    assert_eq!(again.refused(), (9, 30005), "{}", again.message);
    let late = confirm(api, foreign(), product, 10, &[("idempotency-key", &key)])?;
    assert_eq!(late.refused(), (9, 30005), "{}", late.message);
    placed(&platform.order(buyer(), product, 10)?)?;
    let metrics = platform.metrics_of(&platform.relay)?;
    let counted = metrics
        .lines()
        .find_map(|line| line.strip_prefix("relay_holds_expired_total "));
    ensure!(counted.is_some_and(|count| count != "0"), "{metrics}");
    platform.audit()?;
    Ok(())
}

/// Where a host dies: the text of the step, and what happens to it.
type Place<'a> = (&'a str, Action);

/// Kills `victim` while it is at a step of `call`, which it does not answer.
fn killed(
    case: &str,
    armed: &Step,
    action: Action,
    victim: &stack::Process,
    call: impl FnOnce() -> Result<()> + Send,
) -> Result<()> {
    thread::scope(|scope| {
        let sent = scope.spawn(|| call().is_ok());
        armed.reached(WITHIN).with_context(|| case.to_owned())?;
        if action == Action::Hold {
            armed.answered(WITHIN).with_context(|| case.to_owned())?;
        }
        victim.kill();
        armed.release();
        ensure!(!sent.join().expect("no panic"), "{case}: answered");
        Ok(())
    })?;
    victim.start()
}

/// A host is killed at each step of each call; its repeat by another host does what was asked for once.
#[test]
fn by_a_host_that_dies_between_the_steps() -> Result<()> {
    const UNITS: &str = "UPDATE t_inventory SET";
    let platform = tests::shared();
    let door = |port, protocol| Steps::before(port, protocol);
    let mysql = door(platform.mariadb.port(), Protocol::MySqlWithoutBlocks)?;
    let redis = door(platform.redis.port(), Protocol::Redis)?;
    let [shards, inventory] = platform.databases_through(mysql.port());
    let own = [shards, inventory, platform.redis_through(redis.port())];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (victim, dies) = platform.host_with("victim-of-holds", &own)?;
    let digest = |script: contract::store::redis::Script| {
        sha1_smol::Sha1::from(script.text).digest().to_string()
    };
    let [take, sync] = [contract::store::redis::TAKE, contract::store::redis::SYNC].map(digest);
    let database = [
        (UNITS, Action::HoldRequest),
        ("COMMIT", Action::HoldRequest),
        ("COMMIT", Action::Hold),
        (&sync, Action::Hold),
    ];
    let arm = |(step, action): Place<'_>| match step {
        "COMMIT" => mysql.at_after(UNITS, step, action),
        UNITS => mysql.at(step, 0, action),
        script => redis.at(script, 0, action),
    };
    for mode in ["redis", "db"] {
        let product = platform.product(30, mode)?;
        let (mut open, mut sold) = (0, 0);
        let first = [(take.as_str(), Action::Hold)].into_iter();
        let first = first.filter(|_| mode == "redis");
        for (step, action) in first.chain(database) {
            let (case, key) = (format!("{mode}: hold at {step} {action:?}"), key());
            let armed = arm((step, action));
            killed(&case, &armed, action, &victim, || {
                held(&dies, product, 2, &key)
            })?;
            soon(&case, || held(&platform.api, product, 2, &key))?;
            open += 2;
            platform.expect_stock(product, Stock::of(30 - open, open, 0))?;
        }
        let mut orders = Vec::new();
        for (step, action) in database {
            let (case, order) = (format!("{mode}: confirm at {step} {action:?}"), foreign());
            let armed = arm((step, action));
            let by = |api: &Client| confirm(api, order, product, 2, &[])?.ok().map(drop);
            killed(&case, &armed, action, &victim, || by(&dies))?;
            soon(&case, || by(&platform.api))?;
            (open, sold) = (open - 2, sold + 2);
            platform.expect_stock(product, Stock::of(30 - open - sold, open, sold))?;
            orders.push(order);
        }
        for ((step, action), order) in database.into_iter().zip(orders) {
            let case = format!("{mode}: return at {step} {action:?}");
            let armed = arm((step, action));
            let by = |api: &Client| roll_back(api, order, product, 2)?.ok().map(drop);
            killed(&case, &armed, action, &victim, || by(&dies))?;
            soon(&case, || by(&platform.api))?;
            sold -= 2;
            platform.expect_stock(product, Stock::of(30 - open - sold, open, sold))?;
        }
        for (step, action) in database {
            let (case, order) = (format!("{mode}: rollback at {step} {action:?}"), foreign());
            held(&platform.api, product, 2, &key())?;
            let armed = arm((step, action));
            let by = |api: &Client| roll_back(api, order, product, 2)?.ok().map(drop);
            killed(&case, &armed, action, &victim, || by(&dies))?;
            soon(&case, || by(&platform.api))?;
            platform.expect_stock(product, Stock::of(30 - open, open, 0))?;
        }
    }
    platform.audit()?;
    Ok(())
}
