//! The end of a sale: no more tokens, and unsold or returned units become ordinary stock again.

use anyhow::{Context, Result, ensure};
use platform::sale::{self, ORDINARY};
use platform::shop::buyer;
use platform::soon;
use serde_json::json;

#[test]
fn what_is_unsold_comes_back() -> Result<()> {
    let platform = tests::shared();
    let sale = platform.announce(10, 1, -1_000, 8_000)?;
    platform.preheat(&sale)?.expect(200)?;
    let mut orders = Vec::new();
    for _ in 0..3 {
        let user = buyer();
        let token = sale::token_in(&sale::token(&platform.api, &sale, user)?)?;
        let bought = sale::buy(&platform.api, user, &token, 1)?.expect(202)?;
        orders.push((user, bought.text_at("/order_id").to_owned()));
    }
    soon("the end of the sale", || {
        let reply = sale::token(&platform.api, &sale, buyer())?;
        ensure!(
            (reply.status, reply.code()) == (403, 40001),
            "{}",
            reply.text
        );
        Ok(())
    })?;
    let rows = |ordinary: u32, locked: u32| [format!("{ordinary} 0 0"), format!("0 {locked} 0")];
    soon("the unsold units", || {
        let stock = platform.stock_rows(sale.product)?;
        ensure!(stock == rows(ORDINARY + 7, 3), "{stock:?}");
        Ok(())
    })?;
    let (_, order) = &orders[0];
    platform
        .api
        .post(&format!("/v1/order/{order}/cancel"), &json!({}))?
        .expect(200)?;
    soon("the cancelled unit", || {
        let stock = platform.stock_rows(sale.product)?;
        ensure!(stock == rows(ORDINARY + 8, 2), "{stock:?}");
        let shown = platform
            .api
            .get(&format!("/v1/inventory/{}", sale.product))?;
        ensure!(
            shown.body["available_stock"] == ORDINARY + 8,
            "{}",
            shown.text
        );
        Ok(())
    })?;
    let mut redis = platform.redis_connection()?;
    let (product, number) = sale.id.split_once('-').context("an id")?;
    for key in ["", ":buyers"] {
        let key = format!("{{p{product}}}:seckill:{number}{key}");
        let left: i64 = redis::cmd("PTTL").arg(&key).query(&mut redis)?;
        ensure!(left > 0, "{key} is remembered for ever: {left}");
    }
    platform.audit()?;
    Ok(())
}
