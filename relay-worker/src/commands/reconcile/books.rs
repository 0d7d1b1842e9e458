//! The inventory's own books: seeded = available + locked + sold, the stock log explains what is locked and sold, and
//! the stock changes what is seeded.

use super::count;
use super::finding::{Finding, Wrong};
use crate::clients::database::Database;
use domain::id::SALE_SKU_BIT;
use sqlx::Row as _;

/// Rows of `t_inventory` that disagree with the stock log, the holds and the lines of other systems' orders.
const UNEXPLAINED: &str = "SELECT i.product_id, i.sku_id, i.locked_stock, i.sold_stock, \
     CAST(COALESCE(l.locked, 0) AS SIGNED), CAST(COALESCE(l.sold, 0) AS SIGNED) FROM t_inventory i \
     LEFT JOIN (SELECT product_id, sku_id, SUM(locked) AS locked, SUM(sold) AS sold FROM (\
     SELECT product_id, sku_id, IF(state = 1, quantity, 0) AS locked, IF(state = 2, quantity, 0) AS sold FROM t_stock_log \
     UNION ALL SELECT product_id, sku_id, open_units, 0 FROM t_stock_hold \
     UNION ALL SELECT product_id, sku_id, 0, quantity FROM t_external_line WHERE state = 1) m GROUP BY product_id, sku_id) l \
     ON l.product_id = i.product_id AND l.sku_id = i.sku_id \
     WHERE i.locked_stock <> COALESCE(l.locked, 0) OR i.sold_stock <> COALESCE(l.sold, 0) \
     ORDER BY i.product_id, i.sku_id";

/// Rows of `t_inventory` whose own numbers disagree.
const UNBALANCED: &str = "SELECT product_id, sku_id, available_stock, locked_stock, sold_stock, seeded_stock, total_stock \
     FROM t_inventory WHERE seeded_stock <> available_stock + locked_stock + sold_stock \
     OR total_stock <> available_stock + locked_stock ORDER BY product_id, sku_id";

/// Variants whose seeded units, with those of the flash sales that took theirs from it, are not the sum of its changes.
/// Products without an opening row were created by a program that records none.
const UNACCOUNTED: &str = "SELECT c.product_id, c.sku_id, CAST(c.units AS SIGNED), CAST(COALESCE(i.seeded, 0) AS SIGNED) \
     FROM (SELECT product_id, sku_id, SUM(units) AS units FROM t_stock_change \
     WHERE product_id IN (SELECT product_id FROM t_stock_change WHERE request_key IS NULL) GROUP BY product_id, sku_id) c \
     LEFT JOIN (SELECT product_id, base, SUM(seeded_stock) AS seeded FROM (SELECT product_id, seeded_stock, \
     IF(sku_id >= ?, sku_id & 4294967295, sku_id) AS base FROM t_inventory) s GROUP BY product_id, base) i \
     ON i.product_id = c.product_id AND i.base = c.sku_id WHERE c.units <> COALESCE(i.seeded, 0) \
     ORDER BY c.product_id, c.sku_id";

/// Checks the books. Each statement is one snapshot. On a busy product both numbers of a comparison change; their
/// difference stays.
///
/// # Errors
/// Where the database is away.
pub async fn check(inventory: &Database) -> anyhow::Result<Vec<Finding>> {
    let rows = count(inventory, "SELECT COUNT(*) FROM t_inventory").await?;
    let mut balance = Finding::new("1 seeded = available + locked + sold");
    balance.checked = rows;
    for row in sqlx::query(UNBALANCED).fetch_all(&inventory.pool).await? {
        let (product, sku): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
        let [available, locked, sold, seeded, total] = numbers::<5>(&row, 2)?;
        let wide = i64::from;
        let off = (
            wide(available) + wide(locked) + wide(sold) - wide(seeded),
            wide(available) + wide(locked) - wide(total),
        );
        balance.add(Wrong::new(
            (product, sku, off),
            format!(
                "product {product} sku {sku}: {available} + {locked} + {sold}, seeded {seeded}, total {total}"
            ),
        ));
    }
    let mut explained = Finding::new("1 locked and sold are what the stock log and holds say");
    explained.checked = rows;
    for row in sqlx::query(UNEXPLAINED).fetch_all(&inventory.pool).await? {
        let (product, sku): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
        let [locked, sold] = numbers::<2>(&row, 2)?;
        let (log_locked, log_sold): (i64, i64) = (row.try_get(4)?, row.try_get(5)?);
        let off = (i64::from(locked) - log_locked, i64::from(sold) - log_sold);
        explained.add(Wrong::new(
            (product, sku, off),
            format!(
                "product {product} sku {sku}: locked {locked}, explained {log_locked}; sold {sold}, explained {log_sold}"
            ),
        ));
    }
    Ok(vec![balance, explained, accounted(inventory).await?])
}

async fn accounted(inventory: &Database) -> anyhow::Result<Finding> {
    let mut accounted = Finding::new("1 seeded is the sum of the stock changes");
    accounted.checked = count(inventory, "SELECT COUNT(*) FROM t_stock_change").await?;
    let rows = sqlx::query(UNACCOUNTED)
        .bind(SALE_SKU_BIT)
        .fetch_all(&inventory.pool)
        .await?;
    for row in rows {
        let (product, sku): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
        let (changes, seeded): (i64, i64) = (row.try_get(2)?, row.try_get(3)?);
        let text = format!("product {product} sku {sku}: changes {changes}, seeded {seeded}");
        accounted.add(Wrong::new((product, sku, changes - seeded), text));
    }
    Ok(accounted)
}

fn numbers<const N: usize>(row: &sqlx::mysql::MySqlRow, from: usize) -> sqlx::Result<[u32; N]> {
    let mut numbers = [0; N];
    for (at, number) in numbers.iter_mut().enumerate() {
        *number = row.try_get(from + at)?;
    }
    Ok(numbers)
}
