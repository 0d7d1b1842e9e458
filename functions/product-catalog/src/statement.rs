//! The SQL of the catalogue. What the caller sent is always a parameter.

use contract::api::page::Page;
use contract::api::product::SaleStatus;
use contract::store::sql;
use domain::ProductId;
use domain::id::SALE_SKU_BIT;
use guest::mysql::Value;

/// Columns in the order `product::Product::read` takes them.
const COLUMNS: &str = "id, name, image, price, status, stock_mode, updated_at";

/// Parameters: id, name, image, price, status, stock_mode, created_at, updated_at.
pub const INSERT_PRODUCT: &str = "INSERT INTO products (id, name, image, price, status, stock_mode, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// Head of a multi-row insert. Per row: product, sku, available, total, seeded, created_at, updated_at.
pub const INSERT_STOCK: &str = "INSERT INTO t_inventory (product_id, sku_id, available_stock, total_stock, seeded_stock, \
     created_at, updated_at) VALUES ";
pub const STOCK_PARAMETERS: usize = 7;

/// The largest id, NULL where there is none. Two creators may see the same one: the primary key lets one of them
/// through.
pub const LARGEST_ID: &str = "SELECT MAX(id) FROM products";

/// A statement and its parameters.
#[derive(Debug)]
pub struct Statement {
    pub text: String,
    pub values: Vec<Value>,
}

fn conditions(sale: Option<SaleStatus>, search: Option<&str>) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    if let Some(sale) = sale {
        conditions.push("status = ?");
        values.push(Value::Uint8(sale.code()));
    }
    if let Some(search) = search {
        conditions.push("name LIKE ?");
        values.push(Value::Str(pattern(search)));
    }
    if conditions.is_empty() {
        return (String::new(), values);
    }
    (format!(" WHERE {}", conditions.join(" AND ")), values)
}

/// The `LIKE` pattern of a part of a name, its wildcards escaped.
fn pattern(search: &str) -> String {
    let mut pattern = String::with_capacity(search.len() + 2);
    pattern.push('%');
    for character in search.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// By id, the largest first: ids that are minted grow.
pub fn list(sale: Option<SaleStatus>, search: Option<&str>, page: Page) -> Statement {
    let (wanted, mut values) = conditions(sale, search);
    values.push(Value::Uint32(page.size));
    values.push(Value::Uint32(page.offset()));
    Statement {
        text: format!("SELECT {COLUMNS} FROM products{wanted} ORDER BY id DESC LIMIT ? OFFSET ?"),
        values,
    }
}

pub fn count(sale: Option<SaleStatus>, search: Option<&str>) -> Statement {
    let (wanted, values) = conditions(sale, search);
    Statement {
        text: format!("SELECT COUNT(*) FROM products{wanted}"),
        values,
    }
}

/// The values of an `IN` list, repeated up to a power of two, and its placeholders.
fn ids(products: &[ProductId]) -> (Vec<Value>, String) {
    let padded = sql::padded(products).into_iter();
    let values: Vec<Value> = padded.map(|id| Value::Uint64(id.0)).collect();
    let marks = sql::placeholders(values.len());
    (values, marks)
}

pub fn products(products: &[ProductId]) -> Statement {
    let (values, marks) = ids(products);
    Statement {
        text: format!("SELECT {COLUMNS} FROM products WHERE id IN ({marks})"),
        values,
    }
}

/// Columns: product, sku, available, locked, stock mode. Without the units of flash sales.
pub fn stock(products: &[ProductId]) -> Statement {
    let (mut values, marks) = ids(products);
    values.push(Value::Uint64(SALE_SKU_BIT));
    Statement {
        text: format!(
            "SELECT i.product_id, i.sku_id, i.available_stock, i.locked_stock, p.stock_mode \
             FROM t_inventory i JOIN products p ON p.id = i.product_id \
             WHERE i.product_id IN ({marks}) AND i.sku_id < ? ORDER BY i.product_id, i.sku_id"
        ),
        values,
    }
}

#[cfg(test)]
mod tests;
