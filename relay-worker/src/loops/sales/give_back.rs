//! Returns what an ended sale has left to the row it was taken from, once none of it is reserved in Redis.

use super::care::{Care, Task};
use super::close::readable;
use super::{Over, Sales};
use crate::limits::SALES_MAX;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::sync::{News, sync};
use anyhow::{Context, ensure};
use domain::id::SALE_SKU_BIT;
use domain::seckill::SeckillStatus;
use domain::stock::Inventory;
use domain::{Ms, SkuId};
use sqlx::{MySql, Row as _, Transaction};
use std::collections::BTreeMap;

const LEFT: &str = "SELECT a.id, a.product_id, a.sku_id FROM seckill_activity a \
     JOIN t_inventory i ON i.product_id = a.product_id AND i.sku_id = (CAST(? AS UNSIGNED) | (a.id << 32) | a.sku_id) \
     WHERE a.status = ? AND a.ends_at >= ? AND a.id < ? AND i.available_stock > 0 ORDER BY a.id DESC LIMIT ?";

/// Writes one row as it is after the move.
const MOVE: &str = "UPDATE t_inventory SET available_stock = ?, seeded_stock = ?, total_stock = ?, version = ?, updated_at = ? \
     WHERE product_id = ? AND sku_id = ? AND version = ?";

impl Sales {
    /// Moves what is left of sales that ended at or after `since`, each by itself.
    ///
    /// # Errors
    /// When a server is away; the remaining sales are retried later.
    pub async fn give_back(&self, care: &mut Care, since: Ms, now: Ms) -> anyhow::Result<()> {
        let mut before = u64::MAX;
        loop {
            let rows = sqlx::query(LEFT)
                .bind(SALE_SKU_BIT)
                .bind(SeckillStatus::Ended.code())
                .bind(since)
                .bind(before)
                .bind(SALES_MAX)
                .fetch_all(&self.databases.inventory.pool)
                .await?;
            let over = readable(care, Task::GiveBack, &rows)?;
            // Closed again: a restored Redis may have forgotten it.
            let promised = self.promised(&over).await?;
            for (sale, promised) in over.iter().zip(promised) {
                let moved = match promised {
                    Ok(0) => self.move_units(sale, now).await,
                    // Redis does not know, the databases do.
                    Ok(..0) => match self.is_owed(sale).await {
                        Ok(false) => self.move_units(sale, now).await,
                        owed => owed.map(drop),
                    },
                    other => other.map(drop),
                };
                let moved = moved.with_context(|| format!("flash sale {}", sale.id));
                care.ended(Task::GiveBack, sale.id.number.into(), moved);
            }
            match rows.last() {
                Some(last) if rows.len() == SALES_MAX as usize => before = last.try_get(0)?,
                _ => return Ok(()),
            }
        }
    }

    async fn move_units(&self, sale: &Over, now: Ms) -> anyhow::Result<()> {
        let product = sale.id.product;
        let mut tx = self.databases.inventory.begin().await?;
        let stock = rows::inventory(&mut tx, &[product], Lock::Yes).await?;
        let row = |sku: SkuId| {
            let row = stock.get(&(product, sku)).copied();
            row.with_context(|| format!("product {} has no sku {}", product.0, sku.0))
        };
        let (from, to) = (row(sale.sale_sku())?, row(sale.sku)?);
        if from.available == 0 {
            return Ok(());
        }
        let (from, to) = moved(from, to).context("the ordinary row cannot hold what is left")?;
        for (row, before) in [(from, from.version - 1), (to, to.version - 1)] {
            put(&mut tx, &row, before, now).await?;
        }
        tx.commit().await?;
        let units = to.available - stock[&(product, sale.sku)].available;
        tracing::info!(seckill_id = %sale.id, units, "unsold units are ordinary stock again");
        let news = News {
            rows: vec![from, to],
            settled: Vec::new(),
        };
        sync(&self.redis, &BTreeMap::from([(product, news)])).await?;
        Ok(())
    }
}

/// Both rows after all available units have moved from one to the other; the sum of their seeded units stays the same.
/// `None` where a number overflows.
fn moved(mut from: Inventory, mut to: Inventory) -> Option<(Inventory, Inventory)> {
    to.available = to.available.checked_add(from.available)?;
    u32::try_from(to.seeded()).ok()?;
    from.available = 0;
    from.version = from.version.checked_add(1)?;
    to.version = to.version.checked_add(1)?;
    Some((from, to))
}

async fn put(
    tx: &mut Transaction<'_, MySql>,
    row: &Inventory,
    before: u64,
    now: Ms,
) -> anyhow::Result<()> {
    let changed = sqlx::query(MOVE)
        .bind(row.available)
        .bind(row.seeded())
        .bind(row.available + row.locked)
        .bind(row.version)
        .bind(now)
        .bind(row.product.0)
        .bind(row.sku.0)
        .bind(before)
        .execute(&mut **tx)
        .await?
        .rows_affected();
    ensure!(changed == 1, "the stock changed under its lock");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ProductId;

    #[test]
    fn units_are_neither_made_nor_lost() {
        let row = |sku, available, locked, sold| Inventory {
            product: ProductId(1),
            sku,
            available,
            locked,
            sold,
            version: 5,
        };
        let (from, to) = (row(SkuId(0).of_sale(3), 7, 2, 1), row(SkuId(0), 90, 4, 6));
        let (left, got) = moved(from, to).unwrap();
        assert_eq!((left.available, left.locked, left.sold), (0, 2, 1));
        assert_eq!((got.available, left.version, got.version), (97, 6, 6));
        assert_eq!(left.seeded() + got.seeded(), from.seeded() + to.seeded());
        assert_eq!(moved(from, row(SkuId(0), u32::MAX, 0, 0)), None);
        assert_eq!(moved(from, row(SkuId(0), u32::MAX - 7, 1, 0)), None);
    }
}
