//! The changes of a product's stock, newest first.

use super::super::reply;
use super::{statement, view};
use contract::api::page::{Page, at_least};
use domain::{ProductId, Rejection};
use guest::config::config;
use guest::mysql::{Db, Value};
use guest::{Call, Fault, Reply};

pub async fn answer(call: &Call, product: ProductId) -> Result<Reply, Fault> {
    let page = Page::parse(&|name: &str| call.query(name))?;
    let db = Db::at(&config().await?.inventory_url);
    let id = Value::Uint64(product.0);
    let rows = db.query(statement::COUNT, vec![id.clone()]).await?;
    let total = rows
        .first()
        .ok_or(Rejection::UnknownProduct(product))?
        .u64(0)?;
    let values = vec![id, Value::Uint32(page.size), Value::Uint32(page.offset())];
    let read = |row| view(product, &row, 0);
    let changes = db.read(statement::LIST, values, read).await?;
    let total = total.max(at_least(page.offset(), changes.len()));
    reply::stock_changes(changes, total, page)
}
