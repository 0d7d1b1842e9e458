//! The life of an order from creation to its end, in both stock modes, and the rows it leaves in the databases.

use anyhow::{Result, ensure};
use domain::OrderId;
use platform::shop::{Stock, buyer, placed};
use platform::{Platform, soon};
use serde_json::json;
use std::thread;

/// Waits until an order has `rows` outbox rows, all of them confirmed.
fn drained(platform: &Platform, user: u64, order: &str, rows: usize) -> Result<()> {
    soon("an empty outbox", || {
        let statuses = platform.outbox_of(user, order)?;
        ensure!(
            statuses == vec!["2"; rows],
            "outbox rows of order {order}: {statuses:?}"
        );
        Ok(())
    })
}

fn live(stock_mode: &str) -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(10, stock_mode)?);
    let id = placed(&platform.order(user, product, 2)?)?;

    let snowflake = OrderId::parse(&id).expect("an order id");
    for spelling in [id.clone(), snowflake.order_no(), snowflake.uuid()] {
        let order = platform
            .api
            .get(&format!("/v1/order/{spelling}"))?
            .expect(200)?;
        assert_eq!(
            (order.text_at("/order/id"), order.text_at("/order/status")),
            (&*id, "pending")
        );
    }
    let list = platform
        .api
        .get(&format!("/v1/order/list?user_id={user}&status=pending"))?;
    assert_eq!(
        (list.text_at("/orders/0/id"), &list.body["total"]),
        (&*id, &1.into())
    );
    soon("units locked", || {
        platform.expect_stock(product, Stock::of(8, 2, 0))
    })?;
    drained(&platform, user, &id, 1)?;

    let pay = json!({ "payment_id": format!("pay-{id}"), "user_id": user });
    for _ in 0..2 {
        let paid = platform
            .api
            .post(&format!("/v1/order/{id}/pay"), &pay)?
            .expect(200)?;
        assert_eq!(
            paid.text_at("/order/status"),
            "paid",
            "a payment reported twice is one payment"
        );
    }
    soon("units sold", || {
        platform.expect_stock(product, Stock::of(8, 0, 2))
    })?;
    for status in ["shipped", "completed"] {
        let path = format!("/api/v1/orders/{id}/status");
        let moved = platform
            .api
            .put(&path, &json!({ "status": status }))?
            .expect(200)?;
        assert_eq!(moved.text_at("/status"), status);
    }
    let order = platform
        .api
        .get(&format!("/api/v1/orders/{id}"))?
        .expect(200)?;
    for time in ["paid_at", "shipped_at", "completed_at"] {
        assert!(order.body[time].is_u64(), "{time}: {}", order.text);
    }
    drained(&platform, user, &id, 4)?;
    platform.expect_stock(product, Stock::of(8, 0, 2))?;
    let late = platform
        .api
        .post(&format!("/v1/order/{id}/cancel"), &json!({}))?;
    assert_eq!((late.status, late.code()), (409, 20005));
    Ok(())
}

#[test]
fn an_order_of_stock_in_redis_lives() -> Result<()> {
    live("redis")
}

#[test]
fn an_order_of_stock_in_the_database_lives() -> Result<()> {
    live("db")
}

/// Available units as the API shows them.
fn on_offer(platform: &Platform, product: u64) -> Result<i64> {
    let reply = platform
        .api
        .get(&format!("/v1/inventory/{product}"))?
        .expect(200)?;
    Ok(reply.body["available_stock"].as_i64().unwrap_or(-1))
}

#[test]
fn a_cancel_returns_the_stock_once_however_often_it_is_asked() -> Result<()> {
    for stock_mode in ["redis", "db"] {
        let platform = tests::shared();
        let (user, product) = (buyer(), platform.product(5, stock_mode)?);
        let id = placed(&platform.order(user, product, 3)?)?;
        assert_eq!(on_offer(&platform, product)?, 2, "promised at once");
        let path = format!("/v1/order/{id}/cancel");
        let cancels: Vec<_> = thread::scope(|scope| {
            let cancel = || {
                platform
                    .api
                    .post(&path, &json!({ "reason": "changed my mind" }))
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(cancel)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("a reply"))
                .collect()
        });
        let mut done = 0;
        for reply in cancels {
            let reply = reply?;
            match (reply.status, reply.code()) {
                (200, 10000) => done += 1,
                other => assert_eq!(other, (409, 20002), "{}", reply.text),
            }
        }
        assert_eq!(done, 1, "one of eight cancels is the one");
        soon("the units back", || {
            platform.expect_stock(product, Stock::of(5, 0, 0))
        })?;
        drained(&platform, user, &id, 2)?;
        soon("the units on offer", || {
            let units = on_offer(&platform, product)?;
            ensure!(units == 5, "{units} on offer");
            Ok(())
        })?;
        platform.expect_stock(product, Stock::of(5, 0, 0))?;
    }
    Ok(())
}

#[test]
fn a_paid_order_taken_back_by_the_back_office_returns_what_was_sold() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(4, "redis")?);
    let id = placed(&platform.order(user, product, 4)?)?;
    platform
        .api
        .post(&format!("/v1/order/{id}/pay"), &json!({}))?
        .expect(200)?;
    let refused = platform
        .api
        .post(&format!("/v1/order/{id}/cancel"), &json!({}))?;
    assert_eq!(
        (refused.status, refused.code()),
        (409, 20003),
        "a buyer may not"
    );
    let path = format!("/api/v1/orders/{id}/status");
    let body = json!({ "status": "cancelled", "reason": "broken in transit" });
    platform.api.put(&path, &body)?.expect(200)?;
    soon("the units back", || {
        platform.expect_stock(product, Stock::of(4, 0, 0))
    })?;
    drained(&platform, user, &id, 3)
}

#[test]
fn an_order_of_several_products_in_both_modes_is_all_or_nothing() -> Result<()> {
    let platform = tests::shared();
    let (in_redis, in_db, scarce) = (
        platform.product(10, "redis")?,
        platform.product(10, "db")?,
        platform.product(1, "redis")?,
    );
    let body = |user: u64, scarce_units: u32| {
        let line =
            |product: u64, quantity: u32| json!({ "product_id": product, "quantity": quantity });
        json!({ "user_id": user, "items": [line(in_redis, 2), line(in_db, 3), line(scarce, scarce_units)] })
    };
    let refused = platform.api.post("/v1/order/create", &body(buyer(), 2))?;
    assert_eq!(
        (refused.status, refused.code()),
        (409, 30001),
        "{}",
        refused.text
    );
    assert_eq!(
        on_offer(&platform, in_redis)?,
        10,
        "what was taken is returned at once"
    );
    platform.expect_stock(in_db, Stock::of(10, 0, 0))?;

    let placed = platform
        .api
        .post("/v1/order/create", &body(buyer(), 1))?
        .expect(200)?;
    assert_eq!(placed.body["actual_amount"].to_string(), "599.94");
    for (product, stock) in [
        (in_redis, Stock::of(8, 2, 0)),
        (in_db, Stock::of(7, 3, 0)),
        (scarce, Stock::of(0, 1, 0)),
    ] {
        soon("units locked", || platform.expect_stock(product, stock))?;
    }
    Ok(())
}
