//! Loads products and their stock from the inventory database into Redis, where the script `reserve` needs them.

use contract::store::call::Holder;
use contract::store::call::stock::{self as call, Entry, Row};
use domain::id::SALE_SKU_BIT;
use domain::limits::{ABSENT_CACHE_TTL_MS, PRODUCT_CACHE_TTL_MS};
use domain::{ProductId, SkuId};
use guest::Fault;
use guest::mysql::{Db, Value};
use guest::redis::Redis;

/// Loads the catalogue entry into Redis. An unknown product is cached as such for [`ABSENT_CACHE_TTL_MS`].
///
/// # Errors
/// Where the database or Redis is away.
pub async fn load_product(redis: &Redis, db: Db<'_>, product: ProductId) -> Result<(), Fault> {
    let statement =
        "SELECT name, image, price, status, stock_mode, updated_at FROM products WHERE id = ?";
    let rows = db.query(statement, vec![Value::Uint64(product.0)]).await?;
    let load = match rows.first() {
        None => call::cache_product(product, ABSENT_CACHE_TTL_MS, None),
        Some(row) => {
            let entry = Entry {
                name: row.text(0)?,
                image: row.optional_text(1)?.unwrap_or_default(),
                price: row.i64(2)?,
                status: row.u8(3)?,
                mode: row.u8(4)?,
                updated_at: row.u64(5)?,
            };
            call::cache_product(product, PRODUCT_CACHE_TTL_MS, Some(entry))
        }
    };
    redis.call(&load).await.map(drop)
}

/// A row of the stock, from columns sku, available units and version.
///
/// # Errors
/// Where a column does not have what belongs there.
pub fn stock_row(row: &guest::mysql::Row) -> Result<Row, Fault> {
    Ok(Row {
        sku: SkuId(row.u64(0)?),
        available: row.u64(1)?,
        version: row.u64(2)?,
    })
}

/// Loads the stock of all ordinary skus of the product into Redis, drops the reservations that it includes (`settled`),
/// and returns these skus. Preheating loads those of flash sales.
///
/// # Errors
/// Where the database or Redis is away.
pub async fn load_stock(
    redis: &Redis,
    db: Db<'_>,
    product: ProductId,
    settled: &[(Holder, SkuId)],
) -> Result<Vec<SkuId>, Fault> {
    let statement = "SELECT sku_id, available_stock, version FROM t_inventory WHERE product_id = ? AND sku_id < ? LIMIT 1000";
    let parameters = vec![Value::Uint64(product.0), Value::Uint64(SALE_SKU_BIT)];
    let rows = db.query(statement, parameters).await?;
    let rows: Vec<Row> = rows.iter().map(stock_row).collect::<Result<_, _>>()?;
    redis.call(&call::sync(product, &rows, settled)).await?;
    Ok(rows.into_iter().map(|row| row.sku).collect())
}
