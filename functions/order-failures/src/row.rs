//! Rows of `order_failures` as operators may see them. Only the part of a message that may be shown is read.

use contract::api::failure::{FailureStatus, FailureView, MESSAGE_BYTES_READ, masked, shown};
use contract::api::page::Page;
use domain::Rejection;
use domain::limits::TOTAL_COUNT_MAX;
use guest::Fault;
use guest::mysql::{Db, Row, Value};
use shop::list_budget::{Budget, Json};

const SELECT: &str = "SELECT id, source, order_id, user_id, product_id, seckill_id, LEFT(message_data, ?), error_message, \
     retry_count, status, next_retry_at, created_at, updated_at FROM order_failures";

/// The failure of this id.
///
/// # Errors
/// Where there is none.
pub async fn one(db: Db<'_>, id: u64) -> Result<FailureView, Fault> {
    let statement = format!("{SELECT} WHERE id = ?");
    let rows = db
        .query(&statement, vec![bytes_read(), Value::Uint64(id)])
        .await?;
    let row = rows.first();
    view(row.ok_or_else(|| Rejection::UnknownFailure(id.to_string()))?)
}

/// The newest first. `condition` is fixed text, `wanted` its parameters.
pub async fn page(
    db: Db<'_>,
    condition: &str,
    wanted: Vec<Value>,
    page: Page,
    budget: &Budget,
) -> Result<Vec<Json>, Fault> {
    let statement =
        format!("{SELECT}{condition} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?");
    let mut values = vec![bytes_read()];
    values.extend(wanted);
    values.extend([Value::Uint32(page.size), Value::Uint32(page.offset())]);
    let render = |row: Row| budget.render(&view(&row)?);
    db.read(&statement, values, render).await
}

/// How many there are; counting stops just above [`TOTAL_COUNT_MAX`].
pub async fn count(db: Db<'_>, condition: &str, mut wanted: Vec<Value>) -> Result<u64, Fault> {
    let statement =
        format!("SELECT COUNT(*) FROM (SELECT id FROM order_failures{condition} LIMIT ?) counted");
    wanted.push(Value::Uint64(TOTAL_COUNT_MAX + 1));
    let rows = db.query(&statement, wanted).await?;
    rows.first()
        .ok_or_else(|| Fault::Internal("COUNT(*) gave no row".to_owned()))?
        .u64(0)
}

fn bytes_read() -> Value {
    Value::Uint32(MESSAGE_BYTES_READ as u32)
}

fn view(row: &Row) -> Result<FailureView, Fault> {
    let id = |column| -> Result<Option<String>, Fault> {
        Ok(row.ms(column)?.map(|number| number.to_string()))
    };
    let status = row.u8(9)?;
    let status = FailureStatus::from_code(status)
        .ok_or_else(|| Fault::Internal(format!("a failure of status {status}")))?;
    // Only a pending failure has a next time.
    let due = row.u64(10)?;
    Ok(FailureView {
        id: row.u64(0)?.to_string(),
        source: row.text(1)?,
        order_id: id(2)?,
        user_id: id(3)?,
        product_id: id(4)?,
        seckill_id: row.optional_text(5)?,
        message_data: shown(&row.text(6)?),
        error_message: masked(&row.text(7)?),
        retry_count: row.u32(8)?,
        status: status.name(),
        next_retry_at: (status == FailureStatus::Pending).then_some(due),
        created_at: row.u64(11)?,
        updated_at: row.u64(12)?,
    })
}
