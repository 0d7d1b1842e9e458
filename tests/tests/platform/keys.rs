//! A key lives as long as its order: whichever way a request is repeated, and whatever Redis has lost meanwhile, it is
//! answered with the order that its key has made. These tests empty Redis, so they have their own platform.

use anyhow::{Context, Result, ensure};
use platform::client::Reply;
use platform::shop::{Stock, buyer, key, order_body};
use platform::{Options, Platform, SHARDS, soon};
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

const CREATE: &str = "/v1/order/create";

/// The platform, for one test at a time: each empties Redis.
pub fn platform() -> MutexGuard<'static, Platform> {
    static OWN: LazyLock<Mutex<Platform>> = LazyLock::new(|| {
        let started = Platform::start(Options::default());
        Mutex::new(started.unwrap_or_else(|error| panic!("{error:#}")))
    });
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a create is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Sync,
    Async,
}
use Mode::{Async, Sync};

pub fn create(platform: &Platform, mode: Mode, key: &str, body: &Value) -> Result<Reply> {
    match mode {
        Sync => platform.api.post_once(CREATE, key, body),
        Async => platform.api.post_later(CREATE, key, body),
    }
}

pub fn id_of(reply: &Reply) -> Result<String> {
    ensure!(
        matches!(reply.status, 200 | 202),
        "{}: {}",
        reply.status,
        reply.text
    );
    let id = reply.body["order_id"].as_str();
    Ok(id.with_context(|| reply.text.clone())?.to_owned())
}

/// Places an order and waits until it is in the database.
fn written(platform: &Platform, mode: Mode, key: &str, body: &Value) -> Result<String> {
    let id = id_of(&create(platform, mode, key, body)?)?;
    soon("the order to be written", || {
        shows(platform, &id, &id, "pending")
    })?;
    Ok(id)
}

/// Checks that `asked` is answered with this order in this status.
fn shows(platform: &Platform, asked: &str, id: &str, status: &str) -> Result<()> {
    let reply = platform
        .api
        .get(&format!("/v1/order/{asked}"))?
        .expect(200)?;
    let seen = (reply.text_at("/order/id"), reply.text_at("/order/status"));
    ensure!(seen == (id, status), "{asked}: {}", reply.text);
    Ok(())
}

pub fn empty_redis(platform: &Platform) -> Result<()> {
    Ok(redis::cmd("FLUSHALL").exec(&mut platform.redis_connection()?)?)
}

/// As after a day: only the keys expire.
fn expire_keys(platform: &Platform, user: u64) -> Result<()> {
    let mut redis = platform.redis_connection()?;
    let pattern = format!("*:order:create:{user}:*");
    let held: Vec<String> = redis::cmd("KEYS").arg(pattern).query(&mut redis)?;
    ensure!(held.len() == 1, "{held:?}");
    Ok(redis::cmd("DEL").arg(&held).exec(&mut redis)?)
}

/// Repeats the request and checks that the reply is the same order, marked as replayed.
pub fn repeated(platform: &Platform, mode: Mode, key: &str, body: &Value, id: &str) -> Result<()> {
    let reply = create(platform, mode, key, body)?;
    ensure!(id_of(&reply)? == id, "{mode:?}: not {id}: {}", reply.text);
    let replayed = reply.header("idempotent-replayed");
    ensure!(replayed == Some("true"), "{:?}", reply.headers);
    Ok(())
}

#[test]
fn a_repeat_is_the_keys_order_in_either_mode_whatever_redis_forgot() -> Result<()> {
    let platform = platform();
    for first in [Sync, Async] {
        for forget in [
            |_: &Platform, _| Ok(()),
            expire_keys,
            |p: &Platform, _| empty_redis(p),
        ] {
            let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
            let body = order_body(user, product, 1);
            let id = written(&platform, first, &key, &body)?;
            soon("its unit locked", || {
                platform.expect_stock(product, Stock::of(9, 1, 0))
            })?;
            for mode in [Async, Sync, Async] {
                forget(&platform, user)?;
                repeated(&platform, mode, &key, &body, &id)?;
            }
            for mode in [Async, Sync] {
                forget(&platform, user)?;
                let other = create(&platform, mode, &key, &order_body(user, product, 2))?;
                let seen = (other.status, other.code());
                ensure!(seen == (422, 20004), "{mode:?}: {seen:?} {}", other.text);
                // After the refusal the key still answers with its order.
                repeated(&platform, mode, &key, &body, &id)?;
            }
            ensure!(platform.orders_of(user)? == 1, "one order");
            platform.expect_stock(product, Stock::of(9, 1, 0))?;
        }
    }
    platform.reconcile()?;
    Ok(())
}

#[test]
fn a_repeat_is_the_keys_order_though_none_could_be_placed_any_more() -> Result<()> {
    let platform = platform();
    for mode in [Sync, Async] {
        for stock in ["redis", "db"] {
            let (user, product, key) = (buyer(), platform.product(1, stock)?, key());
            let body = order_body(user, product, 1);
            let id = written(&platform, mode, &key, &body)?;
            soon("its unit locked", || {
                platform.expect_stock(product, Stock::of(0, 1, 0))
            })?;
            for repeat in [Sync, Async] {
                empty_redis(&platform)?;
                repeated(&platform, repeat, &key, &body, &id)?;
                let other = create(&platform, repeat, &key, &order_body(user, product, 2))?;
                ensure!(other.status == 422, "{}", other.text);
            }
        }
    }
    platform.reconcile()?;
    Ok(())
}

