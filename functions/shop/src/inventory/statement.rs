//! The SQL of holds and of the lines of other systems' orders. What the caller sent is always a parameter.

use contract::now_ms;

/// Stock mode, status, time, sku (NULL: none), then of the hold that the key has made (NULL: none): whether its payload
/// is the same, and its units that were given back. Parameters: hash of the payload, sku, hash of the key, product.
pub const SEEN: &str = concat!(
    "SELECT p.stock_mode, p.status, ",
    now_ms!(),
    ", i.sku_id, h.request_hash = ?, h.returned_units + h.expired_units FROM products p \
     LEFT JOIN t_inventory i ON i.product_id = p.id AND i.sku_id = ? \
     LEFT JOIN t_stock_hold h ON h.product_id = p.id AND h.request_key = ? WHERE p.id = ?"
);

/// Takes units where they are available. Parameters: units twice, product, sku, units.
pub const LOCK_UNITS: &str = concat!(
    "UPDATE t_inventory SET available_stock = available_stock - ?, locked_stock = locked_stock + ?, \
     version = version + 1, updated_at = ",
    now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND available_stock >= ?"
);

/// Records a hold, unless the attempt's deadline has passed: then it adds no row. Parameters: hash of the key, hash of
/// the payload, units twice, its life in ms, product, sku, deadline in ms.
pub const INSERT_HOLD: &str = concat!(
    "INSERT INTO t_stock_hold (product_id, sku_id, request_key, request_hash, quantity, open_units, expires_at, \
     created_at, updated_at) SELECT product_id, sku_id, ?, ?, CAST(? AS UNSIGNED), CAST(? AS UNSIGNED), ",
    now_ms!(),
    " + CAST(? AS UNSIGNED), ",
    now_ms!(),
    ", ",
    now_ms!(),
    " FROM t_inventory WHERE product_id = ? AND sku_id = ? AND ",
    now_ms!(),
    " <= ?"
);

/// Keeps others from moving units of a variant. Parameters: product, sku.
pub const LOCK_VARIANT: &str =
    "SELECT sku_id FROM t_inventory WHERE product_id = ? AND sku_id = ? FOR UPDATE";

/// Parameter: product.
pub const PRODUCT: &str = "SELECT id FROM products WHERE id = ?";

/// The row of a line, then that of a message; each order, product, sku, quantity, state, and whether it is the
/// message's. Parameters: order, product, sku, message (NULL: none).
pub const LINES: &str = "SELECT order_id, product_id, sku_id, quantity, state, 0 FROM t_external_line \
     WHERE order_id = ? AND product_id = ? AND sku_id = ? \
     UNION ALL SELECT order_id, product_id, sku_id, quantity, state, 1 FROM t_external_line WHERE message_id = ?";

/// The oldest hold with exactly so many open units. Parameters: product, sku, units.
pub const HOLD_OF_SIZE: &str = "SELECT id, open_units FROM t_stock_hold \
     WHERE product_id = ? AND sku_id = ? AND open_units = ? ORDER BY id LIMIT 1";

/// The holds with the most open units. Parameters: product, sku, rows.
pub const LARGEST_HOLDS: &str = "SELECT id, open_units FROM t_stock_hold \
     WHERE product_id = ? AND sku_id = ? AND open_units > 0 ORDER BY open_units DESC, id DESC LIMIT ?";

/// The hold of a key. Parameters: product, sku, hash of the key.
pub const HOLD_OF_KEY: &str = "SELECT id, open_units FROM t_stock_hold \
     WHERE product_id = ? AND sku_id = ? AND request_key = ? AND open_units > 0";

/// Parameters: units three times, hold, units.
pub const SELL_OF_HOLD: &str = concat!(
    "UPDATE t_stock_hold SET expires_at = IF(open_units = ?, NULL, expires_at), open_units = open_units - ?, \
     confirmed_units = confirmed_units + ?, updated_at = ",
    now_ms!(),
    " WHERE id = ? AND open_units >= ?"
);

/// Parameters: units three times, hold, units.
pub const RETURN_OF_HOLD: &str = concat!(
    "UPDATE t_stock_hold SET expires_at = IF(open_units = ?, NULL, expires_at), open_units = open_units - ?, \
     returned_units = returned_units + ?, updated_at = ",
    now_ms!(),
    " WHERE id = ? AND open_units >= ?"
);

/// Parameters: units three times, product, sku, units.
pub const SELL_UNITS: &str = concat!(
    "UPDATE t_inventory SET locked_stock = locked_stock - ?, sold_stock = sold_stock + ?, \
     total_stock = total_stock - ?, version = version + 1, updated_at = ",
    now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND locked_stock >= ?"
);

/// Parameters: units twice, product, sku, units.
pub const UNLOCK_UNITS: &str = concat!(
    "UPDATE t_inventory SET locked_stock = locked_stock - ?, available_stock = available_stock + ?, \
     version = version + 1, updated_at = ",
    now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND locked_stock >= ?"
);

/// Parameters: units three times, product, sku, units.
pub const RETURN_UNITS: &str = concat!(
    "UPDATE t_inventory SET sold_stock = sold_stock - ?, available_stock = available_stock + ?, \
     total_stock = total_stock + ?, version = version + 1, updated_at = ",
    now_ms!(),
    " WHERE product_id = ? AND sku_id = ? AND sold_stock >= ?"
);

/// Parameters: order, product, sku, quantity, state, message (NULL: none).
pub const INSERT_LINE: &str = concat!(
    "INSERT INTO t_external_line (order_id, product_id, sku_id, quantity, state, message_id, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ",
    now_ms!(),
    ", ",
    now_ms!(),
    ")"
);

/// Parameters: new state, order, product, sku, state before.
pub const UPDATE_LINE: &str = concat!(
    "UPDATE t_external_line SET state = ?, updated_at = ",
    now_ms!(),
    " WHERE order_id = ? AND product_id = ? AND sku_id = ? AND state = ?"
);
