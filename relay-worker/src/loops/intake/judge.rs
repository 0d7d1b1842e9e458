//! Which messages of a batch are orders already, or never can be, by what is stored; decided without a database.

use super::draft::{Draft, RecordKey};
use super::{Refusal, Written};
use contract::api::failure::KEY_MADE_ANOTHER;
use domain::{Ms, OrderId, UserId};
use std::collections::HashMap;

/// A row of `t_order`, as far as it tells whether it is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub user: UserId,
    pub payload: Option<[u8; 16]>,
    pub created_at: Ms,
}

/// What the shard has of a batch's ids, purchases and keys.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub orders: HashMap<OrderId, Stored>,
    pub records: HashMap<RecordKey, OrderId>,
    pub keys: HashMap<(UserId, [u8; 16]), OrderId>,
}

impl Known {
    /// The outcome of a message that cannot be inserted any more.
    pub fn judge(&self, draft: &Draft) -> Option<Written> {
        let id = draft.order.id;
        if let Some(bought) = draft.record.as_ref().and_then(|key| self.records.get(key)) {
            return Some(bought_before(draft, *bought));
        }
        if let Some(stored) = self.orders.get(&id) {
            let same = stored.user == draft.order.user.id
                && stored.payload == draft.payload
                && stored.created_at == draft.order.created_at;
            return Some(match same && draft.record.is_none() {
                true => Written::Known(id),
                // A foreign one gets another id the next time.
                false => Written::Refused(Refusal {
                    reason: format!("order {id} is another order by now"),
                    last: !draft.foreign,
                }),
            });
        }
        let key = draft.key.map(|key| (draft.order.user.id, key));
        let other = key.and_then(|key| self.keys.get(&key))?;
        // Rare: Redis lost the key between two requests, or the shard could not be asked when this one was accepted.
        Some(Written::Refused(Refusal::last(format!(
            "{KEY_MADE_ANOTHER} {other} already"
        ))))
    }
}

/// A repeat of the same purchase, or a second one.
fn bought_before(draft: &Draft, bought: OrderId) -> Written {
    if draft.foreign || bought == draft.order.id {
        return Written::Known(bought);
    }
    Written::Refused(Refusal::last(format!(
        "already bought in this flash sale: order {bought}"
    )))
}

/// Takes the ones that are settled by `known` out of a batch: what is left, and what became of the others.
pub fn part(drafts: Vec<Draft>, known: &Known) -> (Vec<Draft>, Vec<(usize, Written)>) {
    let mut settled = Vec::new();
    let mut left = Vec::with_capacity(drafts.len());
    for draft in drafts {
        match known.judge(&draft) {
            Some(written) => settled.push((draft.at, written)),
            None => left.push(draft),
        }
    }
    (left, settled)
}

/// Messages of one batch that repeat another of it: they wait for that one's outcome.
pub fn repeats(drafts: Vec<Draft>) -> (Vec<Draft>, Vec<Draft>) {
    let mut orders = std::collections::HashSet::new();
    let mut records = std::collections::HashSet::new();
    let mut keys = std::collections::HashSet::new();
    drafts.into_iter().partition(|draft| {
        let order = orders.insert(draft.order.id);
        let record = draft.record.as_ref();
        let record = record.is_none_or(|record| records.insert(record.clone()));
        let key = draft.key.map(|key| (draft.order.user.id, key));
        order && record && key.is_none_or(|key| keys.insert(key))
    })
}

#[cfg(test)]
mod tests {
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
}
