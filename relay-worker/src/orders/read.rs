//! Rows of `t_order` and `t_order_item` as orders.

use crate::clients::database::{assembled, padded};
use anyhow::Context;
use contract::store::sql::{ITEM_COLUMNS, ORDER_COLUMNS, placeholders};
use domain::{
    Cents, Ms, Order, OrderId, OrderItem, ProductId, SkuId, Status, StockMode, User, UserId,
};
use sqlx::Row as _;
use sqlx::mysql::{MySqlConnection, MySqlRow};
use std::collections::HashMap;

/// An order from a row of `ORDER_COLUMNS`, without its items.
fn order(row: &MySqlRow) -> anyhow::Result<Order> {
    let id: u64 = row.try_get(0)?;
    let status: u8 = row.try_get(3)?;
    let cents = |column: usize| -> anyhow::Result<Cents> {
        let cents: i64 = row.try_get(column)?;
        Cents::new(cents).with_context(|| format!("order {id}: an amount of {cents}"))
    };
    Ok(Order {
        id: OrderId::new(id).with_context(|| format!("t_order: id {id}"))?,
        user: User {
            id: UserId::new(row.try_get(1)?),
            reference: row.try_get(2)?,
        },
        status: Status::from_code(status)
            .with_context(|| format!("order {id}: status {status}"))?,
        version: row.try_get(4)?,
        total: cents(5)?,
        discount: cents(6)?,
        actual: cents(7)?,
        payment_method: row.try_get(8)?,
        shipping_address: row.try_get(9)?,
        remark: row.try_get(10)?,
        payment_id: row.try_get(11)?,
        cancel_reason: row.try_get(12)?,
        items: Vec::new(),
        created_at: row.try_get(13)?,
        updated_at: row.try_get(14)?,
        paid_at: row.try_get(15)?,
        shipped_at: row.try_get(16)?,
        completed_at: row.try_get(17)?,
        cancelled_at: row.try_get(18)?,
    })
}

/// An item, and its order's id, from a row of `ITEM_COLUMNS`.
fn item(row: &MySqlRow) -> anyhow::Result<(u64, OrderItem)> {
    let order: u64 = row.try_get(0)?;
    let cents = |column: usize| -> anyhow::Result<Cents> {
        let cents: i64 = row.try_get(column)?;
        Cents::new(cents).with_context(|| format!("item of order {order}: an amount of {cents}"))
    };
    let mode: u8 = row.try_get(8)?;
    let item = OrderItem {
        product: ProductId(row.try_get(1)?),
        sku: SkuId(row.try_get(2)?),
        name: row.try_get(3)?,
        image: row.try_get(4)?,
        price: cents(5)?,
        quantity: row.try_get(6)?,
        subtotal: cents(7)?,
        stock_mode: StockMode::from_code(mode)
            .with_context(|| format!("item of order {order}: stock_mode {mode}"))?,
        foreign_sale: row.try_get(9)?,
    };
    Ok((order, item))
}

/// Which orders of a shard to read.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// Those of these that are pending, with row locks.
    Pending(&'a [OrderId]),
    /// The next ones after an id that changed at or after a time.
    Changed {
        /// 0: all.
        since: Ms,
        /// An order id; 0: from the first.
        after: u64,
        /// Orders to read, at most.
        limit: u32,
    },
}

/// Orders with their items, by ascending id.
///
/// # Errors
/// Where the database fails, or holds a row that is no valid order.
pub async fn orders(session: &mut MySqlConnection, which: Which<'_>) -> anyhow::Result<Vec<Order>> {
    let rows = match which {
        Which::Pending(ids) => {
            let ids = padded(ids);
            let sql = format!(
                "SELECT {ORDER_COLUMNS} FROM t_order WHERE id IN ({}) AND status = 0 ORDER BY id FOR UPDATE",
                placeholders(ids.len())
            );
            let mut query = sqlx::query(assembled(sql));
            for id in &ids {
                query = query.bind(id.get());
            }
            query.fetch_all(&mut *session).await?
        }
        Which::Changed {
            since,
            after,
            limit,
        } => {
            let sql = format!(
                "SELECT {ORDER_COLUMNS} FROM t_order WHERE id > ? AND updated_at >= ? ORDER BY id LIMIT ?"
            );
            let query = sqlx::query(assembled(sql))
                .bind(after)
                .bind(since)
                .bind(limit);
            query.fetch_all(&mut *session).await?
        }
    };
    let mut orders = rows.iter().map(order).collect::<anyhow::Result<Vec<_>>>()?;
    add_items(session, &mut orders).await?;
    Ok(orders)
}

async fn add_items(session: &mut MySqlConnection, orders: &mut [Order]) -> anyhow::Result<()> {
    if orders.is_empty() {
        return Ok(());
    }
    let ids: Vec<u64> = orders.iter().map(|order| order.id.get()).collect();
    let ids = padded(&ids);
    let sql = format!(
        "SELECT {ITEM_COLUMNS} FROM t_order_item WHERE order_id IN ({}) ORDER BY id",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(id);
    }
    let mut items: HashMap<u64, Vec<OrderItem>> = HashMap::new();
    for row in query.fetch_all(session).await? {
        let (order, item) = item(&row)?;
        items.entry(order).or_default().push(item);
    }
    for order in orders {
        order.items = items.remove(&order.id.get()).unwrap_or_default();
    }
    Ok(())
}
