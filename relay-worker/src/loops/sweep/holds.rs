//! Gives back the units of holds whose time is over: whoever held them has neither confirmed an order nor rolled one
//! back.

use super::Sweep;
use crate::clients::database::{Database, assembled, padded};
use crate::limits::SWEEP_HOLDS_MAX;
use crate::loops::stock::Variant;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::sync::{News, sync};
use contract::store::sql::{NOW_MS, placeholders};
use domain::stock::{Inventory, StockEffect};
use domain::{ProductId, SkuId};
use sqlx::{MySql, Row as _, Transaction};
use std::collections::{BTreeMap, HashMap};

/// A hold with open units whose time is over.
struct Due {
    id: u64,
    variant: Variant,
    open: u32,
}

/// What a batch of holds gave back.
#[derive(Default)]
struct Expired {
    holds: usize,
    units: u64,
    /// Stock to send to Redis.
    news: BTreeMap<ProductId, News>,
    /// Holds that did not fit the stored stock.
    anomalies: usize,
}

impl Sweep {
    /// Ends all holds whose time is over, a batch after the other.
    ///
    /// # Errors
    /// When a server fails. Holds that the database has ended stay ended; Redis learns of their units later.
    pub async fn sweep_all_holds(&self) -> anyhow::Result<()> {
        while self.sweep_holds().await? == SWEEP_HOLDS_MAX as usize {}
        Ok(())
    }

    async fn sweep_holds(&self) -> anyhow::Result<usize> {
        let Expired {
            holds,
            units,
            news,
            anomalies,
        } = expire(&self.databases.inventory).await?;
        self.metrics.stock_anomalies.add(anomalies);
        if holds > 0 {
            self.metrics.holds_expired.add(holds);
            tracing::warn!(holds, units, "holds that nobody confirmed are given back");
        }
        sync(&self.redis, &news).await?;
        Ok(holds)
    }
}

/// Ends the holds whose time is over by the database's clock, in one transaction. The rows of the stock are locked
/// first, as everybody who moves held units does.
async fn expire(database: &Database) -> anyhow::Result<Expired> {
    let sql = format!(
        "SELECT id, product_id FROM t_stock_hold WHERE expires_at <= {NOW_MS} ORDER BY expires_at LIMIT ?"
    );
    let due: Vec<(u64, u64)> = sqlx::query_as(assembled(sql))
        .bind(SWEEP_HOLDS_MAX)
        .fetch_all(&database.pool)
        .await?;
    if due.is_empty() {
        return Ok(Expired::default());
    }
    let mut ids: Vec<u64> = due.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    let mut products: Vec<ProductId> = due.iter().map(|(_, product)| ProductId(*product)).collect();
    products.sort_unstable();
    products.dedup();
    let mut tx = database.begin().await?;
    let mut stock = rows::inventory(&mut tx, &products, Lock::Yes).await?;
    let Ends {
        after,
        ended,
        unfit,
    } = ends(open(&mut tx, &ids).await?, &stock);
    rows::put_inventory(&mut tx, &stock, &after).await?;
    end(&mut tx, &ended).await?;
    tx.commit().await?;
    for hold in &unfit {
        tracing::error!(hold, "fewer units are locked than this hold has");
    }
    stock.extend(after);
    let mut news: BTreeMap<ProductId, News> = BTreeMap::new();
    for row in stock.into_values() {
        news.entry(row.product).or_default().rows.push(row);
    }
    Ok(Expired {
        holds: ended.len(),
        units: ended.iter().map(|due| u64::from(due.open)).sum(),
        news,
        anomalies: unfit.len(),
    })
}

/// Those of these holds that still have open units; others were confirmed or rolled back meanwhile.
async fn open(tx: &mut Transaction<'_, MySql>, ids: &[u64]) -> anyhow::Result<Vec<Due>> {
    let padded = padded(ids);
    let sql = format!(
        "SELECT id, product_id, sku_id, open_units FROM t_stock_hold WHERE id IN ({}) AND open_units > 0 \
         ORDER BY id FOR UPDATE",
        placeholders(padded.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &padded {
        query = query.bind(id);
    }
    let rows = query.fetch_all(&mut **tx).await?;
    let read = |row: sqlx::mysql::MySqlRow| {
        Ok(Due {
            id: row.try_get(0)?,
            variant: (ProductId(row.try_get(1)?), SkuId(row.try_get(2)?)),
            open: row.try_get(3)?,
        })
    };
    rows.into_iter().map(read).collect()
}

/// What ending holds does to the stock.
#[derive(Default)]
struct Ends {
    after: BTreeMap<Variant, Inventory>,
    ended: Vec<Due>,
    /// Holds of which fewer units are locked than they have; they stay as they are.
    unfit: Vec<u64>,
}

fn ends(due: Vec<Due>, stock: &HashMap<Variant, Inventory>) -> Ends {
    let mut ends = Ends::default();
    for one in due {
        let row = ends.after.get(&one.variant);
        let row = row.or_else(|| stock.get(&one.variant));
        match row.map(|row| row.apply(StockEffect::Rollback, one.open)) {
            Some(Ok(row)) => {
                ends.after.insert(one.variant, row);
                ends.ended.push(one);
            }
            _ => ends.unfit.push(one.id),
        }
    }
    ends
}

async fn end(tx: &mut Transaction<'_, MySql>, due: &[Due]) -> sqlx::Result<()> {
    let ids: Vec<u64> = due.iter().map(|due| due.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(&ids);
    let sql = format!(
        "UPDATE t_stock_hold SET expired_units = expired_units + open_units, open_units = 0, expires_at = NULL, \
         updated_at = {NOW_MS} WHERE id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(id);
    }
    query.execute(&mut **tx).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(id: u64, open: u32) -> Due {
        Due {
            id,
            variant: (ProductId(1), SkuId(2)),
            open,
        }
    }

    #[test]
    fn units_of_several_holds_of_one_sku() {
        let row = Inventory {
            product: ProductId(1),
            sku: SkuId(2),
            available: 5,
            locked: 7,
            sold: 1,
            version: 3,
        };
        let stock = HashMap::from([((row.product, row.sku), row)]);
        let done = ends(vec![due(1, 3), due(2, 4)], &stock);
        let after = done.after[&(row.product, row.sku)];
        assert_eq!((after.available, after.locked, after.sold), (12, 0, 1));
        assert!(after.version > row.version && done.unfit.is_empty());
        // One that does not fit does not stop the others.
        let done = ends(vec![due(1, 3), due(2, 5), due(3, 4)], &stock);
        let ended: Vec<u64> = done.ended.iter().map(|due| due.id).collect();
        assert_eq!((ended, done.unfit), (vec![1, 3], vec![2]));
        assert_eq!(ends(vec![due(1, 3)], &HashMap::new()).unfit, [1]);
    }
}
