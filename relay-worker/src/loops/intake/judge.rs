//! Decides from stored rows which messages of a batch are orders already or can never be; without a database.

use super::draft::{Draft, RecordKey};
use super::{Refusal, Written};
use contract::api::failure::KEY_MADE_ANOTHER;
use domain::{Ms, OrderId, UserId};
use std::collections::HashMap;

/// Columns of `t_order` that show whether a row came from the same message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Owner of the order.
    pub user: UserId,
    /// Column `request_hash`; `None` for purchases.
    pub payload: Option<[u8; 16]>,
    /// From the message, so that a repeat carries the same.
    pub created_at: Ms,
}

/// Rows of a shard that match a batch's order ids, purchases and idempotency keys.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Rows of `t_order` by order id.
    pub orders: HashMap<OrderId, Stored>,
    /// The orders of purchases.
    pub records: HashMap<RecordKey, OrderId>,
    /// The orders of users and hashes of their idempotency keys.
    pub keys: HashMap<(UserId, [u8; 16]), OrderId>,
}

impl Known {
    /// The outcome of a draft that duplicates a stored row; `None` where none does.
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
                // A foreign one gets another id on its next try.
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

/// `Known` for a repeat of the same purchase, a final refusal for a second one.
fn bought_before(draft: &Draft, bought: OrderId) -> Written {
    if draft.foreign || bought == draft.order.id {
        return Written::Known(bought);
    }
    Written::Refused(Refusal::last(format!(
        "already bought in this flash sale: order {bought}"
    )))
}

/// Splits a batch by `known`: drafts that may still be inserted, and indices and outcomes of the others.
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

/// Splits a batch: drafts that come first with their order id, purchase and key, and repeats, which wait for the
/// outcome of the first.
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
mod tests;
