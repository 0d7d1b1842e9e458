//! Reads and writes `t_inventory` and `t_stock_log` inside a transaction, many rows per statement.

use super::{LineKey, LineState, Logged, Variant};
use crate::clients::database::{assembled, padded};
use crate::limits::STATEMENT_ROWS_MAX;
use anyhow::{Context, ensure};
use contract::store::sql::{NOW_MS, placeholders, rows_ending};
use domain::stock::Inventory;
use domain::{OrderId, ProductId, SkuId, StockMode};
use sqlx::mysql::MySqlConnection;
use sqlx::{MySql, Row as _, Transaction};
use std::collections::{BTreeMap, HashMap};

/// How rows are locked when they are read, until the transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// Waits for another transaction's lock, up to the session's lock timeout.
    Yes,
    /// Fails at once where another transaction holds a row.
    AtOnce,
    /// Locks nothing.
    No,
}

impl Lock {
    const fn clause(self) -> &'static str {
        match self {
            Lock::Yes => " FOR UPDATE",
            Lock::AtOnce => " FOR UPDATE NOWAIT",
            Lock::No => "",
        }
    }
}

/// Reads all variants of these products. The index makes all relays lock in one order.
///
/// # Errors
/// When the database fails or a row cannot be locked.
pub async fn inventory(
    session: &mut MySqlConnection,
    products: &[ProductId],
    lock: Lock,
) -> anyhow::Result<HashMap<Variant, Inventory>> {
    let mut found = HashMap::new();
    for products in products.chunks(STATEMENT_ROWS_MAX) {
        let products = padded(products);
        let sql = format!(
            "SELECT product_id, sku_id, available_stock, locked_stock, sold_stock, version \
             FROM t_inventory FORCE INDEX (uk_product_sku) WHERE product_id IN ({}) \
             ORDER BY product_id, sku_id{}",
            placeholders(products.len()),
            lock.clause()
        );
        let mut query = sqlx::query(assembled(sql));
        for product in &products {
            query = query.bind(product.0);
        }
        for row in query.fetch_all(&mut *session).await? {
            let row = Inventory {
                product: ProductId(row.try_get(0)?),
                sku: SkuId(row.try_get(1)?),
                available: row.try_get(2)?,
                locked: row.try_get(3)?,
                sold: row.try_get(4)?,
                version: row.try_get(5)?,
            };
            found.insert((row.product, row.sku), row);
        }
    }
    Ok(found)
}

/// Writes rows that were read with a lock; `before` has the rows as they were read.
///
/// # Errors
/// When the database fails, or a row was not read or has changed since.
pub async fn put_inventory(
    tx: &mut Transaction<'_, MySql>,
    before: &HashMap<Variant, Inventory>,
    after: &BTreeMap<Variant, Inventory>,
) -> anyhow::Result<()> {
    /// A bare placeholder in a select list would be compared as text.
    const NUMBER: &str = "CAST(? AS UNSIGNED)";
    let after: Vec<(&Variant, &Inventory)> = after.iter().collect();
    for chunk in after.chunks(STATEMENT_ROWS_MAX) {
        let rest = format!(" UNION ALL SELECT {}", [NUMBER; 7].join(", ")).repeat(chunk.len() - 1);
        let first = format!(
            "SELECT {NUMBER} AS product_id, {NUMBER} AS sku_id, {NUMBER} AS available, {NUMBER} AS locked, \
             {NUMBER} AS sold, {NUMBER} AS version, {NUMBER} AS seen"
        );
        let sql = format!(
            "UPDATE t_inventory i JOIN ({first}{rest}) n ON i.product_id = n.product_id AND i.sku_id = n.sku_id \
             SET i.available_stock = n.available, i.locked_stock = n.locked, i.sold_stock = n.sold, \
             i.total_stock = n.available + n.locked, i.version = n.version, i.updated_at = {NOW_MS} \
             WHERE i.version = n.seen"
        );
        let mut query = sqlx::query(assembled(sql));
        for (variant, row) in chunk {
            let seen = before.get(*variant).context("a row that was not read")?;
            query = query
                .bind(row.product.0)
                .bind(row.sku.0)
                .bind(row.available)
                .bind(row.locked)
                .bind(row.sold)
                .bind(row.version)
                .bind(seen.version);
        }
        let changed = query.execute(&mut **tx).await?.rows_affected();
        ensure!(
            changed == chunk.len() as u64,
            "the stock changed under its lock: {changed} of {} rows",
            chunk.len()
        );
    }
    Ok(())
}

