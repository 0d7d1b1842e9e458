//! The SQL of the catalogue. What the caller sent is always a parameter.

use contract::api::page::Page;
use contract::api::product::cursor::List;
use contract::store::sql;
use domain::ProductId;
use guest::mysql::Value;

/// Columns in the order `product::Product::read` takes them.
pub const COLUMNS: &str = "id, name, image, price, status, stock_mode, updated_at";

/// Parameters: id, name, image, price, status, stock_mode, created_at, updated_at.
pub const INSERT_PRODUCT: &str = "INSERT INTO products (id, name, image, price, status, stock_mode, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// Head of a multi-row insert, each row ending in `STOCK_TIMES`. Per row: product, sku, available, total, seeded.
pub const INSERT_STOCK: &str = "INSERT INTO t_inventory (product_id, sku_id, available_stock, total_stock, seeded_stock, \
     created_at, updated_at) VALUES ";
pub const STOCK_PARAMETERS: usize = 5;
pub const STOCK_TIMES: &str = concat!(", ", contract::now_ms!(), ", ", contract::now_ms!());

/// Head of a multi-row insert, each row ending in `OPENING_TIME`. Per row: product, sku, units, reason, available,
/// total.
pub const INSERT_OPENING: &str = "INSERT INTO t_stock_change (product_id, sku_id, units, reason, available_stock, \
     total_stock, created_at) VALUES ";
pub const OPENING_PARAMETERS: usize = 6;
pub const OPENING_TIME: &str = concat!(", ", contract::now_ms!());

/// The columns of `COLUMNS`, locked. Parameter: id.
pub const LOCKED_PRODUCT: &str = "SELECT id, name, image, price, status, stock_mode, updated_at FROM products \
     WHERE id = ? FOR UPDATE";

/// A later change has a later time, whatever the clocks say: caches compare it. Parameters: name, image, price, status,
/// id.
pub const UPDATE_PRODUCT: &str = concat!(
    "UPDATE products SET name = ?, image = ?, price = ?, status = ?, updated_at = GREATEST(updated_at + 1, ",
    contract::now_ms!(),
    ") WHERE id = ?"
);

/// Parameter: id.
pub const UPDATED_AT: &str = "SELECT updated_at FROM products WHERE id = ?";

/// Where a list begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Page(Page),
    /// Behind a product that was shown.
    Behind {
        product: ProductId,
        size: u32,
    },
}

impl Place {
    /// Products that are shown.
    pub fn size(self) -> u32 {
        match self {
            Place::Page(page) => page.size,
            Place::Behind { size, .. } => size,
        }
    }
}

/// A statement and its parameters.
#[derive(Debug)]
pub struct Statement {
    pub text: String,
    pub values: Vec<Value>,
}

fn conditions(list: List<'_>, behind: Option<ProductId>) -> (String, Vec<Value>) {
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    if let Some(sale) = list.sale {
        conditions.push("status = ?");
        values.push(Value::Uint8(sale.code()));
    }
    if let Some(search) = list.search {
        conditions.push(NAME_LIKE);
        values.push(Value::Str(pattern(search)));
    }
    if let Some(product) = behind {
        conditions.push("id < ?");
        values.push(Value::Uint64(product.0));
    }
    if conditions.is_empty() {
        return (String::new(), values);
    }
    (format!(" WHERE {}", conditions.join(" AND ")), values)
}

/// Both sides in lower case, then byte by byte, whatever the collations of column and connection are. The escape
/// character is named, as a server may be set to have none.
const NAME_LIKE: &str =
    "LOWER(name) LIKE LOWER(CONVERT(? USING utf8mb4) COLLATE utf8mb4_bin) ESCAPE '|'";

/// The `LIKE` pattern of a part of a name, its wildcards escaped.
fn pattern(search: &str) -> String {
    let mut pattern = String::with_capacity(search.len() + 2);
    pattern.push('%');
    for character in search.chars() {
        if matches!(character, '%' | '_' | '|') {
            pattern.push('|');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// By id, the largest first: ids that are minted grow. One row more than the place shows.
pub fn list(list: List<'_>, place: Place) -> Statement {
    let (behind, offset) = match place {
        Place::Page(page) => (None, page.offset()),
        Place::Behind { product, .. } => (Some(product), 0),
    };
    let (wanted, mut values) = conditions(list, behind);
    values.push(Value::Uint32(place.size() + 1));
    values.push(Value::Uint32(offset));
    Statement {
        text: format!("SELECT {COLUMNS} FROM products{wanted} ORDER BY id DESC LIMIT ? OFFSET ?"),
        values,
    }
}

pub fn count(list: List<'_>) -> Statement {
    let (wanted, values) = conditions(list, None);
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

#[cfg(test)]
mod tests;
