//! A failure that was given up and is retried by hand: it becomes an order once the cause is fixed, and not before.

use anyhow::{Result, ensure};
use platform::client::Reply;
use platform::shop::{Stock, buyer};
use platform::{Platform, soon};
use serde_json::json;

/// Inserts a purchase of another system that has failed on its last attempt; the failure's id.
pub fn given_up(platform: &Platform, user: u64, product: u64) -> Result<i64> {
    let message = json!({
        "user_id": user, "product_id": product, "quantity": 2, "unit_price": 99.99, "seckill_id": "seckill_001",
        "timestamp": "2026-11-21T10:00:00Z", "phone": "13800000000",
    });
    let now = "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)";
    platform.sql(&format!(
        "INSERT INTO inventory.order_failures (source, message_id, user_id, product_id, message_data, error_message, \
         retry_count, status, next_retry_at, created_at, updated_at) \
         VALUES ('kafka', 'by-hand-{user}', {user}, {product}, '{message}', 'a test', 5, 3, {now}, {now}, {now})"
    ))?;
    platform.number(&format!(
        "SELECT id FROM inventory.order_failures WHERE message_id = 'by-hand-{user}'"
    ))
}

fn retry(platform: &Platform, id: i64) -> Result<Reply> {
    platform
        .api
        .send("POST", &format!("/api/v1/failures/{id}/retry"), &[], "")
}

/// Waits until the failure has this status.
fn ended(platform: &Platform, id: i64, status: &str) -> Result<Reply> {
    soon(&format!("failure {id} to be {status}"), || {
        let path = format!("/api/v1/failures/{id}");
        let reply = platform.api.get(&path)?.expect(200)?;
        ensure!(reply.text_at("/status") == status, "{}", reply.text);
        Ok(reply)
    })
}

#[test]
fn a_retry_by_hand_makes_the_order() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(5, "redis")?);
    let id = given_up(&platform, user, product)?;
    let before = ended(&platform, id, "failed")?;
    assert!(before.text_at("/message_data").contains(r#""phone":"***""#));

    let reply = retry(&platform, id)?.expect(200)?;
    assert_eq!(reply.text_at("/id"), id.to_string());
    let after = ended(&platform, id, "success")?;
    let order = after.text_at("/order_id");
    let path = format!("/v1/order/{order}");
    let made = platform.api.get(&path)?.expect(200)?;
    assert_eq!(
        made.body["order"]["total_amount"].to_string(),
        "199.98",
        "{}",
        made.text
    );
    soon("units locked", || {
        platform.expect_stock(product, Stock::of(3, 2, 0))
    })?;

    let again = retry(&platform, id)?.expect(409)?;
    assert_eq!(again.code(), 50002);
    assert_eq!(platform.orders_of(user)?, 1);
    platform.audit()?;
    Ok(())
}

#[test]
fn what_is_still_wrong_fails_again() -> Result<()> {
    let platform = tests::shared();
    let user = buyer();
    let id = given_up(&platform, user, 999_999_999)?;
    retry(&platform, id)?.expect(200)?;
    let after = ended(&platform, id, "failed")?;
    assert_eq!(after.body["retry_count"], 6, "this try included");
    assert_eq!(platform.orders_of(user)?, 0);
    let none = retry(&platform, i64::MAX)?.expect(404)?;
    assert_eq!(none.code(), 50001);
    Ok(())
}
