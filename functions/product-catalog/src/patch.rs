//! Changes a product's name, picture, price or status: in the database, then in Redis, where orders read it, and only
//! then answered. A repeat after a failure in between does the rest; the relay's sweep does it otherwise.

use super::product::{self, Product};
use super::reply;
use super::route::Shape;
use super::statement::{LOCKED_PRODUCT, UPDATE_PRODUCT, UPDATED_AT};
use contract::api::product::{PatchProductRequest, ProductPatch};
use contract::store::call::stock::cache_product;
use contract::wire::cache;
use domain::limits::PRODUCT_CACHE_TTL_MS;
use domain::{Ms, ProductId, Rejection};
use guest::config::{Config, config};
use guest::mysql::{Db, Value, optional_text, text};
use guest::redis::Redis;
use guest::transaction::{self, AT_ONCE, Stop, Transaction, Work};
use guest::{Call, Fault, Reply};

pub async fn answer(call: &mut Call, id: ProductId) -> Result<Reply, Fault> {
    let patch = PatchProductRequest::parse(&call.json_body().await?)?;
    let config = config().await?;
    let redis = Redis::open(&config.redis_url).await?;
    let patching = Patching {
        id,
        patch: &patch,
        expected: expected(config, call, id).await?,
    };
    let db = Db::at(&config.inventory_url);
    let product = transaction::run(db, &patching, AT_ONCE).await.done()?;
    redis
        .call(&cache_product(
            id,
            PRODUCT_CACHE_TTL_MS,
            Some(product.entry()),
        ))
        .await?;
    let view = product::with_stored_stock(config, product, &call.trace_id).await?;
    let group = cache::product(id);
    Ok(reply::product(Shape::Bare, view)?.stale([group.as_str(), cache::PRODUCTS]))
}

/// The `updated_at` that `If-Match` asks for; `None` where any will do.
async fn expected(config: &Config, call: &Call, id: ProductId) -> Result<Option<Ms>, Fault> {
    if call.header_lines("if-match").is_empty() {
        return Ok(None);
    }
    let present = product::find(config, id, &call.trace_id).await?;
    let updated_at = present.updated_at;
    match reply::product(Shape::Bare, present)?.is_wanted(call) {
        true => Ok(Some(updated_at)),
        false => Err(Rejection::ProductChanged(id).into()),
    }
}

struct Patching<'a> {
    id: ProductId,
    patch: &'a ProductPatch,
    expected: Option<Ms>,
}

impl Work for Patching<'_> {
    type Done = Product;

    async fn perform(&self, transaction: &mut Transaction) -> Result<Product, Stop> {
        let id = Value::Uint64(self.id.0);
        let rows = transaction.query(LOCKED_PRODUCT, vec![id.clone()]).await?;
        let row = rows.first().ok_or(Rejection::UnknownProduct(self.id));
        let before = Product::read(row.map_err(Fault::from)?)?;
        if self.expected.is_some_and(|seen| seen != before.updated_at) {
            return Err(Fault::from(Rejection::ProductChanged(self.id)).into());
        }
        let product = before.patched(self.patch);
        let values = vec![
            text(&product.name),
            optional_text(product.image.as_deref()),
            Value::Int64(product.price.get()),
            Value::Uint8(product.sale.code()),
            id.clone(),
        ];
        transaction.execute(UPDATE_PRODUCT, values).await?;
        let rows = transaction.query(UPDATED_AT, vec![id]).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Fault::Internal("the product is gone".to_owned()))?;
        Ok(Product {
            updated_at: row.u64(0)?,
            ..product
        })
    }
}
