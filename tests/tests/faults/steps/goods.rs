//! Changes of a product during which the platform crashes: more units, fewer units, another price, and a reservation
//! of a change that was never made. Each has a product of its own.

use anyhow::{Context, Result, ensure};
use contract::store::call::Holder;
use contract::store::redis::{reserved, stock};
use domain::ProductId;
use platform::Platform;
use platform::client::{Client, Reply};
use serde_json::json;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Units that the product is made with.
pub const HAD: u32 = 50;
/// Units by which the stock changes.
pub const MORE: i64 = 5;
pub const FEWER: i64 = -3;
const NEW_PRICE: f64 = 12.5;
const OLD_MS: u64 = 60_000;

/// A restock or a correction.
pub fn change(api: &Client, product: u64, key: &str, units: i64) -> Result<Reply> {
    let body = json!({ "change": units, "reason": "a delivery" });
    api.post_once(&format!("/api/v1/products/{product}/stock"), key, &body)
}

pub fn reprice(api: &Client, product: u64) -> Result<Reply> {
    let body = json!({ "price": NEW_PRICE }).to_string();
    let json = ("content-type", "application/json");
    api.send(
        "PATCH",
        &format!("/api/v1/products/{product}"),
        &[json],
        &body,
    )
}

fn holder(key: &str) -> Holder {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Holder::Change(hasher.finish().into())
}

/// Reserves units in Redis, as a change does whose host died long ago.
pub fn abandon(platform: &Platform, product: u64, key: &str) -> Result<()> {
    let product = ProductId(product);
    let mut redis = platform.redis_connection()?;
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query(&mut redis)?;
    let units = FEWER.unsigned_abs();
    let intent = format!("{units}:{}", seconds * 1_000 - OLD_MS);
    redis::pipe()
        .atomic()
        .hincr(stock(product), "r:0", units)
        .hset(reserved(product), format!("{}:0", holder(key)), intent)
        .query::<()>(&mut redis)?;
    Ok(())
}

/// Whether Redis reserves nothing of the product.
pub fn is_free(platform: &Platform, product: u64) -> Result<()> {
    let product = ProductId(product);
    let mut redis = platform.redis_connection()?;
    let (left, units): (u64, Option<i64>) = redis::pipe()
        .hlen(reserved(product))
        .hget(stock(product), "r:0")
        .query(&mut redis)?;
    ensure!(
        left == 0 && units.unwrap_or(0) == 0,
        "{left} intents, {units:?} units"
    );
    Ok(())
}

/// The units of the product were changed once, in the database and in what is shown.
pub fn changed_once(platform: &Platform, product: u64, units: i64) -> Result<()> {
    let now = i64::from(HAD) + units;
    let rows = platform.stock_rows(product)?;
    ensure!(rows == [format!("{now} 0 0")], "{rows:?}");
    let changes = platform.number(&format!(
        "SELECT COUNT(*) FROM inventory.t_stock_change WHERE product_id = {product}"
    ))?;
    // The first row is what the product was made with.
    ensure!(changes == 1 + i64::from(units != 0), "{changes} changes");
    is_free(platform, product)?;
    let shown = platform.api.get(&format!("/api/v1/products/{product}"))?;
    let shown = shown.expect(200)?;
    let stock = shown.body["stock"].as_i64().context("stock")?;
    ensure!(stock == now, "{}", shown.text);
    Ok(())
}

/// Orders are placed at the new price, which is what Redis knows.
pub fn has_new_price(platform: &Platform, product: u64) -> Result<()> {
    let shown = platform.api.get(&format!("/api/v1/products/{product}"))?;
    let shown = shown.expect(200)?;
    ensure!(
        shown.body["price"].as_f64() == Some(NEW_PRICE),
        "{}",
        shown.text
    );
    let body = json!({
        "user_id": platform::shop::buyer(),
        "items": [{ "product_id": product, "quantity": 1, "price": NEW_PRICE }],
    });
    let reply = platform
        .api
        .post_once("/v1/order/create", &platform::shop::key(), &body)?;
    reply.expect(200).map(drop)
}
