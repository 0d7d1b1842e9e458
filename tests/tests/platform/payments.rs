//! A payment pays one order, whichever shards the orders are in. A payment that cannot pay its order is recorded for a
//! refund.

use anyhow::Result;
use platform::client::Reply;
use platform::shop::{PRICE, buyer, key, placed};
use platform::{Platform, SHARDS};
use serde_json::json;
use std::thread;

fn pay(platform: &Platform, order: &str, payment: &str) -> Result<Reply> {
    let body = json!({ "order_id": order, "payment_id": payment });
    platform.api.post("/v1/payment/callback", &body)
}

fn order(platform: &Platform, user: u64, product: u64) -> Result<String> {
    placed(&platform.order(user, product, 1)?)
}

/// Orders paid by this payment, over all shards, and refunds due for it.
fn books(platform: &Platform, payment: &str) -> Result<(i64, i64)> {
    let (mut paid, mut due) = (0, 0);
    for shard in 0..SHARDS {
        paid += platform.number(&format!(
            "SELECT COUNT(*) FROM order_{shard}.t_order WHERE payment_id = '{payment}'"
        ))?;
        due += platform.number(&format!(
            "SELECT COUNT(*) FROM order_{shard}.v_refund WHERE payment_id = '{payment}'"
        ))?;
    }
    Ok((paid, due))
}

#[test]
fn of_many_orders_a_payment_pays_one() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(100, "redis")?;
    let orders: Vec<String> = (0..8)
        .map(|_| order(&platform, buyer(), product))
        .collect::<Result<_>>()?;
    let payment = key();
    let replies: Vec<Reply> = thread::scope(|scope| {
        let threads: Vec<_> = orders
            .iter()
            .map(|order| scope.spawn(|| pay(&platform, order, &payment)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a reply"))
            .collect::<Result<_>>()
    })?;
    let paid = replies.iter().filter(|reply| reply.status == 200).count();
    let used = replies
        .iter()
        .filter(|reply| (reply.status, reply.code()) == (409, 20006));
    assert_eq!((paid, used.count()), (1, 7), "{replies:?}");
    assert_eq!(books(&platform, &payment)?, (1, 0));
    // The provider may report the same payment of this order again.
    let at = replies
        .iter()
        .position(|reply| reply.status == 200)
        .unwrap();
    pay(&platform, &orders[at], &payment)?.expect(200)?;
    platform.audit()?;
    Ok(())
}

/// The order costs what one unit does.
#[test]
fn a_payment_of_another_amount_pays_nothing() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let order = order(&platform, buyer(), product)?;
    let (wrong, right) = (key(), key());
    let report = |payment: &str, amount: &str| {
        let body = json!({ "order_id": order, "payment_id": payment, "amount": amount });
        platform.api.post("/v1/payment/callback", &body)
    };
    for amount in ["0.01", PRICE, "0.01"] {
        let refused = report(&wrong, amount)?.expect(409)?;
        assert_eq!(refused.code(), 20007, "{}", refused.text);
    }
    assert_eq!(books(&platform, &wrong)?, (0, 1));
    report(&right, PRICE)?.expect(200)?;
    assert_eq!(books(&platform, &right)?, (1, 0));
    platform.audit()?;
    Ok(())
}

#[test]
fn money_for_an_order_that_cannot_be_paid_is_put_down() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let (cancelled, paid) = (
        order(&platform, buyer(), product)?,
        order(&platform, buyer(), product)?,
    );
    platform
        .api
        .post(&format!("/v1/order/{cancelled}/cancel"), &json!({}))?
        .expect(200)?;
    let (late, first, second) = (key(), key(), key());
    for _ in 0..2 {
        let refused = pay(&platform, &cancelled, &late)?.expect(409)?;
        assert_eq!(refused.code(), 20008);
    }
    assert_eq!(books(&platform, &late)?, (0, 1));
    pay(&platform, &paid, &first)?.expect(200)?;
    let twice = pay(&platform, &paid, &second)?.expect(409)?;
    assert_eq!(twice.code(), 20003);
    assert_eq!(books(&platform, &first)?, (1, 0));
    assert_eq!(books(&platform, &second)?, (0, 1));
    // A payment recorded for one order cannot pay another.
    let other = order(&platform, buyer(), product)?;
    assert_eq!(pay(&platform, &other, &late)?.code(), 20006);
    platform.audit()?;
    Ok(())
}
