//! A test's own flash sales: announcing, preheating, buying, and their rows in the databases.

use crate::client::{Client, Reply};
use crate::{Platform, SHARDS};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The price of a unit in every sale made here: 9.90.
pub const SALE_PRICE: &str = "9.90";
/// Units of a sale's product that stay ordinary stock.
pub const ORDINARY: u32 = 50;

/// A preheated flash sale.
#[derive(Clone, Debug)]
pub struct Sale {
    pub id: String,
    pub product: u64,
}

/// Milliseconds since the epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

impl Platform {
    /// Announces a sale of a fresh product; `starts` and `ends` in ms from now.
    ///
    /// # Errors
    /// Where the platform refuses it.
    pub fn announce(&self, units: u32, limit: u32, starts: i64, ends: i64) -> Result<Sale> {
        let product = self.product(units + ORDINARY, "redis")?;
        let at = |offset: i64| now_ms().saturating_add_signed(offset);
        let body = json!({
            "product_id": product, "price": SALE_PRICE, "stock": units, "per_user_limit": limit,
            "starts_at": at(starts), "ends_at": at(ends),
        });
        let reply = self.api.post("/api/v1/seckill/activities", &body)?;
        ensure!(reply.status / 100 == 2, "{} {}", reply.status, reply.text);
        Ok(Sale {
            id: reply.text_at("/seckill_id").to_owned(),
            product,
        })
    }

    /// # Errors
    /// Where no whole reply came.
    pub fn preheat(&self, sale: &Sale) -> Result<Reply> {
        let body = json!({ "seckill_id": sale.id });
        self.api.post("/api/v1/seckill/preheat", &body)
    }

    /// A preheated sale that has begun, and lasts an hour.
    ///
    /// # Errors
    /// Where the platform refuses it.
    pub fn sale(&self, units: u32, limit: u32) -> Result<Sale> {
        let sale = self.announce(units, limit, -1_000, 3_600_000)?;
        self.preheat(&sale)?.expect(200)?;
        Ok(sale)
    }

    /// The numbers of orders of a product, over all shards, and of their buyers.
    ///
    /// # Errors
    /// The server's error.
    pub fn sold(&self, product: u64) -> Result<(i64, i64)> {
        let mut counts = (0, 0);
        for shard in 0..SHARDS {
            let of = |count: &str| {
                self.number(&format!(
                    "SELECT COUNT({count}) FROM order_{shard}.t_order o JOIN order_{shard}.t_order_item i ON i.order_id = o.id \
                     WHERE i.product_id = {product}"
                ))
            };
            counts.0 += of("*")?;
            counts.1 += of("DISTINCT o.user_id")?;
        }
        Ok(counts)
    }

    /// Rows of `t_inventory` of a product, `available locked sold` each, the ordinary one first.
    ///
    /// # Errors
    /// The server's error.
    pub fn stock_rows(&self, product: u64) -> Result<Vec<String>> {
        let text = self.sql(&format!(
            "SELECT available_stock, locked_stock, sold_stock FROM inventory.t_inventory WHERE product_id = {product} ORDER BY sku_id"
        ))?;
        Ok(text.lines().map(|line| line.replace('\t', " ")).collect())
    }

    /// Checks that an accepted order is written, or is a failure.
    ///
    /// # Errors
    /// Where it is neither.
    pub fn settled(&self, user: u64, order: &str) -> Result<()> {
        let shard = user % SHARDS;
        let orders = self.number(&format!(
            "SELECT COUNT(*) FROM order_{shard}.t_order WHERE id = {order} AND user_id = {user}"
        ))?;
        if orders == 1 {
            return Ok(());
        }
        let failures = self.number(&format!(
            "SELECT COUNT(*) FROM inventory.order_failures WHERE order_id = {order}"
        ))?;
        ensure!(
            failures > 0,
            "order {order} of {user} was accepted and is nowhere"
        );
        Ok(())
    }
}

/// Requests a token.
///
/// # Errors
/// Where no whole reply came.
pub fn token(api: &Client, sale: &Sale, user: u64) -> Result<Reply> {
    let body = json!({ "user_id": user, "seckill_id": sale.id });
    api.post("/api/v1/seckill/token", &body)
}

/// The token in a reply.
///
/// # Errors
/// Where there is none.
pub fn token_in(reply: &Reply) -> Result<String> {
    ensure!(
        reply.status == 200,
        "no token: {} {}",
        reply.status,
        reply.text
    );
    let token = reply.body["token"].as_str();
    Ok(token.context("no token in the reply")?.to_owned())
}

/// Buys with a token.
///
/// # Errors
/// Where no whole reply came.
pub fn buy(api: &Client, user: u64, token: &str, quantity: u32) -> Result<Reply> {
    let body: Value = json!({ "user_id": user, "token": token, "quantity": quantity });
    api.post("/api/v1/seckill/buy", &body)
}
