//! Restocks and corrections on real servers, in both stock modes: beside orders, repeated, refused, and by hosts that
//! die between the two steps of a change.

use anyhow::{Context, Result, ensure};
use platform::client::{Client, Reply};
use platform::shop::{Stock, buyer, key, placed, product_id};
use platform::{Options, Platform, soon};
use serde_json::{Value, json};
use stack::steps::{Action, Protocol, Steps};
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

fn change(api: &Client, product: u64, key: &str, units: i64) -> Result<Reply> {
    let body = json!({ "change": units, "reason": "a test" });
    api.post_once(&format!("/api/v1/products/{product}/stock"), key, &body)
}

/// Units on offer, as a host shows them.
fn on_offer(api: &Client, product: u64) -> Result<Value> {
    let reply = api.get(&format!("/api/v1/products/{product}"))?;
    Ok(reply.expect(200)?.body["stock"].clone())
}

fn kept(mode: &str) -> Result<()> {
    let platform = tests::shared();
    let (api, product) = (&platform.api, platform.product(10, mode)?);
    let (restock, correction) = (key(), key());
    let first = change(api, product, &restock, 5)?.expect(200)?;
    assert_eq!(first.body["available_stock"], 15, "{}", first.text);
    assert_eq!(on_offer(api, product)?, 15, "at once");
    let again = change(api, product, &restock, 5)?.expect(200)?;
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let reused = change(api, product, &restock, 6)?;
    assert_eq!((reused.status, reused.code()), (422, 20004));
    change(api, product, &correction, -3)?.expect(200)?;
    assert_eq!(on_offer(api, product)?, 12);
    let short = change(api, product, &key(), -13)?;
    assert_eq!((short.status, short.code()), (409, 30001), "{}", short.text);
    let huge = change(api, product, &key(), 2_147_483_647)?;
    assert_eq!((huge.status, huge.code()), (400, 10001), "{}", huge.text);
    platform.expect_stock(product, Stock::of(12, 0, 0))?;

    let path = format!("/api/v1/products/{product}/stock/changes");
    let list = api.get(&path)?.expect(200)?;
    let changes = list.body["changes"].as_array().context("changes")?;
    let shown: Vec<[&Value; 2]> = changes
        .iter()
        .map(|one| [&one["change"], &one["available_stock"]])
        .collect();
    let expected = [[-3, 12], [5, 15], [10, 10]].map(|pair| pair.map(Value::from));
    assert_eq!(
        shown,
        expected.each_ref().map(|[a, b]| [a, b]),
        "{}",
        list.text
    );
    assert_eq!(list.body["total"], 3);
    let second = api
        .get(&format!("{path}?page=2&page_size=1"))?
        .expect(200)?;
    assert_eq!(second.body["changes"][0]["change"], 5);
    Ok(())
}

#[test]
fn of_stock_in_redis_and_in_the_database() -> Result<()> {
    kept("redis")?;
    kept("db")
}

#[test]
fn a_variant_more() -> Result<()> {
    let platform = tests::shared();
    let body = json!({
        "id": product_id(), "name": "sizes", "price": 1, "skus": [{ "sku_id": 1, "stock": 2 }],
    });
    let made = platform.api.post("/api/v1/products", &body)?.expect(201)?;
    let path = format!("/api/v1/products/{}", made.text_at("/id"));
    let add = |create: bool| {
        let body = json!({ "sku_id": "2", "change": 7, "reason": "a size", "create": create });
        platform
            .api
            .post_once(&format!("{path}/stock"), &key(), &body)
    };
    let unknown = add(false)?;
    assert_eq!((unknown.status, unknown.code()), (404, 30003));
    add(true)?.expect(200)?;
    add(true)?.expect(200)?;
    let shown = platform.api.get(&path)?.expect(200)?;
    let skus = json!([{ "sku_id": "1", "stock": 2 }, { "sku_id": "2", "stock": 14 }]);
    assert_eq!(shown.body["skus"], skus, "{}", shown.text);
    let order = json!({
        "user_id": buyer(),
        "items": [{ "product_id": made.text_at("/id"), "sku_id": 2, "quantity": 14 }],
    });
    let order = platform.api.post_once("/v1/order/create", &key(), &order)?;
    placed(&order)?;
    platform.audit()?;
    Ok(())
}

