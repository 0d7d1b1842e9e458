//! The SQL of stock changes. What the caller sent is always a parameter.

use contract::now_ms;
use domain::id::SALE_SKU_BIT;

/// Stock mode, time, sku (NULL: none), then the change that the key has made (NULL: none): the columns of a change, and
/// whether its payload is the same. Parameters: hash of the payload, sku, hash of the key, product.
pub const SEEN: &str = concat!(
    "SELECT p.stock_mode, ",
    now_ms!(),
    ", i.sku_id, c.id, c.sku_id, c.units, c.reason, c.available_stock, c.total_stock, c.created_at, c.request_hash = ? \
     FROM products p LEFT JOIN t_inventory i ON i.product_id = p.id AND i.sku_id = ? \
     LEFT JOIN t_stock_change c ON c.product_id = p.id AND c.request_key = ? WHERE p.id = ?"
);

/// Parameters: units three times, product, sku, most units available before, most units seeded before.
pub const ADD_UNITS: &str = concat!(
    "UPDATE t_inventory SET available_stock = available_stock + ?, total_stock = total_stock + ?, \
     seeded_stock = seeded_stock + ?, version = version + 1, updated_at = ",
    now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND available_stock <= ? AND seeded_stock <= ?"
);

/// Takes units where they are available. Parameters: units three times, product, sku, units.
pub const TAKE_UNITS: &str = concat!(
    "UPDATE t_inventory SET available_stock = available_stock - ?, total_stock = total_stock - ?, \
     seeded_stock = seeded_stock - ?, version = version + 1, updated_at = ",
    now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND available_stock >= ?"
);

/// Records a change with the stock that it left, unless its deadline has passed: then it adds no row. Parameters: hash
/// of the key, hash of the payload, units, reason, product, sku, deadline in ms.
pub const RECORD: &str = concat!(
    "INSERT INTO t_stock_change (product_id, sku_id, request_key, request_hash, units, reason, available_stock, \
     total_stock, created_at) SELECT product_id, sku_id, ?, ?, CAST(? AS SIGNED), ?, available_stock, total_stock, ",
    now_ms!(),
    " FROM t_inventory WHERE product_id = ? AND sku_id = ? AND ",
    now_ms!(),
    " <= ?"
);

/// Keeps others from adding a variant. Parameter: product.
pub const LOCK_PRODUCT: &str = "SELECT id FROM products WHERE id = ? FOR UPDATE";

/// How many variants a product has, and the largest. Parameters: product, the first sku of flash sales.
pub const VARIANTS: &str =
    "SELECT COUNT(*), MAX(sku_id) FROM t_inventory WHERE product_id = ? AND sku_id < ?";

/// The first sku of flash sales.
pub const SALES_FROM: u64 = SALE_SKU_BIT;

/// Columns as `view` takes them, newest first. Parameters: product, rows, rows before.
pub const LIST: &str = "SELECT id, sku_id, units, reason, available_stock, total_stock, created_at FROM t_stock_change \
     WHERE product_id = ? ORDER BY id DESC LIMIT ? OFFSET ?";

/// How many changes there are; no row where there is no such product. Parameter: product.
pub const COUNT: &str = "SELECT (SELECT COUNT(*) FROM t_stock_change c WHERE c.product_id = p.id) FROM products p \
     WHERE p.id = ?";

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of the payload is selected behind the columns of a change, and both statements read the same ones.
    #[test]
    fn a_change_has_the_same_columns_wherever_it_is_read() {
        let columns = |text: &str| text.replace("c.", "");
        let listed = LIST.split(" FROM").next().unwrap().replace("SELECT ", "");
        assert!(
            columns(SEEN).contains(&format!(" {listed}, request_hash")),
            "{SEEN}"
        );
    }
}
