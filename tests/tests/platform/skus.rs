//! Products with several skus: an order takes the lines from their skus, all or none, and a cancellation returns all of
//! them.

use anyhow::{Context, Result, ensure};
use platform::client::Reply;
use platform::shop::{PRICE, buyer, key, placed, product_id};
use platform::{Platform, soon};
use serde_json::{Value, json};

const SMALL: u64 = 11;
const LARGE: u64 = 12;

/// Creates a product with ten units of `SMALL` and four of `LARGE`.
fn variants(platform: &Platform, stock_mode: &str) -> Result<u64> {
    let skus =
        json!([{ "sku_id": SMALL, "stock": 10 }, { "sku_id": LARGE.to_string(), "stock": 4 }]);
    let body = json!({ "id": product_id(), "name": "variants", "price": PRICE, "stock_mode": stock_mode, "skus": skus });
    let made = platform.api.post("/api/v1/products", &body)?.expect(201)?;
    assert_eq!(made.body["stock"], 14, "{}", made.text);
    Ok(made.text_at("/id").parse()?)
}

fn order(platform: &Platform, user: u64, product: u64, small: u32, large: u32) -> Result<Reply> {
    let line = |sku: u64, quantity: u32| json!({ "product_id": product, "sku_id": sku, "quantity": quantity, "price": PRICE });
    let body = json!({ "user_id": user, "items": [line(SMALL, small), line(LARGE, large)] });
    platform.api.post_once("/v1/order/create", &key(), &body)
}

/// Available and locked units of a sku as the API shows them.
fn offered(platform: &Platform, product: u64, sku: u64) -> Result<(u64, u64)> {
    let path = format!("/v1/inventory/{product}?sku_id={sku}");
    let reply = platform.api.get(&path)?.expect(200)?;
    assert_eq!(reply.text_at("/sku_id"), sku.to_string());
    let units = |field: &str| reply.body[field].as_u64().context("units");
    Ok((units("available_stock")?, units("locked_stock")?))
}

/// Checks the inventory rows by sku: `available locked sold`.
fn rows(platform: &Platform, product: u64, small: &str, large: &str) -> Result<()> {
    let rows = platform.stock_rows(product)?;
    ensure!(rows == [small, large], "{rows:?}, not {small}, {large}");
    Ok(())
}

/// Units in Redis that can be sold: of `SMALL`, of `LARGE`.
fn in_redis(platform: &Platform, product: u64) -> Result<[i64; 2]> {
    let mut redis = platform.redis_connection()?;
    let mut units = [0; 2];
    for (units, sku) in units.iter_mut().zip([SMALL, LARGE]) {
        let (available, reserved): (i64, Option<i64>) = redis::cmd("HMGET")
            .arg(contract::store::redis::stock(domain::ProductId(product)))
            .arg(format!("a:{sku}"))
            .arg(format!("r:{sku}"))
            .query(&mut redis)?;
        *units = available - reserved.unwrap_or(0);
    }
    Ok(units)
}

fn all_or_none(stock_mode: &str) -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), variants(&platform, stock_mode)?);
    let redis = |units: [i64; 2]| -> Result<()> {
        let is = in_redis(&platform, product)?;
        ensure!(
            stock_mode == "db" || is == units,
            "{is:?} in Redis, not {units:?}"
        );
        Ok(())
    };
    // Too few units for the second line: nothing is taken for the first.
    let short = order(&platform, user, product, 3, 5)?;
    assert_eq!((short.status, short.code()), (409, 30001), "{}", short.text);
    assert!(
        short
            .text
            .contains(&format!("product {product} sku {LARGE}"))
    );
    rows(&platform, product, "10 0 0", "4 0 0")?;
    assert_eq!(offered(&platform, product, SMALL)?, (10, 0));
    assert_eq!(platform.orders_of(user)?, 0);

    let bought = order(&platform, user, product, 3, 4)?;
    let id = placed(&bought)?;
    assert_eq!(bought.body["actual_amount"].to_string(), "699.93");
    let lines: Vec<(&Value, &Value)> = bought.body["order"]["items"]
        .as_array()
        .context("items")?
        .iter()
        .map(|item| (&item["sku_id"], &item["quantity"]))
        .collect();
    assert_eq!(
        lines,
        [(&json!("11"), &json!(3)), (&json!("12"), &json!(4))]
    );
    // A host may cache its reply for a second.
    soon("what is left on offer", || {
        let left = (
            offered(&platform, product, SMALL)?.0,
            offered(&platform, product, LARGE)?.0,
        );
        ensure!(left == (7, 0), "{left:?}");
        Ok(())
    })?;
    soon("units locked", || {
        rows(&platform, product, "7 3 0", "0 4 0")
    })?;
    redis([7, 0])?;
    // The sku is sold out, not the product.
    let gone = order(&platform, user, product, 1, 1)?;
    assert_eq!((gone.status, gone.code()), (409, 30001));
    let whole = platform
        .api
        .get(&format!("/api/v1/products/{product}"))?
        .expect(200)?;
    let skus = json!([{ "sku_id": "11", "stock": 7 }, { "sku_id": "12", "stock": 0 }]);
    assert_eq!(
        (&whole.body["stock"], &whole.body["skus"]),
        (&json!(7), &skus)
    );

    let cancel = format!("/v1/order/{id}/cancel");
    platform.api.post(&cancel, &json!({}))?.expect(200)?;
    soon("both back", || rows(&platform, product, "10 0 0", "4 0 0"))?;
    soon("both on offer", || {
        let on_offer = (
            offered(&platform, product, SMALL)?,
            offered(&platform, product, LARGE)?,
        );
        ensure!(on_offer == ((10, 0), (4, 0)), "{on_offer:?}");
        redis([10, 4])
    })?;
    let unknown = platform
        .api
        .get(&format!("/v1/inventory/{product}?sku_id=13"))?;
    assert_eq!((unknown.status, unknown.code()), (404, 30003));
    platform.audit()?;
    Ok(())
}

#[test]
fn of_stock_in_redis() -> Result<()> {
    all_or_none("redis")
}

#[test]
fn of_stock_in_the_database() -> Result<()> {
    all_or_none("db")
}