/// Buyers and the back office at once: every unit is sold once, or is there.
fn beside_orders(mode: &str) -> Result<()> {
    const BUYERS: usize = 3;
    const ORDERS: usize = 25;
    const CHANGES: i64 = 20;
    let platform = tests::shared();
    let product = platform.product(30, mode)?;
    let (sold, added) = (AtomicI64::new(0), AtomicI64::new(0));
    let buys = || -> Result<()> {
        for _ in 0..ORDERS {
            let reply = platform.order(buyer(), product, 1)?;
            match reply.status {
                200 => sold.fetch_add(1, Ordering::Relaxed),
                409 => 0,
                _ => anyhow::bail!("{} {}", reply.status, reply.text),
            };
        }
        Ok(())
    };
    let changes = || -> Result<()> {
        for at in 0..CHANGES {
            let (units, key) = ([4, -3][at as usize % 2], key());
            // Twice at once: one of them makes it, the other gets its result or must wait.
            let both = thread::scope(|scope| {
                let send = || scope.spawn(|| change(&platform.api, product, &key, units));
                [send(), send()].map(|sent| sent.join().expect("no panic"))
            });
            let mut made = false;
            for reply in both {
                let reply = reply?;
                made |= reply.status == 200;
                ensure!(
                    matches!(reply.status, 200 | 409),
                    "{} {}",
                    reply.status,
                    reply.text
                );
            }
            if made {
                added.fetch_add(units, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let mut threads: Vec<_> = (0..BUYERS).map(|_| scope.spawn(buys)).collect();
        threads.push(scope.spawn(changes));
        threads.push(scope.spawn(changes));
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    let (sold, added) = (sold.into_inner(), added.into_inner());
    soon("all units", || {
        platform.expect_stock(product, Stock::of(30 + added - sold, sold, 0))
    })?;
    soon("all units on offer", || {
        let shown = on_offer(&platform.api, product)?;
        ensure!(shown == 30 + added - sold, "{shown}");
        Ok(())
    })?;
    println!("{mode}: {sold} sold, {added} added");
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

/// What an order has reserved in Redis is not taken, though the database does not know of it yet.
#[test]
fn what_only_redis_knows_to_be_reserved() -> Result<()> {
    let platform = Platform::start(Options::default())?;
    let product = platform.product(10, "redis")?;
    platform.relay.stop()?;
    placed(&platform.order(buyer(), product, 4)?)?;
    platform.expect_stock(product, Stock::of(10, 0, 0))?;
    let short = change(&platform.api, product, &key(), -7)?;
    assert_eq!((short.status, short.code()), (409, 30001), "{}", short.text);
    let taken = change(&platform.api, product, &key(), -6)?.expect(200)?;
    assert_eq!(taken.body["available_stock"], 4, "those of the order");
    let none = platform.order(buyer(), product, 1)?;
    assert_eq!((none.status, none.code()), (409, 30001));
    platform.relay.start()?;
    soon("the order's units", || {
        platform.expect_stock(product, Stock::of(0, 4, 0))
    })?;
    platform.reconcile()?;
    // Redis loses everything: it is loaded again, and nothing is taken twice.
    redis::cmd("FLUSHALL").query::<()>(&mut platform.redis_connection()?)?;
    let short = change(&platform.api, product, &key(), -1)?;
    assert_eq!((short.status, short.code()), (409, 30001));
    change(&platform.api, product, &key(), 3)?.expect(200)?;
    placed(&platform.order(buyer(), product, 3)?)?;
    soon("the second order's units", || {
        platform.expect_stock(product, Stock::of(0, 7, 0))
    })?;
    platform.reconcile()?;
    Ok(())
}

/// A host is killed at each step of a change; its repeat by another host makes the change once.
#[test]
fn by_a_host_that_dies_between_the_steps() -> Result<()> {
    const UPDATE: &str = "UPDATE t_inventory SET available_stock";
    let platform = tests::shared();
    let door = |port, protocol| Steps::before(port, protocol);
    let mysql = door(platform.mariadb.port(), Protocol::MySqlWithoutBlocks)?;
    let redis = door(platform.redis.port(), Protocol::Redis)?;
    let [shards, inventory] = platform.databases_through(mysql.port());
    let own = [shards, inventory, platform.redis_through(redis.port())];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (victim, api) = platform.host_with("victim-of-changes", &own)?;
    let digest = |script: contract::store::redis::Script| {
        sha1_smol::Sha1::from(script.text).digest().to_string()
    };
    let (take, sync) = (
        digest(contract::store::redis::TAKE),
        digest(contract::store::redis::SYNC),
    );
    for mode in ["redis", "db"] {
        let product = platform.product(10, mode)?;
        let mut available = 10;
        for (units, step, action) in [
            (-2, &*take, Action::Hold),
            (-2, UPDATE, Action::HoldRequest),
            (-2, "COMMIT", Action::HoldRequest),
            (-2, "COMMIT", Action::Hold),
            (-2, &*sync, Action::HoldRequest),
            (3, UPDATE, Action::Hold),
            (3, "COMMIT", Action::Hold),
            (3, &*sync, Action::Hold),
        ] {
            if mode == "db" && step == take {
                continue;
            }
            let (case, key) = (format!("{mode} {units} {step} {action:?}"), key());
            let armed = match step {
                "COMMIT" => mysql.at_after(UPDATE, step, action),
                UPDATE => mysql.at(step, 0, action),
                script => redis.at(script, 0, action),
            };
            thread::scope(|scope| {
                let sent = scope.spawn(|| change(&api, product, &key, units).is_ok());
                armed.reached(WITHIN).with_context(|| case.clone())?;
                if action == Action::Hold {
                    armed.answered(WITHIN).with_context(|| case.clone())?;
                }
                victim.kill();
                armed.release();
                ensure!(!sent.join().expect("no panic"), "{case}: answered");
                anyhow::Ok(())
            })?;
            victim.start()?;
            available += units;
            soon(&case, || {
                let reply = change(&platform.api, product, &key, units)?;
                reply.expect(200).map(drop)
            })?;
            platform
                .expect_stock(product, Stock::of(available, 0, 0))
                .with_context(|| case.clone())?;
            assert_eq!(on_offer(&platform.api, product)?, available, "{case}");
        }
    }
    platform.audit()?;
    Ok(())
}

/// Units that a sale is setting aside and units that are taken away are not the same ones.
#[test]
fn while_a_sale_is_preheated() -> Result<()> {
    let platform = tests::shared();
    for _ in 0..5 {
        let sale = platform.announce(30, 1, -1_000, 3_600_000)?;
        let ordinary = i64::from(platform::sale::ORDINARY);
        let (preheated, taken) = thread::scope(|scope| {
            let preheated = scope.spawn(|| platform.preheat(&sale));
            let taken = change(&platform.api, sale.product, &key(), -(ordinary + 1));
            (preheated.join().expect("no panic"), taken)
        });
        let (preheated, taken) = (preheated?, taken?);
        ensure!(
            (preheated.status == 200) != (taken.status == 200),
            "{} {}",
            preheated.text,
            taken.text
        );
    }
    platform.audit()?;
    Ok(())
}
