//! Repairs catalogue entries in Redis that are older than the database's: a change of a product whose host died
//! between the two.

use super::Sweep;
use crate::clients::database::{Databases, assembled, padded};
use crate::clients::redis::Redis;
use anyhow::Context;
use contract::store::call::Call;
use contract::store::call::stock::{Entry, cache_product};
use contract::store::redis::product as entry_key;
use contract::store::sql::placeholders;
use domain::limits::PRODUCT_CACHE_TTL_MS;
use domain::{Ms, ProductId};
use sqlx::Row as _;

/// A product, and when its row was changed last.
pub type Listed = (ProductId, Ms);

impl Sweep {
    /// Brings the entries that Redis has of these products up to date. One that is newer than what was listed stays.
    ///
    /// # Errors
    /// When a server fails.
    pub(super) async fn sweep_catalogue(&self, listed: &[Listed]) -> anyhow::Result<()> {
        let cached = cached(&self.redis, listed).await?;
        let behind = listed.iter().zip(cached);
        let behind = behind
            .filter(|((_, updated_at), cached)| cached.is_some_and(|cached| cached < *updated_at));
        let behind: Vec<ProductId> = behind.map(|((product, _), _)| *product).collect();
        if behind.is_empty() {
            return Ok(());
        }
        let calls = entries(&self.databases, &behind).await?;
        let stored: Vec<usize> = self.redis.run(&calls).await?;
        let stored: usize = stored.into_iter().sum();
        self.metrics.sweep_repaired.add(stored);
        tracing::info!(products = stored, "catalogue entries brought up to date");
        Ok(())
    }
}

/// When the row was changed that Redis has of each product; `None` where it has none.
async fn cached(redis: &Redis, listed: &[Listed]) -> anyhow::Result<Vec<Option<Ms>>> {
    let mut pipeline = ::redis::pipe();
    for (product, _) in listed {
        pipeline.hget(entry_key(*product), "updated_at");
    }
    let mut connection = redis.connection();
    pipeline.query_async(&mut connection).await.context("Redis")
}

async fn entries(
    databases: &Databases,
    products: &[ProductId],
) -> anyhow::Result<Vec<Call<'static>>> {
    let products = padded(products);
    let sql = format!(
        "SELECT id, name, image, price, status, stock_mode, updated_at FROM products WHERE id IN ({})",
        placeholders(products.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for product in &products {
        query = query.bind(product.0);
    }
    let mut calls = Vec::new();
    for row in query.fetch_all(&databases.inventory.pool).await? {
        let image: Option<String> = row.try_get(2)?;
        let entry = Entry {
            name: row.try_get(1)?,
            image: image.unwrap_or_default(),
            price: row.try_get(3)?,
            status: row.try_get(4)?,
            mode: row.try_get(5)?,
            updated_at: row.try_get(6)?,
        };
        let product = ProductId(row.try_get(0)?);
        calls.push(cache_product(product, PRODUCT_CACHE_TTL_MS, Some(entry)));
    }
    Ok(calls)
}
