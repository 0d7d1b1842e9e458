//! Who may buy: every invalid token is refused for its own reason, before anything is reserved.

use anyhow::{Result, ensure};
use platform::Platform;
use platform::client::Reply;
use platform::sale::{self, ORDINARY, Sale};
use platform::shop::buyer;

fn refused(reply: &Reply, status: u16, code: u64, why: &str) -> Result<()> {
    let right = (reply.status, reply.code()) == (status, code) && reply.text.contains(why);
    ensure!(
        right,
        "expected {status} {code} {why}, got {} {}",
        reply.status,
        reply.text
    );
    Ok(())
}

fn token(platform: &Platform, sale: &Sale, user: u64) -> Result<String> {
    sale::token_in(&sale::token(&platform.api, sale, user)?)
}

#[test]
fn a_token_is_good_for_its_bearer_and_its_sale_once() -> Result<()> {
    let platform = tests::shared();
    let (sale, other) = (platform.sale(10, 2)?, platform.sale(10, 2)?);
    let (user, stranger) = (buyer(), buyer());
    let good = token(&platform, &sale, user)?;
    ensure!(
        token(&platform, &sale, user)? == good,
        "one live token per buyer"
    );
    let buy = |user: u64, token: &str, more: serde_json::Value| {
        let mut body = serde_json::json!({ "user_id": user, "token": token });
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        platform.api.post("/api/v1/seckill/buy", &body)
    };
    let none = serde_json::json!({});
    refused(
        &buy(stranger, &good, none.clone())?,
        403,
        40001,
        "another user",
    )?;
    let there = serde_json::json!({ "product_id": other.product });
    refused(&buy(user, &good, there)?, 403, 40001, "another flash sale")?;
    let there = serde_json::json!({ "seckill_id": other.id });
    refused(&buy(user, &good, there)?, 403, 40001, "another flash sale")?;
    let mut forged = good.clone();
    let last = if forged.pop() == Some('0') { '1' } else { '0' };
    forged.push(last);
    refused(
        &buy(user, &forged, none.clone())?,
        403,
        40001,
        "not one of ours",
    )?;
    refused(
        &buy(user, "x", none.clone())?,
        403,
        40001,
        "not one of ours",
    )?;
    let greedy = serde_json::json!({ "quantity": 3 });
    refused(&buy(user, &good, greedy)?, 400, 10001, "quantity")?;

    let first = buy(user, &good, serde_json::json!({ "quantity": 2 }))?.expect(202)?;
    let again = buy(user, &good, serde_json::json!({ "quantity": 2 }))?.expect(202)?;
    ensure!(
        first.text_at("/order_id") == again.text_at("/order_id"),
        "{}",
        again.text
    );
    ensure!(
        again.header("idempotent-replayed") == Some("true"),
        "a replay says so"
    );
    let location = format!("/v1/order/{}", first.text_at("/order_id"));
    ensure!(
        first.header("location") == Some(location.as_str()),
        "{:?}",
        first.headers
    );
    let other_wish = buy(user, &good, serde_json::json!({ "quantity": 1 }))?;
    refused(&other_wish, 409, 40003, "bought")?;
    refused(
        &sale::token(&platform.api, &sale, user)?,
        409,
        40003,
        "bought",
    )?;
    platform.audit()?;
    Ok(())
}

#[test]
fn an_expired_token_buys_nothing() -> Result<()> {
    let platform = tests::shared();
    let sale = platform.sale(10, 1)?;
    let user = buyer();
    let token = token(&platform, &sale, user)?;
    let (product, number) = sale.id.split_once('-').unwrap();
    let mut redis = platform.redis_connection()?;
    let key = format!("{{p{product}}}:seckill:{number}:token:{user}");
    let expired: i64 = redis::cmd("PEXPIRE").arg(key).arg(0).query(&mut redis)?;
    ensure!(expired == 1, "the token was there");
    refused(
        &sale::buy(&platform.api, user, &token, 1)?,
        403,
        40001,
        "expired",
    )
}

