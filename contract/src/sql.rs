//! SQL that more than one program runs: functions through spin:mysql, the relay through its driver.
//! Plain statements that MySQL 8, MariaDB and Vitess take; parameters only.

/// Columns of `t_order` in the order `ORDER_COLUMNS` readers expect.
pub const ORDER_COLUMNS: &str = "id, user_id, user_ref, status, version, total_amount, discount_amount, actual_amount, \
     payment_method, shipping_address, remark, payment_id, cancel_reason, created_at, updated_at, \
     paid_at, shipped_at, completed_at, cancelled_at";

pub const ITEM_COLUMNS: &str = "order_id, product_id, sku_id, product_name, product_image, price, quantity, subtotal, stock_mode";

/// Opens and ends a transaction on a connection whose statements are prepared (`BEGIN` cannot be).
pub const NO_AUTOCOMMIT: &str = "SET autocommit=0";
pub const COMMIT: &str = "COMMIT";
pub const ROLLBACK: &str = "ROLLBACK";
pub const AUTOCOMMIT: &str = "SET autocommit=1";

/// The NULL is refused by the column: an order cannot be inserted after its deadline, by the database's own clock.
/// Parameters: id, user_id, user_ref, order_no, total, discount, actual, payment_method, shipping_address, remark,
/// idempotency_key, request_hash, deadline ms, created_at, updated_at.
pub const INSERT_ORDER: &str = "INSERT INTO t_order (id, user_id, user_ref, order_no, total_amount, discount_amount, \
     actual_amount, payment_method, shipping_address, remark, idempotency_key, request_hash, created_at, updated_at) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, IF(UNIX_TIMESTAMP(NOW(3)) * 1000 > ?, NULL, ?), ?)";

/// Heads of multi-row inserts; `rows` adds the rest. Per row: id, user_id, user_ref, order_no, total, discount, actual,
/// payment_method, shipping_address, remark, idempotency_key, request_hash, created_at, updated_at. Without a deadline.
pub const INSERT_ORDERS: &str = "INSERT INTO t_order (id, user_id, user_ref, order_no, total_amount, discount_amount, \
     actual_amount, payment_method, shipping_address, remark, idempotency_key, request_hash, created_at, updated_at) VALUES ";
pub const ORDER_PARAMETERS: usize = 14;

/// Per row: order_id, product_id, sku_id, name, image, price, quantity, subtotal, stock_mode, created_at.
pub const INSERT_ITEMS: &str = "INSERT INTO t_order_item (order_id, product_id, sku_id, product_name, product_image, \
     price, quantity, subtotal, stock_mode, created_at) VALUES ";
pub const ITEM_PARAMETERS: usize = 10;

/// Parameters: message_id, tx_id, topic, event_type, payload, next_retry_at, created_at, updated_at.
pub const INSERT_MESSAGE: &str = "INSERT INTO t_local_message (message_id, tx_id, topic, event_type, payload, \
     next_retry_at, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";

/// Head of a multi-row insert of such rows.
pub const INSERT_MESSAGES: &str = "INSERT INTO t_local_message (message_id, tx_id, topic, event_type, payload, \
     next_retry_at, created_at, updated_at) VALUES ";
pub const MESSAGE_PARAMETERS: usize = 8;

/// Head of a multi-row insert. Per row: seckill_id, user_id, product_id, order_id, created_at.
pub const INSERT_RECORDS: &str = "INSERT INTO idempotency_records (seckill_id, user_id, product_id, order_id, created_at) VALUES ";
pub const RECORD_PARAMETERS: usize = 5;

/// Compare-and-set of one step. Parameters: status, version + 1, updated_at, paid_at, shipped_at, completed_at, cancelled_at,
/// payment_id, cancel_reason, id, status before, version before. One row changes, or another change came first.
pub const UPDATE_STATUS: &str = "UPDATE t_order SET status = ?, version = ?, updated_at = ?, paid_at = ?, shipped_at = ?, \
     completed_at = ?, cancelled_at = ?, payment_id = ?, cancel_reason = ? WHERE id = ? AND status = ? AND version = ?";

/// Rows changed by the statement before, on the same connection.
pub const ROW_COUNT: &str = "SELECT ROW_COUNT()";

/// `count` groups of `width` placeholders: `(?, ?), (?, ?)`.
pub fn rows(count: usize, width: usize) -> String {
    let group = format!("({})", placeholders(width));
    let mut text = String::with_capacity(count * (group.len() + 2));
    for at in 0..count {
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&group);
    }
    text
}

/// `?, ?, ?`
pub fn placeholders(count: usize) -> String {
    let mut text = "?, ".repeat(count);
    text.truncate(text.len().saturating_sub(2));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_match_their_columns() {
        assert_eq!(rows(2, 3), "(?, ?, ?), (?, ?, ?)");
        assert_eq!(placeholders(0), "");
        for (sql, count) in [(INSERT_ORDER, 15), (INSERT_MESSAGE, 8), (UPDATE_STATUS, 12)] {
            assert_eq!(sql.matches('?').count(), count, "{sql}");
        }
        for (head, width) in [
            (INSERT_ITEMS, ITEM_PARAMETERS),
            (INSERT_ORDERS, ORDER_PARAMETERS),
            (INSERT_MESSAGES, MESSAGE_PARAMETERS),
            (INSERT_RECORDS, RECORD_PARAMETERS),
        ] {
            assert_eq!(head.matches(',').count() + 1, width, "{head}");
        }
    }
}
