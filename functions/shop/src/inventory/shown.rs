//! The stock that is shown. For products reserved in Redis: what Redis can still reserve, as far as it is loaded; for
//! the others, and while Redis is away, what the database has.

use contract::store::redis as keys;
use contract::store::sql::{padded, placeholders};
use domain::id::SALE_SKU_BIT;
use domain::{ProductId, SkuId, StockMode};
use futures::future::join_all;
use guest::Fault;
use guest::config::Config;
use guest::mysql::{Db, Value};
use guest::redis::Redis;
use std::collections::{BTreeMap, HashMap};

/// Units of one sku.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkuStock {
    /// Ordinary, never a flash sale's.
    pub sku: SkuId,
    /// Can be ordered now.
    pub available: u64,
    /// Reserved for orders that are not paid, or held by another system.
    pub locked: u64,
}

/// One row of the database.
#[derive(Clone, Copy, Debug)]
struct Stored {
    stock: SkuStock,
    mode: StockMode,
}

/// What Redis keeps of one sku: available in the database when last loaded, and reserved since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Promise {
    available: u64,
    reserved: u64,
}

/// The skus in a product's stock hash. One without its `a:` field is not loaded; those of flash sales are left out.
pub fn promises<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<SkuId, Promise> {
    let mut loaded: BTreeMap<SkuId, (Option<u64>, u64)> = BTreeMap::new();
    for (field, value) in fields {
        let Some((kind, sku)) = field.split_once(':') else {
            continue;
        };
        let (Ok(sku), Ok(units)) = (sku.parse().map(SkuId), value.parse::<i64>()) else {
            continue;
        };
        if sku.sale().is_some() {
            continue;
        }
        let entry = loaded.entry(sku).or_default();
        match kind {
            "a" => entry.0 = Some(units.max(0).unsigned_abs()),
            "r" => entry.1 = units.max(0).unsigned_abs(),
            _ => {}
        }
    }
    loaded
        .into_iter()
        .filter_map(|(sku, (available, reserved))| {
            let available = available?;
            Some((
                sku,
                Promise {
                    available,
                    reserved,
                },
            ))
        })
        .collect()
}

impl Promise {
    /// As shown without the database: units locked there are missing.
    pub fn alone(self, sku: SkuId) -> SkuStock {
        SkuStock {
            sku,
            available: self.available.saturating_sub(self.reserved),
            locked: self.reserved,
        }
    }
}

fn shown(stored: Stored, promise: Option<Promise>) -> SkuStock {
    match (stored.mode, promise) {
        (StockMode::Redis, Some(promise)) => {
            let alone = promise.alone(stored.stock.sku);
            SkuStock {
                locked: stored.stock.locked + alone.locked,
                ..alone
            }
        }
        _ => stored.stock,
    }
}

/// The skus of one product, as Redis has them.
async fn promised(redis: &Redis, product: ProductId) -> Result<BTreeMap<SkuId, Promise>, Fault> {
    let hash = redis
        .command("HGETALL", [keys::stock(product).into_bytes()])
        .await?;
    Ok(promises(hash.pairs(0..hash.len())))
}

/// Stock by product and sku; a product without any is not in the map.
///
/// # Errors
/// Where the database is away.
pub async fn of_products(
    config: &Config,
    products: &[ProductId],
    trace_id: &str,
) -> Result<HashMap<ProductId, Vec<SkuStock>>, Fault> {
    if products.is_empty() {
        return Ok(HashMap::new());
    }
    let stored = stored(config, products).await?;
    let in_redis: Vec<ProductId> = stored
        .iter()
        .filter(|(_, rows)| rows.iter().any(|row| row.mode == StockMode::Redis))
        .map(|(product, _)| *product)
        .collect();
    let promised = match promised_all(config, &in_redis).await {
        Ok(promised) => promised,
        Err(fault) => {
            guest::http::log(&fault, trace_id);
            HashMap::new()
        }
    };
    let of_product = |(product, rows): (ProductId, Vec<Stored>)| {
        let promises = promised.get(&product);
        let shown = rows.into_iter().map(|row| {
            let promise = promises.and_then(|promises| promises.get(&row.stock.sku));
            shown(row, promise.copied())
        });
        (product, shown.collect())
    };
    Ok(stored.into_iter().map(of_product).collect())
}

/// Columns: product, sku, available, locked, stock mode. Without the units of flash sales.
fn statement(products: &[ProductId]) -> (String, Vec<Value>) {
    let padded = padded(products).into_iter();
    let mut values: Vec<Value> = padded.map(|id| Value::Uint64(id.0)).collect();
    let marks = placeholders(values.len());
    values.push(Value::Uint64(SALE_SKU_BIT));
    let text = format!(
        "SELECT i.product_id, i.sku_id, i.available_stock, i.locked_stock, p.stock_mode \
         FROM t_inventory i JOIN products p ON p.id = i.product_id \
         WHERE i.product_id IN ({marks}) AND i.sku_id < ? ORDER BY i.product_id, i.sku_id"
    );
    (text, values)
}

async fn stored(
    config: &Config,
    products: &[ProductId],
) -> Result<HashMap<ProductId, Vec<Stored>>, Fault> {
    let (statement, values) = statement(products);
    let db = Db::at(&config.inventory_url);
    let rows = db.read(&statement, values, |row| {
        let mode = row.u8(4)?;
        let entry = Stored {
            stock: SkuStock {
                sku: SkuId(row.u64(1)?),
                available: row.u64(2)?,
                locked: row.u64(3)?,
            },
            mode: StockMode::from_code(mode)
                .ok_or_else(|| Fault::Internal(format!("stock mode {mode}")))?,
        };
        Ok((ProductId(row.u64(0)?), entry))
    });
    let mut stored: HashMap<ProductId, Vec<Stored>> = HashMap::new();
    for (product, entry) in rows.await? {
        stored.entry(product).or_default().push(entry);
    }
    Ok(stored)
}

/// All products concurrently over one connection: their keys lie in different slots.
async fn promised_all(
    config: &Config,
    products: &[ProductId],
) -> Result<HashMap<ProductId, BTreeMap<SkuId, Promise>>, Fault> {
    if products.is_empty() {
        return Ok(HashMap::new());
    }
    let redis = Redis::open(&config.redis_url).await?;
    let asked = products.iter().map(|product| promised(&redis, *product));
    let answers = join_all(asked).await.into_iter();
    products
        .iter()
        .zip(answers)
        .map(|(product, promises)| Ok((*product, promises?)))
        .collect()
}

#[cfg(test)]
mod tests;
