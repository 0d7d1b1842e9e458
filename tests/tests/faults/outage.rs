//! A server that is away, refuses or hangs: 503 with `Retry-After` within two seconds, nothing half done, and normal
//! service as soon as the server is back. One shard that is away costs the users of the other nothing.

use crate::alone;
use anyhow::{Result, ensure};
use platform::client::Reply;
use platform::shop::{Stock, buyer, key, order_body, placed};
use platform::{Options, Platform, SHARDS, soon};
use stack::Process;
use stack::door::Door;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
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

/// Changes of circuit breakers in the log of a host, of those whose names end so.
fn changes(host: &Process, of: &str) -> Result<usize> {
    let log = fs::read_to_string(host.log())?;
    let told = log.lines().filter(|line| {
        line.contains("a circuit breaker has changed") && line.contains(&format!("{of}\""))
    });
    Ok(told.count())
}

/// The next buyer of shard 0 or 1.
fn buyer_of(shard: u64) -> u64 {
    loop {
        let user = buyer();
        if user % SHARDS == shard {
            return user;
        }
    }
}

/// A way to the server on this port, which accepts and never answers once it hangs.
fn way_to(port: u16, hangs: &Arc<AtomicBool>) -> Result<Door> {
    let hangs = hangs.clone();
    Door::before(port, move |client, server| {
        if hangs.load(Ordering::SeqCst) {
            // The door keeps both open.
            return Ok(());
        }
        for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
        Ok(())
    })
}

/// The address of shard 1 accepts and does not answer any more, so that all its orders wait.
#[test]
fn of_one_shard_while_the_users_of_the_other_are_served() -> Result<()> {
    const ORDERS: usize = 40;
    const OTHERS: usize = 8;
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let hangs = Arc::new(AtomicBool::new(false));
    let door = way_to(platform.mariadb.port(), &hangs)?;
    let direct = format!(":{}/", platform.mariadb.port());
    let through = format!(":{}/", door.port());
    let shards = [
        platform.mariadb.url("order_0"),
        platform.mariadb.url("order_1").replace(&direct, &through),
    ];
    let own = [("MYSQL_URLS", shards.join(","))];
    let own = own.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (host, api) = platform.host_with("host-one-shard", &own)?;
    let product = platform.product(1_000, "redis")?;
    let order =
        |user: u64| api.post_once("/v1/order/create", &key(), &order_body(user, product, 1));
    let serve = || -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..ORDERS {
            placed(&order(buyer_of(0))?)?;
        }
        Ok(start.elapsed())
    };
    serve()?;
    let alone = serve()?;
    placed(&order(buyer_of(1))?)?;
    hangs.store(true, Ordering::SeqCst);
    door.close_connections();
    let enough = AtomicBool::new(false);
    let (beside, refused) = thread::scope(|scope| {
        let others: Vec<_> = (0..OTHERS)
            .map(|_| {
                scope.spawn(|| -> Result<Reply> {
                    loop {
                        let reply = order(buyer_of(1))?;
                        ensure!(reply.status == 503, "{} {}", reply.status, reply.text);
                        if enough.load(Ordering::Relaxed) {
                            return Ok(reply);
                        }
                    }
                })
            })
            .collect();
        // Those of shard 0 are served before the breaker opens, and afterwards.
        let before = serve();
        let opened = soon("the breaker of shard 1 to open", || {
            ensure!(changes(&host, "/order_1")? > 0, "no change");
            Ok(())
        });
        let beside = serve();
        enough.store(true, Ordering::Relaxed);
        let replies = others.into_iter().map(|other| other.join().unwrap());
        let refused = replies.collect::<Result<Vec<_>>>();
        before
            .and(opened)
            .and(beside)
            .and_then(|beside| Ok((beside, refused?)))
    })?;
    for reply in refused {
        ensure!(reply.code() == 10005, "{}", reply.text);
        ensure!(reply.header("retry-after").is_some(), "no Retry-After");
    }
    // The machine has others to answer, too; forty that waited for shard 1 would take forty seconds.
    let allowed = alone * 10 + Duration::from_secs(5);
    ensure!(beside <= allowed, "{beside:?}, alone {alone:?}");
    let start = Instant::now();
    for _ in 0..ORDERS {
        refused_in_time("create on shard 1", || order(buyer_of(1)))?;
    }
    let took = start.elapsed();
    ensure!(took <= allowed, "refusals took {took:?}, orders {alone:?}");
    ensure!(changes(&host, "/order_0")? == 0, "shard 0 was refused");
    ensure!(
        changes(&host, "create-order")? == 0,
        "all orders were refused"
    );
    Ok(())
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
