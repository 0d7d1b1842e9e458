//! The hosts' local caches on the whole platform: after a write on one host no other host shows older data, the relay's
//! writes invalidate caches, and a host that cannot receive invalidations serves nothing from its cache.

use anyhow::{Result, ensure};
use platform::client::{Client, Reply};
use platform::shop::{buyer, key, order_body, placed};
use platform::{CACHE_CHANNEL_URL, Platform, soon};
use serde_json::json;
use stack::Process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tests::proxy::Proxy;

/// Threads that read from B and so fill its cache.
const READERS: usize = 3;

/// A second host whose connection to the invalidation channel goes through a proxy.
fn host_b(platform: &Platform, name: &str) -> Result<(Process, Client, Proxy)> {
    let proxy = Proxy::start(platform.redis.port())?;
    let channel = format!("redis://127.0.0.1:{}/0", proxy.port());
    let (process, api) = platform.host_with(name, &[(CACHE_CHANNEL_URL, &channel)])?;
    Ok((process, api, proxy))
}

/// Whether the reply was served from a cache.
fn is_hit(reply: &Reply) -> bool {
    reply.header("age").is_some()
}

fn hits(what: &str, api: &Client, path: &str) -> Result<Reply> {
    soon(what, || {
        let reply = api.get(path)?.expect(200)?;
        ensure!(is_hit(&reply), "not from the store: {}", reply.text);
        Ok(reply)
    })
}

/// Moves an order from pending to completed through `writer` and checks every step at once on each of `readers`.
fn lives(writer: &Client, readers: &[&Client], user: u64, id: &str) -> Result<()> {
    let status = |status: &str| json!({ "status": status });
    let set = |to: &str| writer.put(&format!("/api/v1/orders/{id}/status"), &status(to));
    let pay = json!({ "payment_id": format!("pay-{id}"), "user_id": user });
    let paid = || writer.post(&format!("/v1/order/{id}/pay"), &pay);
    for step in ["paid", "shipped", "completed"] {
        let reply = if step == "paid" { paid()? } else { set(step)? };
        reply.expect(200)?;
        for reader in readers {
            let read = reader.get(&format!("/v1/order/{id}"))?.expect(200)?;
            ensure!(
                read.text_at("/order/status") == step,
                "{step}: {}",
                read.text
            );
            let list = reader.get(&format!("/v1/order/list?user_id={user}"))?;
            let listed = list.expect(200)?;
            ensure!(
                listed.text_at("/orders/0/status") == step,
                "{step}: {}",
                listed.text
            );
        }
    }
    Ok(())
}

#[test]
fn nobody_reads_what_was_before_a_write() -> Result<()> {
    const ORDERS: usize = 12;
    let platform = tests::shared();
    let (_host, b, _proxy) = host_b(&platform, "host-b-writes")?;
    let (a, product) = (&platform.api, platform.product(100, "redis")?);
    let user = buyer();
    let (done, current, hit) = (
        AtomicBool::new(false),
        std::sync::Mutex::new(String::new()),
        AtomicU64::new(0),
    );
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let id = current.lock().unwrap().clone();
                    let order = b.get(&format!("/v1/order/{id}")).unwrap();
                    let list = b.get(&format!("/v1/order/list?user_id={user}")).unwrap();
                    hit.fetch_add(
                        u64::from(is_hit(&order)) + u64::from(is_hit(&list)),
                        Ordering::SeqCst,
                    );
                }
            });
        }
        let rounds = || -> Result<()> {
            for round in 0..ORDERS {
                let (writer, other) = if round % 2 == 0 { (a, &b) } else { (&b, a) };
                let body = order_body(user, product, 1);
                let id = placed(&writer.post_once("/v1/order/create", &key(), &body)?)?;
                let list = other
                    .get(&format!("/v1/order/list?user_id={user}"))?
                    .expect(200)?;
                ensure!(
                    list.text_at("/orders/0/id") == id,
                    "round {round}: {}",
                    list.text
                );
                *current.lock().unwrap() = id.clone();
                lives(writer, &[other, writer], user, &id)?;
            }
            Ok(())
        };
        let outcome = rounds();
        done.store(true, Ordering::SeqCst);
        outcome
    })?;
    assert!(
        hit.load(Ordering::SeqCst) > 0,
        "B never answered from its store"
    );
    Ok(())
}

