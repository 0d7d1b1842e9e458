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

/// Milliseconds since the epoch by the database's own clock, whatever its time zone is: `UNIX_TIMESTAMP(NOW())` is
/// wrong in the hour that a zone repeats.
#[macro_export]
macro_rules! now_ms {
    () => {
        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000"
    };
}

pub const NOW_MS: &str = now_ms!();

/// The NULL is refused by the column: an order cannot be inserted after its deadline, by the database's own clock.
/// Parameters: id, user_id, user_ref, order_no, total, discount, actual, payment_method, shipping_address, remark,
/// idempotency_key, request_hash, deadline ms, created_at, updated_at.
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
pub const ORDER_PARAMETERS: usize = 14;

/// Groups of such rows: an order can be paid from when it is written, by the clock of its database.
pub fn order_rows(count: usize) -> String {
    rows_ending(count, ORDER_PARAMETERS, &format!(", {NOW_MS}"))
}

/// Head of a multi-row insert; `rows` adds the rest. Per row: order_id, product_id, sku_id, name, image, price,
/// quantity, subtotal, stock_mode, created_at.
pub const INSERT_ITEMS: &str = "INSERT INTO t_order_item (order_id, product_id, sku_id, product_name, product_image, \
     price, quantity, subtotal, stock_mode, created_at) VALUES ";
pub const ITEM_PARAMETERS: usize = 10;

/// Parameters: message_id, tx_id, topic, event_type, payload, created_at, updated_at. A new row is due at once: no
/// clock says when.
pub const INSERT_MESSAGE: &str = "INSERT INTO t_local_message (message_id, tx_id, topic, event_type, payload, \
     created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)";

/// Head of a multi-row insert of such rows.
pub const INSERT_MESSAGES: &str = "INSERT INTO t_local_message (message_id, tx_id, topic, event_type, payload, \
     created_at, updated_at) VALUES ";
pub const MESSAGE_PARAMETERS: usize = 7;

/// Head of a multi-row insert. Per row: seckill_id, user_id, product_id, order_id, created_at.
pub const INSERT_RECORDS: &str = "INSERT INTO idempotency_records (seckill_id, user_id, product_id, order_id, created_at) VALUES ";
pub const RECORD_PARAMETERS: usize = 5;

/// Compare-and-set of one step. Parameters: status, version + 1, updated_at, paid_at, shipped_at, completed_at,
/// cancelled_at, payment_id, cancel_reason, id, status before, version before. One row changes, or another change came
/// first.
pub const UPDATE_STATUS: &str = "UPDATE t_order SET status = ?, version = ?, updated_at = ?, paid_at = ?, shipped_at = ?, \
     completed_at = ?, cancelled_at = ?, payment_id = ?, cancel_reason = ? WHERE id = ? AND status = ? AND version = ?";

/// Rows changed by the statement before, on the same connection.
pub const ROW_COUNT: &str = "SELECT ROW_COUNT()";

const ROWS_EXACT_MAX: usize = 8;
const ROWS_MAX: usize = 64;

/// `count` groups of `width` placeholders: `(?, ?), (?, ?)`.
pub fn rows(count: usize, width: usize) -> String {
    rows_ending(count, width, "")
}

/// The same, each group with an ending that is no parameter.
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

/// How many rows each statement has that together insert `count`: up to eight in one, more in powers of two. What
/// callers send decides how many rows there are, and each number is a text the server has to prepare.
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

/// A list for `IN`, filled up to a power of two by repeating the last one: lists of any length need only a few texts.
pub fn padded<T: Clone>(ids: &[T]) -> Vec<T> {
    let mut ids = ids.to_vec();
    if let Some(last) = ids.last().cloned() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    ids
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
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn parts_of_an_insert_are_all_its_rows(count in 0_usize..10_000) {
            let parts: Vec<usize> = row_counts(count).collect();
            prop_assert_eq!(parts.iter().sum::<usize>(), count);
            prop_assert!(parts.is_sorted_by(|a, b| a >= b));
            prop_assert!(count > 8 || parts.len() <= 1);
            prop_assert!(parts.len() <= 3 + count.div_ceil(64));
        }

        #[test]
        fn a_padded_list_has_the_same_members(ids in prop::collection::vec(0_u8..200, 0..300)) {
            let longer = padded(&ids);
            prop_assert!(longer.is_empty() || longer.len().is_power_of_two());
            prop_assert!(longer.len() < 2 * ids.len().max(1));
            let members = |ids: &[u8]| ids.iter().copied().collect::<BTreeSet<_>>();
            prop_assert_eq!(members(&longer), members(&ids));
        }
    }

    #[test]
    fn sizes_of_inserts_are_few() {
        let parts = |count| row_counts(count).collect::<Vec<_>>();
        assert!(parts(0).is_empty());
        assert_eq!(parts(8), [8]);
        assert_eq!(parts(13), [8, 5]);
        assert_eq!(parts(100), [64, 32, 4]);
        assert_eq!(parts(200), [64, 64, 64, 8]);
        let sizes: BTreeSet<usize> = (0..1_000).flat_map(row_counts).collect();
        assert_eq!(sizes.len(), 11, "{sizes:?}");
        let lengths: BTreeSet<usize> = (1..=100).map(|ids| padded(&vec![0; ids]).len()).collect();
        assert_eq!(lengths.len(), 8, "{lengths:?}");
    }

    #[test]
    fn placeholders_match_their_columns() {
        assert_eq!(rows(2, 3), "(?, ?, ?), (?, ?, ?)");
        assert_eq!(placeholders(0), "");
        for (sql, count) in [
            (INSERT_ORDER, 15),
            (INSERT_MESSAGE, MESSAGE_PARAMETERS),
            (UPDATE_STATUS, 12),
        ] {
            assert_eq!(sql.matches('?').count(), count, "{sql}");
        }
        for (head, width) in [
            (INSERT_ITEMS, ITEM_PARAMETERS),
            // And when it can be paid.
            (INSERT_ORDERS, ORDER_PARAMETERS + 1),
            (INSERT_MESSAGES, MESSAGE_PARAMETERS),
            (INSERT_RECORDS, RECORD_PARAMETERS),
        ] {
            assert_eq!(head.matches(',').count() + 1, width, "{head}");
        }
    }
}
