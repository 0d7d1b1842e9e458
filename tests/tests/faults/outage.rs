//! A server that is away, refuses or hangs: 503 with `Retry-After` within two seconds, nothing half done, and normal
//! service as soon as the server is back.

use crate::alone;
use anyhow::{Result, ensure};
use platform::client::Reply;
use platform::shop::{Stock, buyer, key, order_body, placed};
use platform::{Options, Platform, soon};
use stack::Process;
use std::time::{Duration, Instant};

/// Longest a refusal may take.
const REFUSAL_MAX: Duration = Duration::from_secs(2);

fn refused_in_time(what: &str, send: impl FnOnce() -> Result<Reply>) -> Result<()> {
    let start = Instant::now();
    let reply = send()?;
    let took = start.elapsed();
    ensure!(
        reply.status == 503,
        "{what}: {} {}",
        reply.status,
        reply.text
    );
    ensure!(reply.code() == 10005, "{what}: {}", reply.text);
    ensure!(
        reply.header("retry-after").is_some(),
        "{what}: no Retry-After"
    );
    ensure!(took <= REFUSAL_MAX, "{what}: took {} ms", took.as_millis());
    Ok(())
}

/// Takes `server` away with `leave`, checks that requests are refused, brings it `back`, and checks that requests
/// succeed.
fn endure(
    platform: &Platform,
    server: &str,
    leave: impl FnOnce(&Platform),
    back: impl FnOnce(&Platform) -> Result<()>,
) -> Result<()> {
    let product = platform.product(10, "redis")?;
    let warm = placed(&platform.order(buyer(), product, 1)?)?;
    soon("one unit locked", || {
        platform.expect_stock(product, Stock::of(9, 1, 0))
    })?;
    leave(platform);
    let (user, key) = (buyer(), key());
    let body = order_body(user, product, 1);
    // More than one: the first may use an old connection, the others must not hang on it.
    for attempt in 1..=3 {
        let what = format!("create {attempt} with {server} away");
        refused_in_time(&what, || platform.order(buyer(), product, 1))?;
    }
    refused_in_time(&format!("create with {server} away"), || {
        platform.api.post_once("/v1/order/create", &key, &body)
    })?;
    let path = format!("/v1/order/{warm}/cancel");
    refused_in_time(&format!("cancel with {server} away"), || {
        platform.api.post(&path, &serde_json::json!({}))
    })?;
    let health = platform.api.get("/health")?;
    ensure!(
        health.status == 503,
        "health with {server} away: {}",
        health.text
    );
    back(platform)?;
    // The refused request may still hold its key until it can be taken over, so the client has to repeat it.
    let order = soon("service again, under the same key", || {
        placed(&platform.api.post_once("/v1/order/create", &key, &body)?)
    })?;
    ensure!(platform.orders_of(user)? == 1, "one order under the key");
    soon("the repeat's unit locked", || {
        let stock = platform.stock(product)?;
        ensure!(stock.locked >= 2, "{stock:?}");
        Ok(())
    })?;
    soon("health again", || {
        platform.api.get("/health")?.expect(200).map(drop)
    })?;
    platform
        .api
        .get(&format!("/v1/order/{order}"))?
        .expect(200)?;
    Ok(())
}

fn stopped_and_started(server: &str, process: impl Fn(&Platform) -> &Process) -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    endure(
        &platform,
        server,
        |platform| process(platform).kill(),
        |platform| process(platform).start(),
    )?;
    endure(
        &platform,
        &format!("{server} (hanging)"),
        |platform| process(platform).pause(),
        |platform| {
            process(platform).resume();
            Ok(())
        },
    )?;
    platform.reconcile()?;
    Ok(())
}

#[test]
fn of_redis() -> Result<()> {
    stopped_and_started("Redis", |platform| &platform.redis.process)
}

#[test]
fn of_mariadb() -> Result<()> {
    stopped_and_started("MariaDB", |platform| &platform.mariadb.process)
}

#[test]
fn an_order_read_is_served_with_redis_away() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let product = platform.product(10, "redis")?;
    let order = placed(&platform.order(buyer(), product, 1)?)?;
    platform.redis.process.kill();
    let read = platform
        .api
        .get(&format!("/v1/order/{order}"))?
        .expect(200)?;
    assert_eq!(read.text_at("/order/id"), order);
    platform.api.get("/v1/order/list")?.expect(200)?;
    platform
        .api
        .get(&format!("/v1/inventory/{product}"))?
        .expect(200)?;
    Ok(())
}
