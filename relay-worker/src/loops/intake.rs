//! The batch writer: accepted orders become rows, many per statement, each once. What cannot be an order is said
//! so one by one, so that a bad one never holds the others.

pub mod consume;
pub mod draft;
pub mod foreign;
pub mod judge;
pub mod lookup;
pub mod rows;
pub mod streams;
pub mod take_in;
pub mod write;

use contract::wire::intake::Intake;
use contract::wire::seckill_message::ForeignPurchase;
use domain::OrderId;

/// A message that is to become an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Pending {
    /// Accepted here, with its id.
    Ours(Intake),
    /// Of another system: its id is minted when it is written.
    Foreign(ForeignPurchase),
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// An order, from now on.
    New(OrderId),
    /// It has been this order before.
    Known(OrderId),
    /// No order.
    Refused(Refusal),
    /// Its shard is away: nothing is known of it, and it is to be brought again.
    Away(String),
}

/// Why a message cannot be an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: String,
    /// Nothing that may change could make it one: it is not tried again.
    pub last: bool,
}

impl Refusal {
    /// What may be another time.
    pub fn now(reason: impl Into<String>) -> Refusal {
        Refusal {
            reason: reason.into(),
            last: false,
        }
    }

    /// What never will be.
    pub fn last(reason: impl Into<String>) -> Refusal {
        Refusal {
            reason: reason.into(),
            last: true,
        }
    }
}
