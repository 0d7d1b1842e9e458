//! The SQL of listings, made from a filter. Conditions are fixed text; what the caller sent is a parameter.

use super::filter::Filter;
use contract::store::sql;
use domain::OrderId;
use guest::mysql::Value;

/// A statement and its parameters.
#[derive(Debug)]
pub struct Statement {
    /// With a `?` for each value.
    pub text: String,
    pub values: Vec<Value>,
}

fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let mut conditions: Vec<&str> = Vec::new();
    let mut values = Vec::new();
    let mut add = |condition, value| {
        conditions.push(condition);
        values.push(value);
    };
    if let Some(order) = filter.order {
        add("id = ?", Value::Uint64(order.get()));
    }
    if let Some(user) = &filter.user {
        add("user_id = ?", Value::Uint64(user.id.get()));
    }
    if let Some(status) = filter.status {
        add("status = ?", Value::Uint8(status.code()));
    }
    if filter.from.is_some() || filter.to.is_some() {
        // Always both, so that one text serves either and both; the index range stays the same.
        add(
            "created_at >= ?",
            Value::Uint64(filter.from.unwrap_or_default()),
        );
        add(
            "created_at < ?",
            Value::Uint64(filter.to.unwrap_or(u64::MAX)),
        );
    }
    if let Some(product) = filter.product {
        add(
            "EXISTS (SELECT 1 FROM t_order_item i WHERE i.order_id = t_order.id AND i.product_id = ?)",
            Value::Uint64(product.0),
        );
    }
    if conditions.is_empty() {
        return (String::new(), values);
    }
    (format!(" WHERE {}", conditions.join(" AND ")), values)
}

/// Ids and times of creation, newest first: indexes mostly cover both, so that deep pages stay cheap.
pub fn keys(filter: &Filter, limit: u32, offset: u32) -> Statement {
    let (wanted, mut values) = conditions(filter);
    values.push(Value::Uint32(limit));
    values.push(Value::Uint32(offset));
    Statement {
        text: format!(
            "SELECT id, created_at FROM t_order{wanted} ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"
        ),
        values,
    }
}

/// How many match; counting stops at `rows_max`.
pub fn count(filter: &Filter, rows_max: Option<u64>) -> Statement {
    let (wanted, mut values) = conditions(filter);
    let text = match rows_max {
        None => format!("SELECT COUNT(*) FROM t_order{wanted}"),
        Some(rows_max) => {
            values.push(Value::Uint64(rows_max));
            format!("SELECT COUNT(*) FROM (SELECT id FROM t_order{wanted} LIMIT ?) counted")
        }
    };
    Statement { text, values }
}

/// The values of an `IN` list, repeated up to a power of two, and its placeholders.
fn list(ids: &[OrderId]) -> (Vec<Value>, String) {
    let padded = sql::padded(ids).into_iter();
    let values: Vec<Value> = padded.map(|id| Value::Uint64(id.get())).collect();
    let marks = sql::placeholders(values.len());
    (values, marks)
}

pub fn orders(ids: &[OrderId]) -> Statement {
    let (values, marks) = list(ids);
    Statement {
        text: format!(
            "SELECT {} FROM t_order WHERE id IN ({marks})",
            sql::ORDER_COLUMNS
        ),
        values,
    }
}

/// Items by order id and, within an order, as they were named: the order of the index on `order_id`.
pub fn items(ids: &[OrderId], limit: u32, offset: u32) -> Statement {
    let (mut values, marks) = list(ids);
    values.extend([Value::Uint32(limit), Value::Uint32(offset)]);
    Statement {
        text: format!(
            "SELECT {} FROM t_order_item WHERE order_id IN ({marks}) ORDER BY order_id, id LIMIT ? OFFSET ?",
            sql::ITEM_COLUMNS
        ),
        values,
    }
}

#[cfg(test)]
mod tests;
