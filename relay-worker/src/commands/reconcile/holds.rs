//! Holds of other systems: each of their units is accounted for, the lines of orders explain what was sold and rolled
//! back of them, and none outlives its time.

use super::count;
use super::finding::{Finding, Wrong};
use crate::clients::database::{Database, assembled};
use crate::limits::SWEEP_EVERY_MS;
use contract::store::sql::NOW_MS;
use sqlx::Row as _;

/// The longest time, in ms, that a hold stays open after its end: the sweep has seen it by then.
const OVERTIME_MS_MAX: u64 = 3 * SWEEP_EVERY_MS;

/// Holds whose own numbers disagree.
const UNBALANCED: &str = "SELECT id, product_id, quantity, open_units, confirmed_units, returned_units, expired_units, \
     CAST(expires_at IS NULL AS SIGNED) FROM t_stock_hold \
     WHERE quantity <> open_units + confirmed_units + returned_units + expired_units \
     OR (expires_at IS NULL) <> (open_units = 0) ORDER BY id LIMIT 1000";

/// Variants of which holds have given other units than the lines of orders have taken.
const UNEXPLAINED: &str = "SELECT product_id, sku_id, CAST(SUM(confirmed) AS SIGNED), CAST(SUM(sold) AS SIGNED), \
     CAST(SUM(returned) AS SIGNED), CAST(SUM(rolled_back) AS SIGNED) FROM (\
     SELECT product_id, sku_id, confirmed_units AS confirmed, 0 AS sold, returned_units AS returned, 0 AS rolled_back \
     FROM t_stock_hold UNION ALL \
     SELECT product_id, sku_id, 0, IF(state IN (1, 3), quantity, 0), 0, IF(state = 2, quantity, 0) FROM t_external_line) m \
     GROUP BY product_id, sku_id HAVING SUM(confirmed) <> SUM(sold) OR SUM(returned) <> SUM(rolled_back) \
     ORDER BY product_id, sku_id";

/// Checks the holds. Each statement is one snapshot.
///
/// # Errors
/// Where the database is away.
pub async fn check(inventory: &Database) -> anyhow::Result<Vec<Finding>> {
    let holds = count(inventory, "SELECT COUNT(*) FROM t_stock_hold").await?;
    let mut balanced = Finding::new("1 a hold's units are open, confirmed or given back");
    balanced.checked = holds;
    for row in sqlx::query(UNBALANCED).fetch_all(&inventory.pool).await? {
        let (id, product): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
        let mut units = [0u32; 5];
        for (at, units) in units.iter_mut().enumerate() {
            *units = row.try_get(2 + at)?;
        }
        let [quantity, open, confirmed, returned, expired] = units;
        let endless: i64 = row.try_get(7)?;
        let text = format!(
            "hold {id} of product {product}: {open} + {confirmed} + {returned} + {expired} of {quantity}, {}",
            if endless == 1 {
                "without an end"
            } else {
                "with an end"
            }
        );
        balanced.add(Wrong::new((id, units, endless), text));
    }
    Ok(vec![
        balanced,
        explained(inventory).await?,
        over(inventory, holds).await?,
    ])
}

async fn explained(inventory: &Database) -> anyhow::Result<Finding> {
    let mut explained = Finding::new("1 the lines of other systems' orders took what holds gave");
    explained.checked = count(inventory, "SELECT COUNT(*) FROM t_external_line").await?;
    for row in sqlx::query(UNEXPLAINED).fetch_all(&inventory.pool).await? {
        let (product, sku): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
        let [confirmed, sold, returned, rolled_back]: [i64; 4] = [
            row.try_get(2)?,
            row.try_get(3)?,
            row.try_get(4)?,
            row.try_get(5)?,
        ];
        let text = format!(
            "product {product} sku {sku}: holds confirmed {confirmed}, lines {sold}; returned {returned}, lines {rolled_back}"
        );
        let off = (confirmed - sold, returned - rolled_back);
        explained.add(Wrong::new((product, sku, off), text));
    }
    Ok(explained)
}

async fn over(inventory: &Database, holds: u64) -> anyhow::Result<Finding> {
    let mut over = Finding::new("6 no hold outlives its time");
    over.checked = holds;
    let sql = format!(
        "SELECT id, product_id, open_units FROM t_stock_hold WHERE expires_at <= {NOW_MS} - ? ORDER BY id LIMIT 1000"
    );
    let rows: Vec<(u64, u64, u32)> = sqlx::query_as(assembled(sql))
        .bind(OVERTIME_MS_MAX)
        .fetch_all(&inventory.pool)
        .await?;
    for (id, product, open) in rows {
        let text = format!("hold {id} of product {product} has {open} units");
        over.add(Wrong::new(id, text));
    }
    Ok(over)
}
