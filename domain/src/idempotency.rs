//! How a request is answered, by the state of its idempotency key.

use crate::limits::TAKEOVER_AGE_MS;
use crate::{Ms, OrderId, Rejection};

/// What the `admit` script found under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Nothing was stored; the script has just stored `processing`.
    Admitted {
        /// Freshly minted.
        order: OrderId,
    },
    /// An earlier request holds the key and has not finished.
    Processing {
        /// The id that the earlier request was admitted with.
        order: OrderId,
        /// Whether the hashes of both payloads are equal.
        same_payload: bool,
    },
    /// An earlier request finished; its response is kept.
    Completed {
        /// The id that the earlier request was admitted with.
        order: OrderId,
        /// Whether the hashes of both payloads are equal.
        same_payload: bool,
    },
}

/// What to do with the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Place the order under this id.
    Place(OrderId),
    /// Answer with the stored response.
    Replay(OrderId),
    /// The earlier request is past its insert deadline: replay its order, or free what it left and start again.
    TakeOver(OrderId),
    /// Answer with this error.
    Refuse(Rejection),
}

/// Decides at `now`, by Redis' clock. `keyless`: the guard was made of user and payload, so a repeat is a double click,
/// not a retry.
pub fn verdict(state: KeyState, keyless: bool, now: Ms) -> Verdict {
    match state {
        KeyState::Admitted { order } => Verdict::Place(order),
        KeyState::Processing {
            same_payload: false,
            ..
        }
        | KeyState::Completed {
            same_payload: false,
            ..
        } => Verdict::Refuse(Rejection::KeyReused),
        KeyState::Processing { order, .. } if now >= order.minted_at() + TAKEOVER_AGE_MS => {
            Verdict::TakeOver(order)
        }
        KeyState::Processing { .. } => Verdict::Refuse(if keyless {
            Rejection::DuplicateSubmit
        } else {
            Rejection::InProgress
        }),
        KeyState::Completed { .. } if keyless => Verdict::Refuse(Rejection::DuplicateSubmit),
        KeyState::Completed { order, .. } => Verdict::Replay(order),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UserId;

    fn order() -> OrderId {
        OrderId::compose(4096 * 1000, UserId::new(7).gene()).unwrap()
    }

    #[test]
    fn each_state_has_its_answer() {
        let order = order();
        let minted = order.minted_at();
        let same = true;
        let processing = |same_payload| KeyState::Processing {
            order,
            same_payload,
        };
        let completed = |same_payload| KeyState::Completed {
            order,
            same_payload,
        };
        let cases = [
            (
                KeyState::Admitted { order },
                false,
                minted,
                Verdict::Place(order),
            ),
            (
                processing(same),
                false,
                minted + 10,
                Verdict::Refuse(Rejection::InProgress),
            ),
            (
                processing(same),
                true,
                minted + 10,
                Verdict::Refuse(Rejection::DuplicateSubmit),
            ),
            (
                processing(same),
                false,
                minted + TAKEOVER_AGE_MS,
                Verdict::TakeOver(order),
            ),
            (
                processing(!same),
                false,
                minted + TAKEOVER_AGE_MS,
                Verdict::Refuse(Rejection::KeyReused),
            ),
            (completed(same), false, minted + 10, Verdict::Replay(order)),
            (
                completed(same),
                true,
                minted + 10,
                Verdict::Refuse(Rejection::DuplicateSubmit),
            ),
            (
                completed(!same),
                false,
                minted + 10,
                Verdict::Refuse(Rejection::KeyReused),
            ),
        ];
        for (state, keyless, now, expected) in cases {
            assert_eq!(verdict(state.clone(), keyless, now), expected, "{state:?}");
        }
    }
}