/// Reads the log rows of these orders.
///
/// # Errors
/// When the database fails, or a row cannot be locked or has an unknown value.
pub async fn logs(
    session: &mut MySqlConnection,
    orders: &[OrderId],
    lock: Lock,
) -> anyhow::Result<HashMap<LineKey, Logged>> {
    let mut found = HashMap::new();
    for orders in orders.chunks(STATEMENT_ROWS_MAX) {
        let orders = padded(orders);
        let sql = format!(
            "SELECT order_id, product_id, sku_id, quantity, stock_mode, state FROM t_stock_log \
             WHERE order_id IN ({}) ORDER BY order_id, product_id, sku_id{}",
            placeholders(orders.len()),
            lock.clause()
        );
        let mut query = sqlx::query(assembled(sql));
        for order in &orders {
            query = query.bind(order.get());
        }
        for row in query.fetch_all(&mut *session).await? {
            let (key, logged) = log_row(&row)?;
            found.insert(key, logged);
        }
    }
    Ok(found)
}

/// Reads a row of the columns order_id, product_id, sku_id, quantity, stock_mode, state.
///
/// # Errors
/// When a column has an unknown value.
pub fn log_row(row: &sqlx::mysql::MySqlRow) -> anyhow::Result<(LineKey, Logged)> {
    let order: u64 = row.try_get(0)?;
    let key = (
        OrderId::new(order).with_context(|| format!("t_stock_log: order_id {order}"))?,
        ProductId(row.try_get(1)?),
        SkuId(row.try_get(2)?),
    );
    let (mode, state): (u8, u8) = (row.try_get(4)?, row.try_get(5)?);
    let logged = Logged {
        quantity: row.try_get(3)?,
        mode: StockMode::from_code(mode)
            .with_context(|| format!("t_stock_log of order {order}: stock_mode {mode}"))?,
        state: LineState::from_code(state)
            .with_context(|| format!("t_stock_log of order {order}: state {state}"))?,
    };
    Ok((key, logged))
}

/// Deletes log rows in this state and in stock mode `db`, of orders that were never inserted and whose units are given
/// back. If such an order comes after all, it must reserve its units like any other. The caller holds the rows' locks.
///
/// # Errors
/// When the database fails.
pub async fn forget_logs(
    tx: &mut Transaction<'_, MySql>,
    orders: &[OrderId],
    state: LineState,
) -> sqlx::Result<()> {
    for orders in orders.chunks(STATEMENT_ROWS_MAX) {
        let orders = padded(orders);
        let sql = format!(
            "DELETE FROM t_stock_log WHERE stock_mode = ? AND state = ? AND order_id IN ({})",
            placeholders(orders.len())
        );
        let mut query = sqlx::query(assembled(sql))
            .bind(StockMode::Db.code())
            .bind(state.code());
        for order in &orders {
            query = query.bind(order.get());
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}

/// Inserts log rows; of one that exists only the state changes.
///
/// # Errors
/// When the database fails.
pub async fn put_logs(
    tx: &mut Transaction<'_, MySql>,
    logs: &BTreeMap<LineKey, Logged>,
) -> sqlx::Result<()> {
    const PARAMETERS: usize = 6;
    let logs: Vec<(&LineKey, &Logged)> = logs.iter().collect();
    for chunk in logs.chunks(STATEMENT_ROWS_MAX) {
        let sql = format!(
            "INSERT INTO t_stock_log (order_id, product_id, sku_id, quantity, stock_mode, state, created_at, updated_at) \
             VALUES {} ON DUPLICATE KEY UPDATE state = VALUES(state), updated_at = VALUES(updated_at)",
            rows_ending(chunk.len(), PARAMETERS, &format!(", {NOW_MS}, {NOW_MS}"))
        );
        let mut query = sqlx::query(assembled(sql));
        for ((order, product, sku), logged) in chunk {
            query = query
                .bind(order.get())
                .bind(product.0)
                .bind(sku.0)
                .bind(logged.quantity)
                .bind(logged.mode.code())
                .bind(logged.state.code());
        }
        query.execute(&mut **tx).await?;
    }
    Ok(())
}