#[test]
fn a_caller_that_has_it_is_told_so() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let id = placed(&platform.order(buyer(), product, 1)?)?;
    // The first host caches replies, the second calls the component each time.
    let (_host, uncached) =
        platform.host_with("host-without-channel", &[(CACHE_CHANNEL_URL, "")])?;
    for api in [&platform.api, &uncached] {
        let path = format!("/v1/order/{id}");
        let first = api.get(&path)?.expect(200)?;
        let tag = first.header("etag").unwrap_or_default().to_owned();
        assert_eq!(first.header("cache-control"), Some("no-cache"));
        assert_eq!(first.header("host-cache-control"), None);
        let known = api
            .send("GET", &path, &[("if-none-match", &tag)], "")?
            .expect(304)?;
        assert_eq!(
            (known.text.as_str(), known.header("etag")),
            ("", Some(&*tag))
        );
        let other = api.send("GET", &path, &[("if-none-match", "\"x\"")], "")?;
        assert_eq!(other.expect(200)?.text, first.text);
    }
    for path in ["/api/v1/products".to_owned(), format!("/v1/order/{id}")] {
        assert!(
            !is_hit(&uncached.get(&path)?) && !is_hit(&uncached.get(&path)?),
            "{path}"
        );
    }
    Ok(())
}

#[test]
fn the_relay_tells_of_what_it_writes() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(10, "redis")?);
    let mut connection = platform.redis_connection()?;
    connection.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut channel = connection.as_pubsub();
    channel.subscribe("http-cache")?;
    let body = order_body(user, product, 1);
    let accepted = platform.api.post_later("/v1/order/create", &key(), &body)?;
    let id = accepted.expect(202)?.text_at("/order_id").to_owned();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        ensure!(
            Instant::now() < deadline,
            "nobody said that order {id} is there"
        );
        let message: String = channel.get_message()?.get_payload()?;
        let mut lines = message.lines();
        // The relay's messages carry no host name and ask for no acknowledgement.
        if lines.next() == Some("stale") {
            let groups: Vec<&str> = lines.collect();
            if groups.contains(&format!("order-{id}").as_str()) {
                assert!(
                    groups.contains(&format!("user-{user}").as_str()),
                    "{message}"
                );
                assert!(groups.contains(&"orders"), "{message}");
                break;
            }
        }
    }
    let read = platform.api.get(&format!("/v1/order/{id}"))?.expect(200)?;
    assert_eq!(read.text_at("/order/status"), "pending");
    Ok(())
}

#[test]
fn a_host_that_hears_nothing_tells_nothing_old() -> Result<()> {
    let platform = tests::shared();
    let (_host, b, proxy) = host_b(&platform, "host-b-cut")?;
    let (a, product) = (&platform.api, platform.product(100, "redis")?);
    for _ in 0..2 {
        let user = buyer();
        let id = placed(&platform.order(user, product, 1)?)?;
        let path = format!("/v1/order/{id}");
        hits("B to tell from its store", &b, &path)?;
        // B is cut off without noticing: A has to wait until B's lease has expired.
        proxy.stall();
        lives(a, &[&b], user, &id)?;
        // By then B's lease has expired, and it asks the component each time.
        for _ in 0..20 {
            let read = b.get(&path)?.expect(200)?;
            ensure!(!is_hit(&read), "answered from the store without a lease");
        }
        // A does not wait for hosts whose lease has expired.
        let another = placed(&platform.order(user, product, 1)?)?;
        let started = Instant::now();
        let pay = json!({ "payment_id": format!("pay-{another}"), "user_id": user });
        a.post(&format!("/v1/order/{another}/pay"), &pay)?
            .expect(200)?;
        ensure!(
            started.elapsed() < Duration::from_millis(800),
            "{:?}",
            started.elapsed()
        );
        proxy.mend();
        let read = hits("B to tell from its store again", &b, &path)?;
        assert_eq!(read.text_at("/order/status"), "completed");
    }
    Ok(())
}
