//! A test's own products and buyers, so that tests can share a platform, and their rows in the databases.

use crate::client::Reply;
use crate::{Platform, SHARDS};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// The price of every product made here: 99.99.
pub const PRICE: &str = "99.99";

/// The id of a buyer that no other test uses.
pub fn buyer() -> u64 {
    // Lower ids are for tests that choose their own.
    static NEXT: AtomicU64 = AtomicU64::new(100_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The id of a product that no other test uses.
pub fn product_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An idempotency key that no other test uses.
pub fn key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("key-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Rows of `t_inventory` in units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stock {
    pub available: i64,
    pub locked: i64,
    pub sold: i64,
}

impl Stock {
    pub const fn of(available: i64, locked: i64, sold: i64) -> Stock {
        Stock {
            available,
            locked,
            sold,
        }
    }
}

impl Platform {
    /// Puts a fresh product on sale; `stock_mode` is `redis` or `db`.
    ///
    /// # Errors
    /// Where the platform refuses it.
    pub fn product(&self, stock: u32, stock_mode: &str) -> Result<u64> {
        let id = product_id();
        let name = format!("product {id}");
        let body = json!({
            "id": id, "name": name, "price": PRICE, "stock": stock, "stock_mode": stock_mode,
        });
        let reply = self.api.post("/api/v1/products", &body)?;
        ensure!(reply.status / 100 == 2, "{}", reply.text);
        Ok(id)
    }

    /// Places an order of one line with a fresh idempotency key.
    ///
    /// # Errors
    /// Where no whole reply came.
    pub fn order(&self, user: u64, product: u64, quantity: u32) -> Result<Reply> {
        let body = order_body(user, product, quantity);
        self.api.post_once("/v1/order/create", &key(), &body)
    }

    /// A product's stock in the inventory database.
    ///
    /// # Errors
    /// Where there is none.
    pub fn stock(&self, product: u64) -> Result<Stock> {
        let text = self.sql(&format!(
            "SELECT available_stock, locked_stock, sold_stock FROM inventory.t_inventory WHERE product_id = {product}"
        ))?;
        let numbers: Vec<i64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        match numbers[..] {
            [available, locked, sold] => Ok(Stock::of(available, locked, sold)),
            _ => anyhow::bail!("product {product} has the stock {text:?}"),
        }
    }

    /// Checks that the database's stock of a product is `expected`.
    ///
    /// # Errors
    /// Where it is not; with both.
    pub fn expect_stock(&self, product: u64, expected: Stock) -> Result<()> {
        let stock = self.stock(product)?;
        ensure!(
            stock == expected,
            "product {product}: {stock:?}, expected {expected:?}"
        );
        Ok(())
    }

    /// The number of a user's orders, in their shard.
    ///
    /// # Errors
    /// The server's error.
    pub fn orders_of(&self, user: u64) -> Result<i64> {
        let shard = user % SHARDS;
        self.number(&format!(
            "SELECT COUNT(*) FROM order_{shard}.t_order WHERE user_id = {user}"
        ))
    }

    /// Statuses of the outbox rows of an order, oldest first.
    ///
    /// # Errors
    /// The server's error.
    pub fn outbox_of(&self, user: u64, order: &str) -> Result<Vec<String>> {
        let shard = user % SHARDS;
        let text = self.sql(&format!(
            "SELECT status FROM order_{shard}.t_local_message WHERE tx_id = '{order}' ORDER BY id"
        ))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

/// The body of an order of one line at the price of these products.
pub fn order_body(user: u64, product: u64, quantity: u32) -> Value {
    json!({
        "user_id": user,
        "items": [{ "product_id": product, "quantity": quantity, "price": PRICE }],
    })
}

/// The id of a placed order.
///
/// # Errors
/// Where none was placed.
pub fn placed(reply: &Reply) -> Result<String> {
    ensure!(
        reply.status == 200,
        "not placed: {} {}",
        reply.status,
        reply.text
    );
    let id = reply.body["order_id"].as_str();
    Ok(id
        .with_context(|| format!("no order_id in {}", reply.text))?
        .to_owned())
}