#[test]
fn a_cancelled_order_still_has_its_key() -> Result<()> {
    let platform = platform();
    let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
    let body = order_body(user, product, 1);
    let id = written(&platform, Sync, &key, &body)?;
    let cancel = format!("/v1/order/{id}/cancel");
    platform.api.post(&cancel, &json!({}))?.expect(200)?;
    for mode in [Async, Sync] {
        repeated(&platform, mode, &key, &body, &id)?;
        empty_redis(&platform)?;
        repeated(&platform, mode, &key, &body, &id)?;
        shows(&platform, &id, &id, "cancelled")?;
    }
    soon("its unit back", || {
        platform.expect_stock(product, Stock::of(10, 0, 0))
    })?;
    platform.reconcile()?;
    Ok(())
}

/// Waits until the order has become a failure that was given up.
fn given_up(platform: &Platform, order: &str) -> Result<()> {
    let rows = format!(
        "SELECT COUNT(*) FROM inventory.order_failures WHERE order_id = {order} AND status = 3"
    );
    soon("the order to be given up", || {
        ensure!(platform.number(&rows)? == 1, "{order}");
        Ok(())
    })
}

#[test]
fn an_order_given_up_frees_its_key() -> Result<()> {
    let platform = platform();
    for repeat in [Sync, Async] {
        let (user, product, key) = (buyer(), platform.product(5, "redis")?, key());
        let body = order_body(user, product, 2);
        platform.relay.pause();
        let dead = id_of(&create(&platform, Async, &key, &body)?.expect(202)?)?;
        // Another user's order has this id, so it can never be written.
        let table = format!("order_{}.t_order", user % SHARDS);
        platform.sql(&format!(
            "INSERT INTO {table} (id, user_id, order_no, status, total_amount, actual_amount, created_at, updated_at) \
             VALUES ({dead}, 1, 'of nobody {user}', 4, 1, 1, 1, 1)"
        ))?;
        platform.relay.resume();
        given_up(&platform, &dead)?;
        platform.sql(&format!("DELETE FROM {table} WHERE id = {dead}"))?;
        soon("the dead order to be shown", || {
            shows(&platform, &dead, &dead, "failed")
        })?;

        let id = written(&platform, repeat, &key, &body)?;
        ensure!(id != dead, "the dead order answers");
        repeated(&platform, Async, &key, &body, &id)?;
        repeated(&platform, Sync, &key, &body, &id)?;
        shows(&platform, &dead, &dead, "failed")?;
        soon("its units locked once", || {
            platform.expect_stock(product, Stock::of(3, 2, 0))
        })?;
    }
    platform.reconcile()?;
    Ok(())
}

#[test]
fn an_order_whose_key_was_faster_is_that_keys_order() -> Result<()> {
    let platform = platform();
    for stock in ["redis", "db"] {
        let (user, product, key) = (buyer(), platform.product(5, stock)?, key());
        let body = order_body(user, product, 1);
        platform.relay.pause();
        let late = id_of(&create(&platform, Async, &key, &body)?.expect(202)?)?;
        expire_keys(&platform, user)?;
        let id = id_of(&create(&platform, Sync, &key, &body)?.expect(200)?)?;
        ensure!(id != late, "Redis forgot the key");
        expire_keys(&platform, user)?;
        let other = id_of(&create(&platform, Async, &key, &body)?)?;
        ensure!(other == id, "the shard knows it");
        platform.relay.resume();
        given_up(&platform, &late)?;
        soon("the late id to be the key's order", || {
            shows(&platform, &late, &id, "pending")
        })?;
        for mode in [Async, Sync] {
            repeated(&platform, mode, &key, &body, &id)?;
        }
        let cancel = format!("/v1/order/{id}/cancel");
        platform.api.post(&cancel, &json!({}))?.expect(200)?;
        shows(&platform, &late, &id, "cancelled")?;
        soon("all units back", || {
            platform.expect_stock(product, Stock::of(5, 0, 0))
        })?;
    }
    platform.reconcile()?;
    Ok(())
}

#[test]
fn with_its_shard_away_an_order_is_accepted_and_its_id_is_the_keys_order() -> Result<()> {
    let platform = platform();
    let (user, product, key) = (buyer(), platform.product(5, "redis")?, key());
    let body = order_body(user, product, 1);
    let id = written(&platform, Sync, &key, &body)?;
    platform.mariadb.process.kill();
    expire_keys(&platform, user)?;
    let accepted = create(&platform, Async, &key, &body)?.expect(202);
    platform.mariadb.process.start()?;
    let late = id_of(&accepted?)?;
    ensure!(id != late, "nobody could know");
    soon("the late id to be the key's order", || {
        shows(&platform, &late, &id, "pending")
    })?;
    soon("the repeat", || {
        repeated(&platform, Async, &key, &body, &id)
    })?;
    soon("one unit locked", || {
        platform.expect_stock(product, Stock::of(4, 1, 0))
    })?;
    platform.reconcile()?;
    Ok(())
}
