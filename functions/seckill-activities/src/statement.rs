//! The SQL of activities. What the caller sent is always a parameter.

use contract::api::page::Page;
use domain::seckill::SeckillStatus;
use domain::{Ms, ProductId, SeckillId};
use guest::mysql::Value;

/// Columns in the order `Activity::read` takes them.
const COLUMNS: &str =
    "id, product_id, sku_id, name, price, stock, starts_at, ends_at, per_user_limit, status";

/// Parameters: product, sku, name, price, stock, starts_at, ends_at, per_user_limit, status, created_at, updated_at.
pub const INSERT: &str = "INSERT INTO seckill_activity (product_id, sku_id, name, price, stock, starts_at, ends_at, \
     per_user_limit, status, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The number of the activity inserted just before, on the same connection.
pub const LAST_NUMBER: &str = "SELECT LAST_INSERT_ID()";

/// Name and image of a product, whether its stock is kept in the database, and whether it is on sale. Parameter:
/// product.
pub const PRODUCT: &str = "SELECT name, image, stock_mode, status FROM products WHERE id = ?";

/// Compare-and-set. Parameters: status, updated_at, number, status before.
pub const UPDATE_STATUS: &str =
    "UPDATE seckill_activity SET status = ?, updated_at = ? WHERE id = ? AND status = ?";

/// Takes units out of the ordinary row, where they are available. Parameters: units three times, updated_at, product,
/// sku, units.
pub const TAKE_UNITS: &str = "UPDATE t_inventory SET available_stock = available_stock - ?, total_stock = total_stock - ?, \
     seeded_stock = seeded_stock - ?, version = version + 1, updated_at = ? \
     WHERE product_id = ? AND sku_id = ? AND available_stock >= ?";

/// Parameters: product, sku, units three times, created_at, updated_at.
pub const INSERT_UNITS: &str = "INSERT INTO t_inventory (product_id, sku_id, available_stock, total_stock, seeded_stock, \
     created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Columns: sku, available, version. Parameters: product, two skus.
pub const UNITS: &str = "SELECT sku_id, available_stock, version FROM t_inventory WHERE product_id = ? AND sku_id IN (?, ?)";

/// A statement and its parameters.
#[derive(Debug)]
pub struct Statement {
    pub text: String,
    pub values: Vec<Value>,
}

pub fn one(id: SeckillId) -> Statement {
    Statement {
        text: format!("SELECT {COLUMNS} FROM seckill_activity WHERE id = ? AND product_id = ?"),
        values: vec![Value::Uint32(id.number), Value::Uint64(id.product.0)],
    }
}

/// The product's activity that is not over and starts first.
pub fn next_of(product: ProductId, now: Ms) -> Statement {
    Statement {
        text: format!(
            "SELECT {COLUMNS} FROM seckill_activity WHERE product_id = ? AND status <> ? AND ends_at > ? \
             ORDER BY starts_at, id LIMIT 1"
        ),
        values: vec![
            Value::Uint64(product.0),
            Value::Uint8(SeckillStatus::Ended.code()),
            Value::Uint64(now),
        ],
    }
}

/// What a list is limited to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub status: Option<SeckillStatus>,
    pub product: Option<ProductId>,
}

impl Filter {
    fn conditions(self) -> (String, Vec<Value>) {
        let status = self
            .status
            .map(|status| ("status = ?", Value::Uint8(status.code())));
        let product = self
            .product
            .map(|product| ("product_id = ?", Value::Uint64(product.0)));
        let (conditions, values): (Vec<&str>, Vec<Value>) =
            status.into_iter().chain(product).unzip();
        if conditions.is_empty() {
            return (String::new(), values);
        }
        (format!(" WHERE {}", conditions.join(" AND ")), values)
    }
}

/// The last announced first.
pub fn list(filter: Filter, page: Page) -> Statement {
    let (wanted, mut values) = filter.conditions();
    values.extend([Value::Uint32(page.size), Value::Uint32(page.offset())]);
    Statement {
        text: format!(
            "SELECT {COLUMNS} FROM seckill_activity{wanted} ORDER BY id DESC LIMIT ? OFFSET ?"
        ),
        values,
    }
}

pub fn count(filter: Filter) -> Statement {
    let (wanted, values) = filter.conditions();
    Statement {
        text: format!("SELECT COUNT(*) FROM seckill_activity{wanted}"),
        values,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_go_with_their_marks() {
        let page = Page {
            number: 2,
            size: 10,
        };
        let both = Filter {
            status: Some(SeckillStatus::Open),
            product: Some(ProductId(1)),
        };
        let id = SeckillId {
            product: ProductId(1),
            number: 3,
        };
        for statement in [
            one(id),
            next_of(ProductId(1), 5),
            list(Filter::default(), page),
            list(both, page),
            count(both),
        ] {
            let marks = statement.text.matches('?').count();
            assert_eq!(marks, statement.values.len(), "{}", statement.text);
        }
        assert!(
            count(both)
                .text
                .ends_with("WHERE status = ? AND product_id = ?")
        );
    }
}
