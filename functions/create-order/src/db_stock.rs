//! Units of products whose stock is kept in the database: reserved there before the order exists, with a
//! stock log row per line, so that a crash between the two databases is rolled back by the relay.

use domain::backoff::stock_spin_ms;
use domain::{Ms, OrderId, OrderItem, Rejection, StockMode};
use guest::mysql::{Db, Transaction, Value};
use guest::mysql_error::Kind;
use guest::{Fault, clock};
use std::time::Duration;

/// States of `t_stock_log`.
const RESERVED: u8 = 1;
const ROLLED_BACK: u8 = 3;

/// How a transaction over all lines ended.
enum Attempt {
    Done,
    /// Another request changed a row first, or the server asks to try again.
    Contended,
}

/// The lines this module is for, in the order in which every transaction locks them.
fn lines(items: &[OrderItem]) -> Vec<&OrderItem> {
    let mut lines: Vec<&OrderItem> = items
        .iter()
        .filter(|item| item.stock_mode == StockMode::Db)
        .collect();
    lines.sort_by_key(|item| (item.product, item.sku));
    lines
}

/// Reserves the order's database lines, all or none, by versioned updates. `deadline` cuts the retries short.
pub async fn reserve(
    url: &str,
    order: OrderId,
    items: &[OrderItem],
    deadline: Ms,
) -> Result<(), Fault> {
    let lines = lines(items);
    let Some(first) = lines.first() else {
        return Ok(());
    };
    let db = Db::at(url);
    for retry in 0.. {
        let mut transaction = db.begin().await?;
        match attempt(&mut transaction, order, &lines).await {
            Ok(Attempt::Done) => return Ok(transaction.commit().await?),
            Ok(Attempt::Contended) => transaction.rollback().await,
            Err(fault) => {
                transaction.rollback().await;
                return Err(fault);
            }
        }
        match stock_spin_ms(retry).filter(|wait| clock::now() + wait < deadline) {
            Some(wait) => clock::sleep(Duration::from_millis(wait)).await,
            None => break,
        }
    }
    Err(Rejection::StockContended {
        product: first.product,
        sku: first.sku,
    }
    .into())
}

/// The statements of one attempt; `Done` is to be committed.
async fn attempt(
    transaction: &mut Transaction,
    order: OrderId,
    lines: &[&OrderItem],
) -> Result<Attempt, Fault> {
    for line in lines {
        let seen = transaction
            .query(
                "SELECT available_stock, version FROM t_inventory WHERE product_id = ? AND sku_id = ?",
                vec![Value::Uint64(line.product.0), Value::Uint64(line.sku.0)],
            )
            .await?;
        let short = Rejection::StockInsufficient {
            product: line.product,
            sku: line.sku,
        };
        let Some(row) = seen.first() else {
            return Err(short.into());
        };
        if row.u32(0)? < line.quantity {
            return Err(short.into());
        }
        let statement = "UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, \
             version = version + 1, updated_at = ? \
             WHERE product_id = ? AND sku_id = ? AND available_stock >= ? AND version = ?";
        let values = vec![
            Value::Uint32(line.quantity),
            Value::Uint32(line.quantity),
            Value::Uint64(clock::now()),
            Value::Uint64(line.product.0),
            Value::Uint64(line.sku.0),
            Value::Uint32(line.quantity),
            Value::Uint64(row.u64(1)?),
        ];
        match transaction.update(statement, values).await {
            Ok(1) => {}
            Ok(_) => return Ok(Attempt::Contended),
            Err(error) if error.kind == Kind::Retry => return Ok(Attempt::Contended),
            Err(error) => return Err(error.into()),
        }
    }
    transaction
        .insert(INSERT_LOG, LOG_PARAMETERS, log_values(order, lines))
        .await?;
    Ok(Attempt::Done)
}

/// Head of a multi-row insert.
const INSERT_LOG: &str = "INSERT INTO t_stock_log (order_id, product_id, sku_id, quantity, stock_mode, state, created_at, updated_at) VALUES ";
const LOG_PARAMETERS: usize = 8;

fn log_values(order: OrderId, lines: &[&OrderItem]) -> Vec<Value> {
    let now = clock::now();
    let row = |line: &&OrderItem| {
        [
            Value::Uint64(order.get()),
            Value::Uint64(line.product.0),
            Value::Uint64(line.sku.0),
            Value::Uint32(line.quantity),
            Value::Uint8(line.stock_mode.code()),
            Value::Uint8(RESERVED),
            Value::Uint64(now),
            Value::Uint64(now),
        ]
    };
    lines.iter().flat_map(row).collect()
}

/// Gives back what the order's database lines hold, each once. Safe where nothing is held.
pub async fn release(url: &str, order: OrderId) -> Result<(), Fault> {
    let mut transaction = Db::at(url).begin().await?;
    let result = roll_back(&mut transaction, order).await;
    match &result {
        Ok(()) => transaction.commit().await?,
        Err(_) => transaction.rollback().await,
    }
    result
}

async fn roll_back(transaction: &mut Transaction, order: OrderId) -> Result<(), Fault> {
    let statement = "SELECT product_id, sku_id, quantity FROM t_stock_log \
         WHERE order_id = ? AND stock_mode = ? AND state = ? ORDER BY product_id, sku_id FOR UPDATE";
    let mode = Value::Uint8(StockMode::Db.code());
    let held = transaction
        .query(
            statement,
            vec![Value::Uint64(order.get()), mode, Value::Uint8(RESERVED)],
        )
        .await?;
    for row in &held {
        let (product, sku, quantity) = (row.u64(0)?, row.u64(1)?, row.u32(2)?);
        let now = clock::now();
        let statement = "UPDATE t_inventory SET available_stock = available_stock + ?, locked_stock = locked_stock - ?, \
             version = version + 1, updated_at = ? WHERE product_id = ? AND sku_id = ? AND locked_stock >= ?";
        let values = vec![
            Value::Uint32(quantity),
            Value::Uint32(quantity),
            Value::Uint64(now),
            Value::Uint64(product),
            Value::Uint64(sku),
            Value::Uint32(quantity),
        ];
        if transaction.update(statement, values).await? != 1 {
            return Err(Fault::Internal(format!(
                "order {order}: product {product} has fewer units locked than reserved"
            )));
        }
        let statement = "UPDATE t_stock_log SET state = ?, updated_at = ? WHERE order_id = ? AND product_id = ? AND sku_id = ?";
        let values = vec![
            Value::Uint8(ROLLED_BACK),
            Value::Uint64(now),
            Value::Uint64(order.get()),
            Value::Uint64(product),
            Value::Uint64(sku),
        ];
        transaction.execute(statement, values).await?;
    }
    Ok(())
}
