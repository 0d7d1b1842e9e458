//! Tests of `statement`.

use super::*;
use contract::api::identity;
use domain::limits::PAGE_SIZE_MAX;
use domain::{ProductId, Status};
use std::collections::HashSet;

/// Each text costs the server a prepared statement in every session that runs it.
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
