//! Redis against the inventory: available stock is equal, reserved units are the sums of the intents, and no intent is
//! older than the sweep leaves it.

use super::finding::{Finding, Wrong};
use super::lookup::retried;
use crate::clients::database::Databases;
use crate::clients::redis::Redis;
use crate::limits::SWEEP_EVERY_MS;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::sweep::judge::{Shown, intent};
use anyhow::Context;
use contract::store::call::Holder;
use contract::store::redis::{reserved, stock};
use domain::limits::ORPHAN_AGE_MS;
use domain::stock::Inventory;
use domain::{Ms, OrderId, ProductId};
use std::collections::HashMap;

/// Products read at once.
const PRODUCTS: u32 = 500;
/// The longest age of an intent, in ms: the sweep has settled or released it by then.
const INTENT_AGE_MS_MAX: u64 = ORPHAN_AGE_MS + 3 * SWEEP_EVERY_MS;

/// A product's two hashes, `stock` and `reserved`: fields and values in turn.
type Hashes = (Vec<String>, Vec<String>);

/// Checks every product of the inventory.
///
/// # Errors
/// Where the inventory database or Redis is away.
pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    let mut shown = Finding::new("1 Redis shows the database's available stock");
    let mut sums = Finding::new("1 Redis' reserved units are the sum of its intents");
    let mut ages = Finding::new("6 no intent outlives its request");
    let now = now(redis).await?;
    let mut after = 0;
    loop {
        let ids: Vec<u64> = sqlx::query_scalar(
            "SELECT DISTINCT product_id FROM t_inventory WHERE product_id > ? ORDER BY product_id LIMIT ?",
        )
        .bind(after)
        .bind(PRODUCTS)
        .fetch_all(&databases.inventory.pool)
        .await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        let products: Vec<ProductId> = ids.into_iter().map(ProductId).collect();
        // In one transaction, so that intents and their sum are of one moment; and before the database, which is
        // changed first.
        let mut pipeline = ::redis::pipe();
        pipeline.atomic();
        for product in &products {
            pipeline
                .hgetall(stock(*product))
                .hgetall(reserved(*product));
        }
        let mut connection = redis.connection();
        let flat: Vec<Vec<String>> = pipeline
            .query_async(&mut connection)
            .await
            .context("Redis")?;
        let hashes = flat
            .chunks_exact(2)
            .map(|two| (two[0].clone(), two[1].clone()));
        let mut session = databases.inventory.pool.acquire().await?;
        let rows = rows::inventory(&mut session, &products, Lock::No).await?;
        let mut old = Vec::new();
        let pages: Vec<(ProductId, Hashes)> = products.into_iter().zip(hashes).collect();
        for (product, (stock, intents)) in &pages {
            let stock = Shown::read(stock);
            for row in rows.values().filter(|row| row.product == *product) {
                shown.note(differs(row, &stock));
            }
            sums.note(untrue(*product, &stock, intents));
            for pair in intents.chunks_exact(2) {
                let wrong = outlived(*product, &pair[0], &pair[1], now);
                match intent(&pair[0]).map(|intent| intent.holder) {
                    Some(Holder::Order(order)) if wrong.is_some() => old.push((order, wrong)),
                    _ => ages.note(wrong),
                }
            }
        }
        drop(session);
        let orders: Vec<OrderId> = old.iter().map(|(order, _)| *order).collect();
        let retried = retried(databases, &orders).await?;
        for (order, wrong) in old {
            ages.note(wrong.filter(|_| !retried.contains(&order)));
        }
    }
    Ok(vec![shown, sums, ages])
}

/// The present, by Redis' clock, which dates intents.
async fn now(redis: &Redis) -> anyhow::Result<Ms> {
    let (seconds, micros): (u64, u64) = ::redis::cmd("TIME")
        .query_async(&mut redis.connection())
        .await
        .context("Redis")?;
    Ok(seconds * 1_000 + micros / 1_000)
}

/// A product that is not loaded in Redis is not wrong.
fn differs(row: &Inventory, shown: &Shown) -> Option<Wrong> {
    let version = *shown.version.get(&row.sku.0)?;
    let available = shown.available.get(&row.sku.0).copied().unwrap_or_default();
    let same = version == row.version && available == i64::from(row.available);
    (!same).then(|| {
        let text = format!(
            "product {} sku {}: {available} at version {version}, database {} at {}",
            row.product.0, row.sku.0, row.available, row.version
        );
        // Where the rows change and Redis follows, the numbers differ each time.
        Wrong::new((row.product, row.sku, available, version), text)
    })
}

fn untrue(product: ProductId, shown: &Shown, intents: &[String]) -> Option<Wrong> {
    let mut sums: HashMap<u64, i64> = HashMap::new();
    for pair in intents.chunks_exact(2) {
        let sku = intent(&pair[0])?.sku;
        let quantity: i64 = pair[1].split(':').next()?.parse().ok()?;
        *sums.entry(sku.0).or_default() += quantity;
    }
    let skus = sums.keys().chain(shown.reserved.keys());
    let wrong = skus
        .copied()
        .find(|sku| sums.get(sku).unwrap_or(&0) != shown.reserved.get(sku).unwrap_or(&0))?;
    let of = |units: &HashMap<u64, i64>| units.get(&wrong).copied().unwrap_or_default();
    let (reserved, sum) = (of(&shown.reserved), of(&sums));
    Some(Wrong::new(
        (product, wrong, reserved - sum),
        format!(
            "product {} sku {wrong}: reserved {reserved}, intents {sum}",
            product.0
        ),
    ))
}

fn outlived(product: ProductId, field: &str, value: &str, now: Ms) -> Option<Wrong> {
    let at: Option<Ms> = value.split(':').nth(1).and_then(|at| at.parse().ok());
    match (intent(field), at) {
        (Some(_), Some(at)) if now.saturating_sub(at) < INTENT_AGE_MS_MAX => None,
        _ => Some(Wrong::new(
            (product, field, value),
            format!("product {}: {field} = {value}", product.0),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn sums_and_ages() {
        let order = fixtures::order(1, 1).id;
        let intents = [format!("{order}:0"), "3:1000".to_owned()];
        let shown = |r: &str| Shown::read(&["r:0".to_owned(), r.to_owned()]);
        assert_eq!(untrue(ProductId(1), &shown("3"), &intents), None);
        let wrong = untrue(ProductId(1), &shown("4"), &intents).unwrap();
        assert_eq!(wrong.text(), "product 1 sku 0: reserved 4, intents 3");
        assert!(untrue(ProductId(1), &shown("1"), &[]).is_some());
        assert_eq!(outlived(ProductId(1), &intents[0], "3:1000", 2_000), None);
        assert!(outlived(ProductId(1), &intents[0], "3:1000", 60_000).is_some());
        assert!(outlived(ProductId(1), "junk", "3:1000", 2_000).is_some());
    }
}
