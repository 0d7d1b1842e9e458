//! Tests of `orders`.

use super::*;
use crate::fixtures;
use domain::{Cents, StockMode};

#[test]
fn states_a_status_can_have() {
    assert!(agrees(Status::Pending, Some(LineState::Reserved)));
    assert!(!agrees(Status::Pending, None));
    assert!(!agrees(Status::Paid, Some(LineState::Reserved)));
    assert!(agrees(Status::Cancelled, Some(LineState::Refused)));
    assert!(!agrees(Status::Cancelled, Some(LineState::Confirmed)));
    assert!(agrees(Status::Failed, None));
}

#[test]
fn what_is_wrong_is_told() {
    let mut order = fixtures::order(1, 2);
    let key = (order.id, order.items[0].product, order.items[0].sku);
    let logged = Logged {
        state: LineState::Reserved,
        quantity: 2,
        mode: StockMode::Redis,
    };
    let mut logs = HashMap::from([(key, logged)]);
    assert_eq!(disagrees(&order, &logs), None);
    logs.insert(
        key,
        Logged {
            quantity: 3,
            ..logged
        },
    );
    assert!(
        disagrees(&order, &logs)
            .unwrap()
            .text()
            .contains("quantity: 3")
    );
    assert_eq!(amiss(&order), None);
    order.total = Cents::ZERO;
    assert!(amiss(&order).unwrap().text().ends_with("does not add up"));
    order.items.clear();
    assert!(amiss(&order).unwrap().text().ends_with("has no items"));
}
