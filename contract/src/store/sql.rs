//! SQL that more than one program runs: functions through spin:mysql, the relay through its driver. Plain statements
//! that MySQL 8, MariaDB and Vitess accept; all values are parameters.

/// Columns of `t_order`, in the order in which functions and relay read them.
pub const ORDER_COLUMNS: &str = "id, user_id, user_ref, status, version, total_amount, discount_amount, actual_amount, \
     payment_method, shipping_address, remark, payment_id, cancel_reason, created_at, updated_at, \
     paid_at, shipped_at, completed_at, cancelled_at";

/// Columns of `t_order_item`, in the order in which functions and relay read them.
pub const ITEM_COLUMNS: &str = "order_id, product_id, sku_id, product_name, product_image, price, quantity, subtotal, stock_mode, seckill_id";

/// Opens a transaction on a connection whose statements are prepared (`BEGIN` cannot be).
pub const NO_AUTOCOMMIT: &str = "SET autocommit=0";
/// Commits the transaction; the next one is open then.
pub const COMMIT: &str = "COMMIT";
/// Rolls the transaction back; the next one is open then.
pub const ROLLBACK: &str = "ROLLBACK";
/// Back to statements that commit by themselves.
pub const AUTOCOMMIT: &str = "SET autocommit=1";

/// Milliseconds since the epoch by the database's own clock, whatever its time zone is: `UNIX_TIMESTAMP(NOW())` is
/// wrong in the hour that a zone repeats.
#[macro_export]
macro_rules! now_ms {
    () => {
        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000"
    };
}

/// The expression of `now_ms!` as a constant.
pub const NOW_MS: &str = now_ms!();

/// Inserts an order, unless its deadline has passed by the database's own clock: then `created_at` is NULL, which the
/// column refuses. Parameters: id, user_id, user_ref, order_no, total, discount, actual, payment_method,
/// shipping_address, remark, idempotency_key, request_hash, deadline ms, created_at, updated_at.
pub const INSERT_ORDER: &str = concat!(
    "INSERT INTO t_order (id, user_id, user_ref, order_no, total_amount, discount_amount, \
     actual_amount, payment_method, shipping_address, remark, idempotency_key, request_hash, created_at, updated_at, \
     payable_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, IF(",
    now_ms!(),
    " > ?, NULL, ?), ?, ",
    now_ms!(),
    ")"
);

/// Head of a multi-row insert; `order_rows` adds the rest. Per row: id, user_id, user_ref, order_no, total, discount,
/// actual, payment_method, shipping_address, remark, idempotency_key, request_hash, created_at, updated_at. Without a
/// deadline.
pub const INSERT_ORDERS: &str = "INSERT INTO t_order (id, user_id, user_ref, order_no, total_amount, discount_amount, \
     actual_amount, payment_method, shipping_address, remark, idempotency_key, request_hash, created_at, updated_at, \
     payable_at) VALUES ";
/// Parameters of one row of [`INSERT_ORDERS`].
pub const ORDER_PARAMETERS: usize = 14;

/// Rows for [`INSERT_ORDERS`]. An order can be paid from the moment it is written, by the clock of its database.
pub fn order_rows(count: usize) -> String {
    rows_ending(count, ORDER_PARAMETERS, &format!(", {NOW_MS}"))
}

/// Head of a multi-row insert; `rows` adds the rest. Per row: order_id, product_id, sku_id, name, image, price,
/// quantity, subtotal, stock_mode, seckill_id (of another system's sale), created_at.
pub const INSERT_ITEMS: &str = "INSERT INTO t_order_item (order_id, product_id, sku_id, product_name, product_image, \
     price, quantity, subtotal, stock_mode, seckill_id, created_at) VALUES ";
/// Parameters of one row of [`INSERT_ITEMS`].
pub const ITEM_PARAMETERS: usize = 11;

/// Inserts an outbox row, due at once. Parameters: message_id, tx_id, topic, event_type, payload, created_at,
/// updated_at.
pub const INSERT_MESSAGE: &str = "INSERT INTO t_local_message (message_id, tx_id, topic, event_type, payload, \
     created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Head of a multi-row insert of the same rows; `rows` adds the rest.
pub const INSERT_MESSAGES: &str = "INSERT INTO t_local_message (message_id, tx_id, topic, event_type, payload, \
     created_at, updated_at) VALUES ";
/// Parameters of one outbox row.
pub const MESSAGE_PARAMETERS: usize = 7;

/// Head of a multi-row insert; `rows` adds the rest. Per row: seckill_id, user_id, product_id, order_id, created_at.
pub const INSERT_RECORDS: &str = "INSERT INTO idempotency_records (seckill_id, user_id, product_id, order_id, created_at) VALUES ";
/// Parameters of one row of [`INSERT_RECORDS`].
pub const RECORD_PARAMETERS: usize = 5;

/// Compare-and-set of one step. Parameters: status, version + 1, updated_at, paid_at, shipped_at, completed_at,
/// cancelled_at, payment_id, cancel_reason, id, status before, version before. Changes one row, or none where another
/// change came first.
pub const UPDATE_STATUS: &str = "UPDATE t_order SET status = ?, version = ?, updated_at = ?, paid_at = ?, shipped_at = ?, \
     completed_at = ?, cancelled_at = ?, payment_id = ?, cancel_reason = ? WHERE id = ? AND status = ? AND version = ?";

/// Rows changed by the previous statement on the same connection.
pub const ROW_COUNT: &str = "SELECT ROW_COUNT()";

const ROWS_EXACT_MAX: usize = 8;
const ROWS_MAX: usize = 64;

/// `count` groups of `width` placeholders: `(?, ?), (?, ?)`.
pub fn rows(count: usize, width: usize) -> String {
    rows_ending(count, width, "")
}

/// As [`rows`], each group with an `ending` that has no placeholder.
pub fn rows_ending(count: usize, width: usize, ending: &str) -> String {
    let group = format!("({}{ending})", placeholders(width));
    let mut text = String::with_capacity(count * (group.len() + 2));
    for at in 0..count {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&group);
    }
    text
}

/// Splits an insert of `count` rows into statements and gives the rows of each: up to eight in one, more in powers of
/// two up to 64. Callers decide how many rows there are, and each number of rows is one more text the server has to
/// prepare.
pub fn row_counts(count: usize) -> impl Iterator<Item = usize> {
    let mut rest = count;
    std::iter::from_fn(move || {
        let rows = match rest {
            0 => return None,
            1..=ROWS_EXACT_MAX => rest,
            _ => 1 << rest.min(ROWS_MAX).ilog2(),
        };
        rest -= rows;
        Some(rows)
    })
}

/// A list for `IN`, padded to a power of two by repeating the last element: lists of any length need only a few texts.
pub fn padded<T: Clone>(ids: &[T]) -> Vec<T> {
    let mut ids = ids.to_vec();
    if let Some(last) = ids.last().cloned() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    ids
}

/// `count` placeholders: `?, ?, ?`.
pub fn placeholders(count: usize) -> String {
    let mut text = "?, ".repeat(count);
    text.truncate(text.len().saturating_sub(2));
    text
}

#[cfg(test)]
mod tests;
