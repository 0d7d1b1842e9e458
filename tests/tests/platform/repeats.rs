//! The same request more than once: with a key, with another body, without a key, and after Redis lost its data.

use anyhow::Result;
use platform::shop::{Stock, buyer, key, order_body, placed};
use platform::{Platform, soon};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

const CREATE: &str = "/v1/order/create";

#[test]
fn a_repeat_is_answered_with_the_first_order() -> Result<()> {
    let platform = tests::shared();
    let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
    let body = order_body(user, product, 2);
    let first = platform.api.post_once(CREATE, &key, &body)?.expect(200)?;
    let again = platform.api.post_once(CREATE, &key, &body)?.expect(200)?;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(first.body, again.body);
    // The same key in the body and on another route.
    let mut spelled = body.clone();
    spelled["IdempotencyToken"] = json!(key);
    let other_route = platform.api.post("/api/v1/orders", &spelled)?.expect(200)?;
    assert_eq!(other_route.text_at("/id"), first.text_at("/order_id"));
    assert_eq!(platform.orders_of(user)?, 1);
    soon("units locked once", || {
        platform.expect_stock(product, Stock::of(8, 2, 0))
    })
}

#[test]
fn a_key_is_good_for_one_body_and_one_user() -> Result<()> {
    let platform = tests::shared();
    let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
    placed(
        &platform
            .api
            .post_once(CREATE, &key, &order_body(user, product, 1))?,
    )?;
    let reused = platform
        .api
        .post_once(CREATE, &key, &order_body(user, product, 2))?;
    assert_eq!((reused.status, reused.code()), (422, 20004));
    let somebody = buyer();
    placed(
        &platform
            .api
            .post_once(CREATE, &key, &order_body(somebody, product, 2))?,
    )?;
    assert_eq!(
        (platform.orders_of(user)?, platform.orders_of(somebody)?),
        (1, 1)
    );
    Ok(())
}

#[test]
fn a_double_click_without_a_key_is_one_order() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(10, "redis")?);
    let body = order_body(user, product, 1);
    placed(&platform.api.post(CREATE, &body)?)?;
    let again = platform.api.post(CREATE, &body)?;
    assert_eq!((again.status, again.code()), (409, 20004));
    assert!(again.text_at("/message").contains("重复提交"));
    placed(&platform.api.post(CREATE, &order_body(user, product, 2))?)?;
    assert_eq!(
        platform.orders_of(user)?,
        2,
        "another body is another order"
    );
    Ok(())
}

#[test]
fn a_failed_request_frees_its_key() -> Result<()> {
    let platform = tests::shared();
    let (user, product, key) = (buyer(), platform.product(1, "redis")?, key());
    let short = platform
        .api
        .post_once(CREATE, &key, &order_body(user, product, 2))?;
    assert_eq!((short.status, short.code()), (409, 30001));
    placed(
        &platform
            .api
            .post_once(CREATE, &key, &order_body(user, product, 1))?,
    )?;
    Ok(())
}

#[test]
fn a_key_redis_forgot_is_known_to_the_database() -> Result<()> {
    let platform = tests::shared();
    let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
    let body = order_body(user, product, 1);
    let first = placed(&platform.api.post_once(CREATE, &key, &body)?)?;
    let mut redis = platform.redis_connection()?;
    let held: Vec<String> = redis::cmd("KEYS")
        .arg(format!("*:order:create:{user}:*"))
        .query(&mut redis)?;
    assert_eq!(held.len(), 1);
    redis::cmd("DEL").arg(&held).exec(&mut redis)?;
    let again = platform.api.post_once(CREATE, &key, &body)?;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(placed(&again)?, first);
    redis::cmd("DEL").arg(&held).exec(&mut redis)?;
    let other = platform
        .api
        .post_once(CREATE, &key, &order_body(user, product, 3))?;
    assert_eq!((other.status, other.code()), (422, 20004));
    soon("units locked once", || {
        platform.expect_stock(product, Stock::of(9, 1, 0))
    })
}

