//! Tests of `judge`.

use super::*;
use crate::fixtures;
use crate::loops::intake::Pending;
use contract::wire::event::OrderEvent;
use contract::wire::intake::{Accepted, Intake};

fn purchase(number: u64, user: u64) -> Draft {
    let purchase = fixtures::purchase(number, user);
    Draft::purchase(number as usize, &purchase, false).unwrap()
}

fn accepted(number: u64, key: Option<u8>) -> Draft {
    let order = fixtures::order(number, 1);
    let accepted = Accepted {
        event: OrderEvent::created(&order, None),
        key: key.map(|byte| [byte; 16]),
        payload: [number as u8; 16],
    };
    let message = Pending::Ours(Intake::Order(Box::new(accepted)));
    Draft::of(number as usize, &message).unwrap()
}

#[test]
fn a_purchase_is_known_by_its_record() {
    let (first, second) = (purchase(1, 1000), purchase(2, 1000));
    let record = first.record.clone().unwrap();
    let known = Known {
        records: HashMap::from([(record, first.order.id)]),
        ..Known::default()
    };
    assert_eq!(known.judge(&first), Some(Written::Known(first.order.id)));
    let Some(Written::Refused(refusal)) = known.judge(&second) else {
        panic!("a second purchase");
    };
    assert!(refusal.last && refusal.reason.contains("already bought"));
    let foreign = Draft {
        foreign: true,
        ..second
    };
    assert_eq!(known.judge(&foreign), Some(Written::Known(first.order.id)));
    assert_eq!(known.judge(&purchase(3, 2024)), None);
}

#[test]
fn an_order_is_known_by_its_content() {
    let draft = accepted(1, Some(7));
    let stored = Stored {
        user: draft.order.user.id,
        payload: draft.payload,
        created_at: draft.order.created_at,
    };
    let mut known = Known::default();
    known.orders.insert(draft.order.id, stored.clone());
    assert_eq!(known.judge(&draft), Some(Written::Known(draft.order.id)));
    known.orders.insert(
        draft.order.id,
        Stored {
            payload: None,
            ..stored
        },
    );
    assert!(matches!(known.judge(&draft), Some(Written::Refused(r)) if r.last));
    let mut known = Known::default();
    let other = accepted(2, Some(7));
    known
        .keys
        .insert((draft.order.user.id, [7; 16]), other.order.id);
    let Some(Written::Refused(refusal)) = known.judge(&draft) else {
        panic!("the key has made another");
    };
    let reason = format!(
        "its idempotency key has made order {} already",
        other.order.id
    );
    assert_eq!((refusal.reason, refusal.last), (reason, true));
    assert_eq!(known.judge(&accepted(3, None)), None);
}

#[test]
fn a_batch_holds_each_thing_once() {
    let drafts = vec![
        purchase(1, 1000),
        purchase(1, 1000),
        purchase(2, 1000),
        purchase(3, 2024),
        accepted(4, Some(1)),
        accepted(5, Some(1)),
        accepted(6, None),
        accepted(7, None),
    ];
    let (first, repeats) = repeats(drafts);
    let at = |drafts: &[Draft]| drafts.iter().map(|d| d.at).collect::<Vec<_>>();
    assert_eq!(at(&first), [1, 3, 4, 6, 7]);
    assert_eq!(at(&repeats), [1, 2, 5]);
}

#[test]
fn a_batch_is_parted_by_what_is_known() {
    let (known_before, new) = (purchase(1, 1000), accepted(2, None));
    let known = Known {
        records: HashMap::from([(known_before.record.clone().unwrap(), known_before.order.id)]),
        ..Known::default()
    };
    let id = known_before.order.id;
    let (left, settled) = part(vec![known_before, new], &known);
    let left: Vec<usize> = left.iter().map(|draft| draft.at).collect();
    assert_eq!((left, settled), (vec![2], vec![(1, Written::Known(id))]));
}
