//! Products and their stock, from the inventory database into Redis where the reserving script needs them.

use contract::store::redis as keys;
use domain::id::SALE_SKU_BIT;
use domain::limits::{ABSENT_CACHE_TTL_MS, PRODUCT_CACHE_TTL_MS};
use domain::{ProductId, SkuId};
use guest::Fault;
use guest::mysql::{Db, Value};
use guest::redis::Redis;

/// Loads the catalogue entry into Redis. An unknown product is remembered as such for a short while.
pub async fn load_product(redis: &Redis, db: Db<'_>, product: ProductId) -> Result<(), Fault> {
    let statement =
        "SELECT name, image, price, status, stock_mode, updated_at FROM products WHERE id = ?";
    let rows = db.query(statement, vec![Value::Uint64(product.0)]).await?;
    let mut arguments: Vec<String> = Vec::with_capacity(12);
    match rows.first() {
        None => arguments.extend([
            ABSENT_CACHE_TTL_MS.to_string(),
            "0".into(),
            "absent".into(),
            "1".into(),
        ]),
        Some(row) => {
            arguments.extend([PRODUCT_CACHE_TTL_MS.to_string(), row.u64(5)?.to_string()]);
            let fields = [
                ("name", row.text(0)?),
                ("image", row.optional_text(1)?.unwrap_or_default()),
                ("price", row.i64(2)?.to_string()),
                ("status", row.u8(3)?.to_string()),
                ("mode", row.u8(4)?.to_string()),
            ];
            arguments.extend(
                fields
                    .into_iter()
                    .flat_map(|(field, value)| [field.to_owned(), value]),
            );
        }
    }
    let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
    redis
        .script(&keys::CACHE_PRODUCT, &[&keys::product(product)], &arguments)
        .await?;
    Ok(())
}

/// Loads the stock of all the product's ordinary skus into Redis and returns which there are. Those of flash sales come
/// by their preheating.
pub async fn load_stock(
    redis: &Redis,
    db: Db<'_>,
    product: ProductId,
) -> Result<Vec<SkuId>, Fault> {
    let statement = "SELECT sku_id, available_stock, version FROM t_inventory WHERE product_id = ? AND sku_id < ? LIMIT 1000";
    let parameters = vec![Value::Uint64(product.0), Value::Uint64(SALE_SKU_BIT)];
    let rows = db.query(statement, parameters).await?;
    let mut arguments = vec![rows.len().to_string()];
    let mut skus = Vec::with_capacity(rows.len());
    for row in &rows {
        skus.push(SkuId(row.u64(0)?));
        arguments.extend([
            row.u64(0)?.to_string(),
            row.u64(1)?.to_string(),
            row.u64(2)?.to_string(),
        ]);
    }
    let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
    redis
        .script(
            &keys::SYNC,
            &[&keys::stock(product), &keys::reserved(product)],
            &arguments,
        )
        .await?;
    Ok(skus)
}
