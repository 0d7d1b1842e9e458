//! The SQL of listings, made from a filter. Conditions are fixed text; what the caller sent is a parameter.

use super::filter::Filter;
use contract::store::sql;
use domain::OrderId;
use guest::mysql::Value;

/// A statement and its parameters.
#[derive(Debug)]
pub struct Statement {
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
        // Both, so that there is one text for the two and for each alone; an index reads the same range.
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

/// Ids and times of creation, newest first: covered by an index, so that deep pages stay cheap.
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

/// How many there are; `rows_max` stops the counting.
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

/// The values of an `IN` list, and its placeholders.
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

/// Items by their orders, and as they stand in each: so does the index on `order_id` have them.
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
mod tests {
    use super::*;
    use contract::api::identity;
    use domain::limits::PAGE_SIZE_MAX;
    use domain::{ProductId, Status};
    use std::collections::HashSet;

    /// Each text costs the server a prepared statement of every session that asks for it.
    #[test]
    fn texts_are_few() {
        let mut texts = HashSet::new();
        for chosen in 0..1_u32 << 6 {
            let has = |bit: u32| chosen >> bit & 1 == 1;
            let filter = Filter {
                user: has(0).then(|| identity::user("7").unwrap()),
                status: has(1).then_some(Status::Paid),
                order: OrderId::new(9).filter(|_| has(2)),
                product: has(3).then_some(ProductId(3)),
                from: has(4).then_some(1),
                to: has(5).then_some(2),
            };
            texts.insert(keys(&filter, 1, 2).text);
            let rows_max = (!filter.is_of_one_user()).then_some(1);
            texts.insert(count(&filter, rows_max).text);
        }
        assert!(texts.len() <= 64, "{}", texts.len());
        for length in 1..=PAGE_SIZE_MAX as usize {
            let ids = vec![OrderId::new(1).unwrap(); length];
            texts.insert(orders(&ids).text);
            texts.insert(items(&ids, 1, 2).text);
        }
        assert!(texts.len() <= 80, "{}", texts.len());
    }

    #[test]
    fn conditions_and_parameters_go_together() {
        let all = keys(&Filter::default(), 20, 0);
        assert_eq!(
            all.text,
            "SELECT id, created_at FROM t_order ORDER BY created_at DESC, id DESC LIMIT ? OFFSET ?"
        );
        assert_eq!(all.values.len(), 2);
        let everything = Filter {
            user: Some(identity::user("7").unwrap()),
            status: Some(Status::Paid),
            order: OrderId::new(9),
            product: Some(ProductId(3)),
            from: Some(1),
            to: Some(2),
        };
        for statement in [
            keys(&everything, 1, 2),
            count(&everything, None),
            count(&everything, Some(100)),
            orders(&[OrderId::new(1).unwrap(), OrderId::new(2).unwrap()]),
            items(&[OrderId::new(1).unwrap()], 1, 2),
        ] {
            let marks = statement.text.matches('?').count();
            assert_eq!(marks, statement.values.len(), "{}", statement.text);
        }
    }
}
