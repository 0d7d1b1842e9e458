//! The same request more than once: with a key, with another body, without a key, and after Redis forgot.

use anyhow::Result;
use serde_json::json;
use std::thread;
use tests::app::{Platform, soon};
use tests::shop::{Stock, buyer, key, order_body, placed};

const CREATE: &str = "/v1/order/create";

#[test]
fn a_repeat_is_answered_with_the_first_order() -> Result<()> {
    let platform = Platform::shared();
    let (user, product, key) = (buyer(), platform.product(10, "redis")?, key());
    let body = order_body(user, product, 2);
    let first = platform.api.post_once(CREATE, &key, &body)?.expect(200)?;
    let again = platform.api.post_once(CREATE, &key, &body)?.expect(200)?;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.header("idempotent-replayed"), None);
    assert_eq!(first.body, again.body);
    // In the body, and on another route: the same key all the same.
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
    let platform = Platform::shared();
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
    let platform = Platform::shared();
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
    let platform = Platform::shared();
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
    let platform = Platform::shared();
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
    let platform = Platform::shared();
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
