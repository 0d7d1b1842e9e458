//! A product with its stock. It comes from Redis, where the script `reserve` needs it anyway.

use super::statement;
use contract::api::amount::Amount;
use contract::api::product::{ProductPatch, ProductView, SaleStatus, SkuView};
use contract::store::call::stock::{self as call, Entry};
use domain::{Cents, Ms, ProductId, Rejection, StockMode};
use guest::Fault;
use guest::config::Config;
use guest::mysql::{Db, Row};
use guest::redis::Redis;
use shop::catalogue;
use shop::inventory::shown::{self as stock, SkuStock};

/// A catalogue entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    pub id: ProductId,
    pub name: String,
    pub image: Option<String>,
    pub price: Cents,
    pub sale: SaleStatus,
    pub mode: StockMode,
    pub updated_at: Ms,
}

/// What Redis has of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cached {
    Miss,
    Absent,
    Known(Product),
}

impl Product {
    /// From the columns of `statement::COLUMNS`.
    pub fn read(row: &Row) -> Result<Product, Fault> {
        let (price, sale, mode) = (row.i64(3)?, row.u8(4)?, row.u8(5)?);
        let wrong = |what: &str| Fault::Internal(format!("a product's {what} is not acceptable"));
        Ok(Product {
            id: ProductId(row.u64(0)?),
            name: row.text(1)?,
            image: row.optional_text(2)?,
            price: Cents::new(price).ok_or_else(|| wrong("price"))?,
            sale: SaleStatus::from_code(sale).ok_or_else(|| wrong("status"))?,
            mode: StockMode::from_code(mode).ok_or_else(|| wrong("stock mode"))?,
            updated_at: row.u64(6)?,
        })
    }

    /// The product after a patch, `updated_at` apart.
    pub fn patched(self, patch: &ProductPatch) -> Product {
        Product {
            name: patch.name.clone().unwrap_or(self.name),
            image: patch.image.clone().unwrap_or(self.image),
            price: patch.price.unwrap_or(self.price),
            sale: patch.sale.unwrap_or(self.sale),
            ..self
        }
    }

    /// As Redis keeps it.
    pub fn entry(&self) -> Entry {
        Entry {
            name: self.name.clone(),
            image: self.image.clone().unwrap_or_default(),
            price: self.price.get(),
            status: self.sale.code(),
            mode: self.mode.code(),
            updated_at: self.updated_at,
        }
    }

    pub fn view(self, stock: &[SkuStock]) -> ProductView {
        let variants = stock.iter().any(|entry| entry.sku.0 != 0);
        let sku = |entry: &SkuStock| SkuView {
            sku_id: entry.sku.0.to_string(),
            stock: entry.available,
        };
        ProductView {
            id: self.id.0.to_string(),
            name: self.name,
            image: self.image,
            price: Amount(self.price),
            stock: stock.iter().map(|entry| entry.available).sum(),
            skus: if variants {
                stock.iter().map(sku).collect()
            } else {
                Vec::new()
            },
            status: self.sale.name(),
            stock_mode: self.mode.name(),
            updated_at: self.updated_at,
        }
    }
}

/// The catalogue entry in a Redis hash; a miss where it cannot be read.
fn cached<'a>(id: ProductId, fields: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Cached {
    let field = |name: &str| {
        let mut fields = fields.clone();
        fields.find_map(|(field, value)| (field == name).then_some(value))
    };
    if field("absent").is_some() {
        return Cached::Absent;
    }
    let read = || -> Option<Product> {
        Some(Product {
            id,
            name: field("name")?.to_owned(),
            image: field("image")
                .filter(|image| !image.is_empty())
                .map(str::to_owned),
            price: Cents::new(field("price")?.parse().ok()?)?,
            sale: SaleStatus::from_code(field("status")?.parse().ok()?)?,
            mode: StockMode::from_code(field("mode")?.parse().ok()?)?,
            updated_at: field("updated_at")?.parse().ok()?,
        })
    };
    read().map_or(Cached::Miss, Cached::Known)
}

/// One product; where Redis has both its entry and its stock, no database is read.
pub async fn find(config: &Config, id: ProductId, trace_id: &str) -> Result<ProductView, Fault> {
    let answers = match from_redis(config, id).await {
        Ok((Cached::Absent, _)) => return Err(Rejection::UnknownProduct(id).into()),
        Ok((Cached::Known(product), stock)) if !stock.is_empty() => {
            return Ok(product.view(&stock));
        }
        Ok((Cached::Known(product), _)) => {
            return with_stored_stock(config, product, trace_id).await;
        }
        Ok((Cached::Miss, _)) => true,
        Err(fault) => {
            guest::http::log(&fault, trace_id);
            false
        }
    };
    let found = {
        let db = Db::at(&config.inventory_url);
        let statement = statement::products(&[id]);
        let rows = db.query(&statement.text, statement.values).await?;
        if answers {
            let remembered = remember(config, db, id).await;
            remembered.unwrap_or_else(|fault| guest::http::log(&fault, trace_id));
        }
        rows.first().map(Product::read).transpose()?
    };
    let product = found.ok_or(Rejection::UnknownProduct(id))?;
    with_stored_stock(config, product, trace_id).await
}

/// The product as it is shown, with the stock as far as it is known.
pub async fn with_stored_stock(
    config: &Config,
    product: Product,
    trace_id: &str,
) -> Result<ProductView, Fault> {
    let stock = stock::of_products(config, &[product.id], trace_id).await?;
    let stock = stock.get(&product.id).map_or(&[][..], Vec::as_slice);
    Ok(product.view(stock))
}

/// Entry and stock. The stock is empty where the database keeps it, or it is not loaded.
async fn from_redis(config: &Config, id: ProductId) -> Result<(Cached, Vec<SkuStock>), Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    let answer = redis.call(&call::product(id)).await?;
    let length: usize = answer.number(0, "length of a product's entry")?;
    let entry = 1..length.saturating_add(1);
    let promised = entry.end..answer.len();
    let cached = cached(id, answer.pairs(entry));
    let stock = match &cached {
        Cached::Known(product) if product.mode == StockMode::Redis => {
            let promises = stock::promises(answer.pairs(promised)).into_iter();
            promises.map(|(sku, promise)| promise.alone(sku)).collect()
        }
        _ => Vec::new(),
    };
    Ok((cached, stock))
}

async fn remember(config: &Config, db: Db<'_>, id: ProductId) -> Result<(), Fault> {
    let redis = Redis::open(&config.redis_url).await?;
    catalogue::load_product(&redis, db, id).await
}

#[cfg(test)]
mod tests;
