//! Tests of `sql`.

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
        // Plus `payable_at`.
        (INSERT_ORDERS, ORDER_PARAMETERS + 1),
        (INSERT_MESSAGES, MESSAGE_PARAMETERS),
        (INSERT_RECORDS, RECORD_PARAMETERS),
    ] {
        assert_eq!(head.matches(',').count() + 1, width, "{head}");
    }
}