#[test]
fn the_same_key_fifty_times_at_once_is_one_order() -> Result<()> {
    let platform = tests::shared();
    let (user, product, key) = (buyer(), platform.product(100, "redis")?, key());
    let body = order_body(user, product, 1);
    let replies: Vec<_> = thread::scope(|scope| {
        let send = || platform.api.post_once(CREATE, &key, &body);
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(send)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a reply"))
            .collect()
    });
    let mut ids = Vec::new();
    for reply in replies {
        let reply = reply?;
        match reply.status {
            200 => ids.push(placed(&reply)?),
            _ => {
                assert_eq!((reply.status, reply.code()), (409, 20004), "{}", reply.text);
                assert_eq!(reply.header("retry-after"), Some("1"));
            }
        }
    }
    assert!(
        !ids.is_empty() && ids.iter().all(|id| *id == ids[0]),
        "{ids:?}"
    );
    assert_eq!(platform.orders_of(user)?, 1);
    soon("one unit locked", || {
        platform.expect_stock(product, Stock::of(99, 1, 0))
    })
}

/// Sends a create over a plain socket with these exact key headers; status and body.
fn create_raw(platform: &Platform, lines: &[&[u8]], body: &str) -> Result<(u16, String)> {
    let address = platform.api.base().trim_start_matches("http://");
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(Duration::from_secs(15)))?;
    let mut request = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    )
    .into_bytes();
    for line in lines {
        request.extend_from_slice(b"Idempotency-Key: ");
        request.extend_from_slice(line);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request.extend_from_slice(body.as_bytes());
    socket.write_all(&request)?;
    let mut reply = String::new();
    socket.read_to_string(&mut reply)?;
    let status = reply.split(' ').nth(1).unwrap_or_default().parse()?;
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok((status, body.to_owned()))
}

#[test]
fn no_byte_of_a_key_is_lost_on_its_way() -> Result<()> {
    let platform = tests::shared();
    let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
    let body = order_body(user, product, 1).to_string();
    for lines in [
        &[&b"k\xff"[..]][..],
        &[b""],
        &[b"a", b"b"],
        &[b"a", b"\xff"],
        &[key.as_bytes(), key.as_bytes()],
        &[b"\"a"],
    ] {
        let (status, reply) = create_raw(&platform, lines, &body)?;
        assert_eq!(status, 400, "{lines:?}: {reply}");
        assert!(reply.contains("Idempotency-Key"), "{lines:?}: {reply}");
    }
    assert_eq!(platform.orders_of(user)?, 0);
    let mut orders = Vec::new();
    for line in [key.clone(), format!("\"{key}\"")] {
        let (status, reply) = create_raw(&platform, &[line.as_bytes()], &body)?;
        assert_eq!(status, 200, "{line}: {reply}");
        let reply: serde_json::Value = serde_json::from_str(&reply)?;
        orders.push(reply["order_id"].as_str().unwrap_or_default().to_owned());
    }
    assert!(!orders[0].is_empty());
    assert_eq!(orders[0], orders[1]);
    assert_eq!(platform.orders_of(user)?, 1);
    Ok(())
}

#[test]
fn a_user_places_as_many_orders_a_minute_as_allowed_and_no_more() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(100, "redis")?;
    let allowed = [("USER_ORDERS_PER_MINUTE_MAX", "3")];
    let (_host, api) = platform.host_with("host-limited", &allowed)?;
    let user = buyer();
    let place = |key: &str, quantity| {
        let body = order_body(user, product, quantity);
        api.post_once(CREATE, key, &body)
    };
    let keys = [key(), key(), key()];
    for key in &keys {
        placed(&place(key, 1)?)?;
    }
    let over = place(&key(), 1)?;
    assert_eq!(over.status, 429, "{}", over.text);
    let wait: u64 = over.header("retry-after").unwrap_or_default().parse()?;
    assert!((1..=60).contains(&wait), "{wait}");
    // A repeat does not count as another order, and another user has a separate limit.
    placed(&place(&keys[0], 1)?)?;
    placed(&api.post_once(CREATE, &key(), &order_body(buyer(), product, 1))?)?;
    assert_eq!(platform.orders_of(user)?, 3);
    Ok(())
}