#[test]
fn nothing_is_handed_out_before_the_sale_or_without_it() -> Result<()> {
    let platform = tests::shared();
    let early = platform.announce(10, 1, 600_000, 3_600_000)?;
    refused(
        &sale::token(&platform.api, &early, buyer())?,
        409,
        40005,
        "not preheated",
    )?;
    platform.preheat(&early)?.expect(200)?;
    refused(
        &sale::token(&platform.api, &early, buyer())?,
        403,
        40001,
        "not started",
    )?;
    let unknown = Sale {
        id: "1-999999".to_owned(),
        product: 1,
    };
    // Unknown and not preheated are the same to a buyer.
    refused(
        &sale::token(&platform.api, &unknown, buyer())?,
        409,
        40005,
        "not preheated",
    )
}

#[test]
fn preheating_again_refills_nothing() -> Result<()> {
    let platform = tests::shared();
    let sale = platform.sale(2, 1)?;
    for _ in 0..2 {
        let user = buyer();
        sale::buy(&platform.api, user, &token(&platform, &sale, user)?, 1)?.expect(202)?;
        platform.preheat(&sale)?.expect(200)?;
    }
    refused(
        &sale::token(&platform.api, &sale, buyer())?,
        409,
        40002,
        "sold out",
    )?;
    let ordinary = platform
        .api
        .get(&format!("/v1/inventory/{}", sale.product))?
        .expect(200)?;
    ensure!(
        ordinary.body["available_stock"] == ORDINARY,
        "{}",
        ordinary.text
    );
    platform.audit()?;
    Ok(())
}

#[test]
fn a_sale_larger_than_the_stock_is_not_opened() -> Result<()> {
    let platform = tests::shared();
    let sale = platform.announce(10, 1, -1_000, 3_600_000)?;
    // Ordinary orders took the units first.
    let reply = platform.order(buyer(), sale.product, ORDINARY + 5)?;
    ensure!(reply.status == 200, "{}", reply.text);
    refused(&platform.preheat(&sale)?, 409, 30001, "库存不足")?;
    let rest = platform.order(buyer(), sale.product, 5)?;
    ensure!(rest.status == 200, "nothing is left behind: {}", rest.text);
    platform.audit()?;
    Ok(())
}

#[test]
fn who_asks_too_often_waits() -> Result<()> {
    const ASKED_MAX: u32 = 200;
    let platform = tests::shared();
    let (_own, strict) = platform.host_with(
        "host-strict",
        &[("SECKILL_USER_REQUESTS_PER_MINUTE_MAX", "3")],
    )?;
    let sale = platform.sale(10, 2)?;
    let user = buyer();
    let token = sale::token_in(&sale::token(&strict, &sale, user)?)?;
    sale::token(&strict, &sale, user)?.expect(200)?;
    sale::buy(&strict, user, &token, 1)?.expect(202)?;
    let limited = sale::token(&strict, &sale, user)?;
    refused(&limited, 429, 10004, "频繁")?;
    let wait: u64 = limited.header("retry-after").unwrap_or("0").parse()?;
    ensure!((1..=60).contains(&wait), "{wait} s");
    // A repeat of an accepted purchase is not limited.
    let again = sale::buy(&strict, user, &token, 1)?.expect(202)?;
    ensure!(again.header("idempotent-replayed") == Some("true"));
    sale::token(&strict, &sale, buyer())?.expect(200)?;

    let (_all, crowded) =
        platform.host_with("host-crowded", &[("SECKILL_REQUESTS_PER_SECOND_MAX", "1")])?;
    for _ in 0..ASKED_MAX {
        let reply = sale::token(&crowded, &sale, buyer())?;
        if reply.status != 200 {
            refused(&reply, 429, 10004, "频繁")?;
            ensure!(
                reply.header("retry-after") == Some("1"),
                "{:?}",
                reply.headers
            );
            platform.audit()?;
            return Ok(());
        }
    }
    anyhow::bail!("{ASKED_MAX} buyers were let in, one a second")
}
