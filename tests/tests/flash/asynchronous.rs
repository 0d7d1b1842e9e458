//! `Prefer: respond-async`: accepted at once, an order soon after, with the same guarantees.

use anyhow::{Result, ensure};
use platform::shop::{Stock, buyer, key, order_body};
use platform::soon;

#[test]
fn an_order_accepted_for_later_becomes_one_order() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(10, "redis")?;
    let (user, once) = (buyer(), key());
    let body = order_body(user, product, 2);
    let place = || {
        let headers = [
            ("idempotency-key", once.as_str()),
            ("prefer", "respond-async, wait=5"),
        ];
        platform.api.post_with("/v1/order/create", &headers, &body)
    };
    let reply = place()?.expect(202)?;
    ensure!(
        reply.header("preference-applied") == Some("respond-async"),
        "{:?}",
        reply.headers
    );
    let order = reply.text_at("/order_id").to_owned();
    let location = reply.header("location").unwrap_or_default().to_owned();
    ensure!(location == format!("/v1/order/{order}"), "{location}");
    let seen = platform.api.get(&location)?.expect(200)?;
    let status = seen.text_at("/order/status");
    ensure!(["queued", "pending"].contains(&status), "{}", seen.text);
    let again = place()?;
    ensure!(
        again.status / 100 == 2 && again.text_at("/order_id") == order,
        "{}",
        again.text
    );
    soon("the order", || {
        let reply = platform.api.get(&location)?.expect(200)?;
        ensure!(
            reply.text_at("/order/status") == "pending",
            "{}",
            reply.text
        );
        Ok(())
    })?;
    ensure!(platform.orders_of(user)? == 1, "one order");
    soon("its units locked", || {
        platform.expect_stock(product, Stock::of(8, 2, 0))
    })?;
    let short =
        platform
            .api
            .post_later("/v1/order/create", &key(), &order_body(buyer(), product, 9))?;
    ensure!(
        (short.status, short.code()) == (409, 30001),
        "{}",
        short.text
    );
    platform.audit()?;
    Ok(())
}
