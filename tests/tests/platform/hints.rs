//! Everything that leaves work for the relay also sends a hint that wakes it. The relay here polls once an hour, so
//! that a hint that is not sent, or not received, fails the test with a timeout.

use crate::failures::given_up;
use anyhow::{Result, ensure};
use contract::store::redis::{FAILURES_CHANNEL, INTAKE_CHANNEL, order_intake};
use domain::UserId;
use platform::sale::{buy, token, token_in};
use platform::shop::{buyer, key, order_body, placed};
use platform::{Options, Platform};
use serde_json::json;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Ten times what an idle machine needs. Shorter than the 30 s without messages after which the relay subscribes again
/// and polls.
const WOKEN: Duration = Duration::from_secs(10);
const SLEEPS_MS: u64 = 3_600_000;

/// The platform, for one test at a time: another test's hint would wake the relay too.
fn asleep() -> Result<(&'static Platform, MutexGuard<'static, ()>)> {
    static ALONE: Mutex<()> = Mutex::new(());
    static PLATFORM: OnceLock<Platform> = OnceLock::new();
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let options = Options {
        idle_poll_ms: Some(SLEEPS_MS),
        ..Options::default()
    };
    let platform = PLATFORM
        .get_or_init(|| Platform::start(options).unwrap_or_else(|error| panic!("{error:#}")));
    // Waits until the relay has subscribed and polled everything: work found at start proves no hint.
    stack::wait_ok(Duration::from_secs(60), "the relay to listen", || {
        let mut redis = platform.redis_connection()?;
        let listening: (String, i64) = redis::cmd("PUBSUB")
            .arg("NUMSUB")
            .arg(FAILURES_CHANNEL)
            .query(&mut redis)?;
        ensure!(listening.1 > 0, "nobody listens");
        Ok(())
    })?;
    for _ in 0..2 {
        published_order(platform)?;
    }
    Ok((platform, alone))
}

/// A buyer and an order of theirs whose event is published.
fn published_order(platform: &Platform) -> Result<(u64, String)> {
    let (user, product) = (buyer(), platform.product(10, "redis")?);
    let order = placed(&platform.order(user, product, 1)?)?;
    published(platform, user, &order, 1)?;
    Ok((user, order))
}

/// Waits until all of an order's events are published and consumed.
fn published(platform: &Platform, user: u64, order: &str, events: usize) -> Result<()> {
    stack::wait_ok(WOKEN, "the events to be published", || {
        let rows = platform.outbox_of(user, order)?;
        ensure!(rows == vec!["2"; events], "{rows:?}");
        Ok(())
    })
}

/// Waits until an accepted order is written and its event published.
fn written(platform: &Platform, user: u64, order: &str) -> Result<()> {
    stack::wait_ok(WOKEN, "the order to be written", || {
        let reply = platform
            .api
            .get(&format!("/v1/order/{order}"))?
            .expect(200)?;
        let status = reply.text_at("/order/status");
        ensure!(status == "pending", "it is {status}");
        Ok(())
    })?;
    published(platform, user, order, 1)
}

#[test]
fn an_order_and_its_payment_wake_the_outbox() -> Result<()> {
    let (platform, _alone) = asleep()?;
    let (user, order) = published_order(platform)?;
    let path = format!("/v1/order/{order}/pay");
    platform.api.post(&path, &json!({}))?.expect(200)?;
    published(platform, user, &order, 2)
}

#[test]
fn an_accepted_order_wakes_the_writer_and_the_writer_the_outbox() -> Result<()> {
    let (platform, _alone) = asleep()?;
    let product = platform.product(10, "redis")?;
    for user in [buyer(), buyer()] {
        let body = order_body(user, product, 1);
        let reply = platform
            .api
            .post_later("/v1/order/create", &key(), &body)?
            .expect(202)?;
        written(platform, user, reply.text_at("/order_id"))?;
    }
    Ok(())
}

#[test]
fn a_purchase_wakes_the_writer() -> Result<()> {
    let (platform, _alone) = asleep()?;
    let sale = platform.sale(10, 1)?;
    for user in [buyer(), buyer()] {
        let token = token_in(&token(&platform.api, &sale, user)?)?;
        let bought = buy(&platform.api, user, &token, 1)?.expect(202)?;
        written(platform, user, bought.text_at("/order_id"))?;
    }
    Ok(())
}

#[test]
fn a_retry_by_hand_and_a_failure_wake_the_retries() -> Result<()> {
    let (platform, _alone) = asleep()?;
    let (user, product) = (buyer(), platform.product(10, "redis")?);
    let failure = given_up(platform, user, product)?;
    let path = format!("/api/v1/failures/{failure}");
    platform
        .api
        .send("POST", &format!("{path}/retry"), &[], "")?
        .expect(200)?;
    stack::wait_ok(WOKEN, "the retry", || {
        let reply = platform.api.get(&path)?.expect(200)?;
        ensure!(reply.text_at("/status") == "success", "{}", reply.text);
        Ok(())
    })?;
    // Part of this test, because its retry would wake the relay in another one.
    a_failure_is_tried_again(platform)
}

/// An entry that is no valid order is tried again after a second.
fn a_failure_is_tried_again(platform: &Platform) -> Result<()> {
    let intake = order_intake(UserId::new(buyer()).gene());
    let mut redis = platform.redis_connection()?;
    let id: String = redis::cmd("XADD")
        .arg(&[intake.as_str(), "*", "kind", "order"])
        .query(&mut redis)?;
    redis::cmd("PUBLISH")
        .arg(&[INTAKE_CHANNEL, intake.as_str()])
        .exec(&mut redis)?;
    stack::wait_ok(WOKEN, "another attempt", || {
        let tries = platform.number(&format!(
            "SELECT COALESCE(MAX(retry_count), 0) FROM inventory.order_failures WHERE message_id = '{intake}/{id}'"
        ))?;
        ensure!(tries > 0, "{tries} attempts");
        Ok(())
    })
}

#[test]
fn an_order_that_expires_wakes_the_outbox() -> Result<()> {
    let (platform, _alone) = asleep()?;
    let (user, order) = published_order(platform)?;
    let shard = user % platform::SHARDS;
    platform.sql(&format!(
        "UPDATE order_{shard}.t_order SET payable_at = 1 WHERE id = {order}"
    ))?;
    published(platform, user, &order, 2)
}

#[test]
fn a_relay_that_listens_anew_looks_for_what_it_missed() -> Result<()> {
    let (platform, _alone) = asleep()?;
    let (user, order) = published_order(platform)?;
    let shard = user % platform::SHARDS;
    // As if the hint had been lost.
    platform.sql(&format!(
        "UPDATE order_{shard}.t_local_message SET status = 0 WHERE tx_id = '{order}'"
    ))?;
    let mut redis = platform.redis_connection()?;
    redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "pubsub"])
        .exec(&mut redis)?;
    published(platform, user, &order, 1)
}
