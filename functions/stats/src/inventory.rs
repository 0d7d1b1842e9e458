//! What only the inventory database has: messages that became no orders, and the current names of products. Both
//! sources of statistics read them here, so that they agree.

use super::Day;
use contract::api::failure::FailureStatus;
use contract::store::sql;
use domain::ProductId;
use domain::stats::Sold;
use guest::Fault;
use guest::config::Config;
use guest::mysql::{Db, Value};
use std::collections::HashMap;

/// Messages of a day that have not become orders.
pub async fn failures(config: &Config, day: Day) -> Result<u64, Fault> {
    let db = Db::at(&config.inventory_url);
    let rows = db
        .query(
            "SELECT COUNT(*) FROM order_failures WHERE created_at >= ? AND created_at < ? AND status <> ?",
            vec![
                Value::Uint64(day.from),
                Value::Uint64(day.to),
                Value::Uint8(FailureStatus::Success.code()),
            ],
        )
        .await?;
    rows.first()
        .ok_or_else(|| Fault::Internal("COUNT(*) gave no row".to_owned()))?
        .u64(0)
}

/// Names of those products that the catalogue has.
pub async fn names(config: &Config, hot: &[Sold]) -> Result<HashMap<ProductId, String>, Fault> {
    if hot.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<ProductId> = hot.iter().map(|sold| sold.product).collect();
    let ids = sql::padded(&ids);
    let statement = format!(
        "SELECT id, name FROM products WHERE id IN ({})",
        sql::placeholders(ids.len())
    );
    let ids = ids.into_iter().map(|product| Value::Uint64(product.0));
    let db = Db::at(&config.inventory_url);
    let rows = db.query(&statement, ids.collect()).await?;
    rows.iter()
        .map(|row| Ok((ProductId(row.u64(0)?), row.text(1)?)))
        .collect()
}
