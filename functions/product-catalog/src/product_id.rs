//! Ids of products that are created without one. They go on from a counter, whatever ids callers choose: one that is
//! taken is passed over, and no choice of a caller can exhaust them.

use contract::api::product::PRODUCT_ID_MAX;
use domain::{ProductId, Rejection};
use guest::Fault;
use guest::mysql::{Db, Value};
use guest::transaction::{self, AT_ONCE, Plan, Stop, Transaction, Work};

/// Parameter: the largest id.
const COUNT_ON: &str =
    "UPDATE t_sequence SET value = value + 1 WHERE name = 'product' AND value < ?";
const COUNTED: &str = "SELECT value FROM t_sequence WHERE name = 'product'";
/// The last of the ids that are taken in a row, from a taken one on. Parameter: that one.
const LAST_TAKEN: &str = "SELECT p.id FROM products p LEFT JOIN products n ON n.id = p.id + 1 \
     WHERE p.id >= ? AND n.id IS NULL ORDER BY p.id LIMIT 1";
/// Parameters: the last one taken, twice.
const PASS_OVER: &str = "UPDATE t_sequence SET value = ? WHERE name = 'product' AND value < ?";

/// The next id. Nobody else gets it, and it may be taken: callers choose ids, too.
pub async fn next(db: Db<'_>) -> Result<ProductId, Fault> {
    transaction::run(db, &Count, AT_ONCE).await.done()
}

/// Lets the counter pass over this id, which is taken, and those after it that are.
pub async fn pass_over(db: Db<'_>, taken: ProductId) -> Result<(), Fault> {
    let rows = db.query(LAST_TAKEN, vec![Value::Uint64(taken.0)]).await?;
    if let Some(row) = rows.first() {
        let last = Value::Uint64(row.u64(0)?);
        db.execute(PASS_OVER, vec![last.clone(), last]).await?;
    }
    Ok(())
}

struct Count;

impl Work for Count {
    type Done = ProductId;

    async fn perform(&self, transaction: &mut Transaction) -> Result<ProductId, Stop> {
        let mut plan = Plan::new();
        plan.change_one(COUNT_ON, vec![Value::Uint64(PRODUCT_ID_MAX)]);
        match plan.perform(transaction).await {
            Err(Stop::Unmet(_)) => {
                let used_up = Rejection::invalid("id", "must be given: the largest is taken");
                return Err(Fault::from(used_up).into());
            }
            counted => counted?,
        }
        let rows = transaction.query(COUNTED, vec![]).await?;
        let row = rows.first();
        let row = row.ok_or_else(|| Fault::Internal("t_sequence has no product".to_owned()))?;
        Ok(ProductId(row.u64(0)?))
    }
}
