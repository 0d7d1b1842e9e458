//! Units of products whose stock is kept in the database: reserved there before the order exists, with a stock log row
//! per line, by which the relay rolls back after a crash between the two databases.

use contract::store::sql::NOW_MS;
use domain::backoff::stock_spin_ms;
use domain::{OrderId, OrderItem, Rejection, StockMode};
use guest::Fault;
use guest::mysql::{Db, Value};
use guest::mysql_error::Kind;
use guest::transaction::{self, End, Plan, Stop, Transaction, Work};
use std::time::{Duration, Instant};

/// `t_stock_log.state` of a reservation. A released one leaves no row.
const RESERVED: u8 = 1;
/// How long a release may take with its retries; after that it is left to the relay.
const RELEASE_MAX: Duration = Duration::from_secs(2);

/// Waits between attempts that meet locks, until `deadline`.
fn waits(deadline: Instant) -> impl Iterator<Item = Duration> {
    let all = (0..).map_while(stock_spin_ms).map(Duration::from_millis);
    all.take_while(move |wait| Instant::now() + *wait < deadline)
}

/// The lines with stock in the database, in the order in which every transaction locks them.
fn lines(items: &[OrderItem]) -> Vec<&OrderItem> {
    let mut lines: Vec<&OrderItem> = items
        .iter()
        .filter(|item| item.stock_mode == StockMode::Db)
        .collect();
    lines.sort_by_key(|item| (item.product, item.sku));
    lines
}

/// Reserves the order's database lines, all or none. The row's lock queues requests for one variant, so that none is
/// short of stock while there are units. `deadline` limits the retries.
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
    let (plan, place_of_first) = taking(order, &lines);
    match transaction::run(Db::at(url), &plan, waits(deadline)).await {
        End::Refused(Stop::Unmet(place)) => {
            let line = lines
                .get(place.wrapping_sub(place_of_first))
                .unwrap_or(first);
            Err(Rejection::StockInsufficient {
                product: line.product,
                sku: line.sku,
            }
            .into())
        }
        End::Refused(Stop::Sql(error)) if error.kind == Kind::Retry => {
            Err(Rejection::StockContended {
                product: first.product,
                sku: first.sku,
            }
            .into())
        }
        end => end.done(),
    }
}

/// The plan, and the place in it of the first line's units; those of the others follow. The log comes first, as nobody
/// else locks its rows: those of the stock stay locked as briefly as possible.
fn taking(order: OrderId, lines: &[&OrderItem]) -> (Plan, usize) {
    let mut plan = Plan::new();
    let times = format!(", {NOW_MS}, {NOW_MS}");
    plan.insert(INSERT_LOG, LOG_PARAMETERS, &times, log_values(order, lines));
    let place_of_first = plan.next_place();
    for line in lines {
        plan.change_one(TAKE_UNITS, units(line.product.0, line.sku.0, line.quantity));
    }
    (plan, place_of_first)
}

/// Parameters of reserving and of releasing units: quantity twice, product, sku, quantity.
fn units(product: u64, sku: u64, quantity: u32) -> Vec<Value> {
    vec![
        Value::Uint32(quantity),
        Value::Uint32(quantity),
        Value::Uint64(product),
        Value::Uint64(sku),
        Value::Uint32(quantity),
    ]
}

/// Parameters: `units`.
const TAKE_UNITS: &str = concat!(
    "UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, \
     version = version + 1, updated_at = ",
    contract::now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND available_stock >= ?"
);

/// Head of a multi-row insert; the times are the database's, as the relay judges by their age.
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

/// Releases what the order's database lines hold, each once. Safe where nothing is held.
pub async fn release(url: &str, order: OrderId) -> Result<(), Fault> {
    let deadline = Instant::now() + RELEASE_MAX;
    match transaction::run(Db::at(url), &GiveBack(order), waits(deadline)).await {
        End::Refused(Stop::Sql(error)) if error.kind == Kind::Retry => Err(Fault::Unavailable {
            backend: "mysql",
            reason: format!("what order {order} had reserved is locked by others"),
        }),
        end => end.done(),
    }
}

struct GiveBack(OrderId);

impl Work for GiveBack {
    type Done = ();

    /// Reads the log with locks, so that it waits for a reservation that is under way.
    async fn perform(&self, transaction: &mut Transaction) -> Result<(), Stop> {
        let order = self.0;
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
        let mut plan = Plan::new();
        for row in &rows {
            let (product, sku, quantity) = (row.u64(0)?, row.u64(1)?, row.u32(2)?);
            plan.change_one(GIVE_UNITS, units(product, sku, quantity));
        }
        let statement =
            "DELETE FROM t_stock_log WHERE order_id = ? AND stock_mode = ? AND state = ?";
        plan.execute(statement, held.to_vec());
        match plan.perform(transaction).await {
            Err(Stop::Unmet(place)) => Err(Stop::Fault(Fault::Internal(format!(
                "order {order}: fewer units are locked than its line {place} has reserved"
            )))),
            performed => performed,
        }
    }
}

/// Parameters: `units`.
const GIVE_UNITS: &str = concat!(
    "UPDATE t_inventory SET available_stock = available_stock + ?, locked_stock = locked_stock - ?, \
     version = version + 1, updated_at = ",
    contract::now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND locked_stock >= ?"
);
