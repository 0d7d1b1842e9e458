//! Units of products whose stock is kept in the database: reserved there before the order exists, with a
//! stock log row per line, so that a crash between the two databases is rolled back by the relay.

use contract::sql::NOW_MS;
use domain::backoff::stock_spin_ms;
use domain::{OrderId, OrderItem, Rejection, StockMode};
use guest::mysql::{Db, SqlError, Transaction, Value};
use guest::mysql_error::Kind;
use guest::{Fault, clock};
use std::time::{Duration, Instant};

/// `t_stock_log.state` of a reservation. One that is given back leaves no row: it is no reservation.
const RESERVED: u8 = 1;
/// Giving back may take so long, retries included; the relay does it later otherwise.
const RELEASE_MAX: Duration = Duration::from_secs(2);

/// Why a transaction's work did not get done; it is rolled back.
enum Stop {
    /// The server asks to try again: another transaction was in the way.
    Again,
    Fault(Fault),
}

impl From<SqlError> for Stop {
    fn from(error: SqlError) -> Stop {
        match error.kind {
            Kind::Retry => Stop::Again,
            _ => Stop::Fault(error.into()),
        }
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

/// What a transaction is for.
#[derive(Clone, Copy)]
enum Work<'a> {
    Take(&'a [&'a OrderItem]),
    GiveBack,
}

/// Runs `work` in a transaction of its own, from the start again where the server asks for it, until `deadline`.
async fn transact(
    url: &str,
    deadline: Instant,
    order: OrderId,
    work: Work<'_>,
) -> Result<(), Stop> {
    let db = Db::at(url);
    for retry in 0.. {
        let mut transaction = db.begin().await?;
        let worked = match work {
            Work::Take(lines) => take(&mut transaction, order, lines).await,
            Work::GiveBack => roll_back(&mut transaction, order).await,
        };
        let done = match worked {
            Ok(()) => transaction.commit().await.map_err(Stop::from),
            Err(stop) => {
                transaction.rollback().await;
                Err(stop)
            }
        };
        let Err(Stop::Again) = done else {
            return done;
        };
        let wait = stock_spin_ms(retry).map(Duration::from_millis);
        match wait.filter(|wait| Instant::now() + *wait < deadline) {
            Some(wait) => clock::sleep(wait).await,
            None => break,
        }
    }
    Err(Stop::Again)
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

/// Reserves the order's database lines, all or none. The row's own lock puts requests for one variant in a queue: each takes
/// what is there when its turn comes, so nobody is sent away while there are units. `deadline` cuts retries short.
pub async fn reserve(
    url: &str,
    order: OrderId,
    items: &[OrderItem],
    deadline: Instant,
) -> Result<(), Fault> {
    let lines = lines(items);
    let Some(first) = lines.first() else {
        return Ok(());
    };
    transact(url, deadline, order, Work::Take(&lines))
        .await
        .map_err(|stop| match stop {
            Stop::Fault(fault) => fault,
            Stop::Again => Rejection::StockContended {
                product: first.product,
                sku: first.sku,
            }
            .into(),
        })
}

/// The log first, as nobody else wants its rows: those of the stock are locked for as short as can be.
async fn take(
    transaction: &mut Transaction,
    order: OrderId,
    lines: &[&OrderItem],
) -> Result<(), Stop> {
    transaction
        .insert_ending(
            INSERT_LOG,
            LOG_PARAMETERS,
            &format!(", {NOW_MS}, {NOW_MS}"),
            log_values(order, lines),
        )
        .await?;
    for line in lines {
        let statement = format!(
            "UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, \
             version = version + 1, updated_at = {NOW_MS} \
             WHERE product_id = ? AND sku_id = ? AND available_stock >= ?"
        );
        let values = vec![
            Value::Uint32(line.quantity),
            Value::Uint32(line.quantity),
            Value::Uint64(line.product.0),
            Value::Uint64(line.sku.0),
            Value::Uint32(line.quantity),
        ];
        if transaction.update(&statement, values).await? != 1 {
            let short = Rejection::StockInsufficient {
                product: line.product,
                sku: line.sku,
            };
            return Err(Stop::Fault(short.into()));
        }
    }
    Ok(())
}

/// Head of a multi-row insert; the times are the database's, as the relay goes by their age.
const INSERT_LOG: &str = "INSERT INTO t_stock_log (order_id, product_id, sku_id, quantity, stock_mode, state, created_at, updated_at) VALUES ";
const LOG_PARAMETERS: usize = 6;

fn log_values(order: OrderId, lines: &[&OrderItem]) -> Vec<Value> {
    let row = |line: &&OrderItem| {
        [
            Value::Uint64(order.get()),
            Value::Uint64(line.product.0),
            Value::Uint64(line.sku.0),
            Value::Uint32(line.quantity),
            Value::Uint8(line.stock_mode.code()),
            Value::Uint8(RESERVED),
        ]
    };
    lines.iter().flat_map(row).collect()
}

/// Gives back what the order's database lines hold, each once. Safe where nothing is held.
pub async fn release(url: &str, order: OrderId) -> Result<(), Fault> {
    let deadline = Instant::now() + RELEASE_MAX;
    transact(url, deadline, order, Work::GiveBack)
        .await
        .map_err(|stop| match stop {
            Stop::Fault(fault) => fault,
            Stop::Again => Fault::Unavailable {
                backend: "mysql",
                reason: format!("what order {order} had reserved is locked by others"),
            },
        })
}

async fn roll_back(transaction: &mut Transaction, order: OrderId) -> Result<(), Stop> {
    let statement = "SELECT product_id, sku_id, quantity FROM t_stock_log \
         WHERE order_id = ? AND stock_mode = ? AND state = ? ORDER BY product_id, sku_id FOR UPDATE";
    let held = [
        Value::Uint64(order.get()),
        Value::Uint8(StockMode::Db.code()),
        Value::Uint8(RESERVED),
    ];
    let rows = transaction.query(statement, held.to_vec()).await?;
    if rows.is_empty() {
        return Ok(());
    }
    for row in &rows {
        let (product, sku, quantity) = (row.u64(0)?, row.u64(1)?, row.u32(2)?);
        let statement = format!(
            "UPDATE t_inventory SET available_stock = available_stock + ?, locked_stock = locked_stock - ?, \
             version = version + 1, updated_at = {NOW_MS} WHERE product_id = ? AND sku_id = ? AND locked_stock >= ?"
        );
        let values = vec![
            Value::Uint32(quantity),
            Value::Uint32(quantity),
            Value::Uint64(product),
            Value::Uint64(sku),
            Value::Uint32(quantity),
        ];
        if transaction.update(&statement, values).await? != 1 {
            return Err(Stop::Fault(Fault::Internal(format!(
                "order {order}: product {product} has fewer units locked than reserved"
            ))));
        }
    }
    let statement = "DELETE FROM t_stock_log WHERE order_id = ? AND stock_mode = ? AND state = ?";
    transaction.execute(statement, held.to_vec()).await?;
    Ok(())
}
