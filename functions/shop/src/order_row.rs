//! Rows of `t_order` and `t_order_item` as a domain order, with columns in the order of `contract::store::sql`.

use domain::{Cents, Order, OrderId, OrderItem, ProductId, SkuId, Status, StockMode, User, UserId};
use guest::Fault;
use guest::mysql::Row;

/// Number of columns in `ORDER_COLUMNS`.
pub const ORDER_WIDTH: usize = 19;

fn cents(row: &Row, column: usize) -> Result<Cents, Fault> {
    let amount = row.i64(column)?;
    Cents::new(amount)
        .ok_or_else(|| Fault::Internal(format!("column {column} is no amount: {amount}")))
}

/// The order of a row that starts with `ORDER_COLUMNS`; the caller adds its items.
///
/// # Errors
/// Where a column does not have what belongs there.
pub fn order(row: &Row) -> Result<Order, Fault> {
    let id = row.u64(0)?;
    let status = row.u8(3)?;
    Ok(Order {
        id: OrderId::new(id).ok_or_else(|| Fault::Internal(format!("{id} is no order id")))?,
        user: User {
            id: UserId::new(row.u64(1)?),
            reference: row.optional_text(2)?,
        },
        status: Status::from_code(status)
            .ok_or_else(|| Fault::Internal(format!("order {id}: status {status}")))?,
        version: row.u32(4)?,
        total: cents(row, 5)?,
        discount: cents(row, 6)?,
        actual: cents(row, 7)?,
        payment_method: row.optional_text(8)?,
        shipping_address: row.optional_text(9)?,
        remark: row.optional_text(10)?,
        payment_id: row.optional_text(11)?,
        cancel_reason: row.optional_text(12)?,
        created_at: row.u64(13)?,
        updated_at: row.u64(14)?,
        paid_at: row.ms(15)?,
        shipped_at: row.ms(16)?,
        completed_at: row.ms(17)?,
        cancelled_at: row.ms(18)?,
        items: Vec::new(),
    })
}

/// The item whose `ITEM_COLUMNS` start at column `at`, and the id of its order.
///
/// # Errors
/// Where a column does not have what belongs there.
pub fn item(row: &Row, at: usize) -> Result<(u64, OrderItem), Fault> {
    let mode = row.u8(at + 8)?;
    let item = OrderItem {
        product: ProductId(row.u64(at + 1)?),
        sku: SkuId(row.u64(at + 2)?),
        name: row.text(at + 3)?,
        image: row.optional_text(at + 4)?,
        price: cents(row, at + 5)?,
        quantity: row.u32(at + 6)?,
        subtotal: cents(row, at + 7)?,
        stock_mode: StockMode::from_code(mode)
            .ok_or_else(|| Fault::Internal(format!("stock mode {mode}")))?,
        foreign_sale: row.optional_text(at + 9)?,
    };
    Ok((row.u64(at)?, item))
}
