//! The batch writer: inserts accepted orders, many per statement, each exactly once. Messages are refused one by one,
//! so that a bad one never blocks the others.

pub mod consume;
pub mod draft;
pub mod foreign;
pub mod judge;
pub mod lookup;
pub mod price;
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
    /// Accepted by this platform; has its order id.
    Ours(Intake),
    /// From another system; its order id is minted when it is written.
    Foreign(ForeignPurchase),
}

/// Outcome of writing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// Inserted, as this order.
    New(OrderId),
    /// Inserted earlier, as this order.
    Known(OrderId),
    /// It cannot be inserted.
    Refused(Refusal),
    /// Its shard is away, for this reason. Whether it is an order is unknown; it must be written again.
    Away(String),
}

/// Why a message cannot be an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Shown to operators with the failure.
    pub reason: String,
    /// Final: no retry can make it an order.
    pub last: bool,
}

impl Refusal {
    /// A refusal that a retry may overcome.
    pub fn now(reason: impl Into<String>) -> Refusal {
        Refusal {
            reason: reason.into(),
            last: false,
        }
    }

    /// A final refusal.
    pub fn last(reason: impl Into<String>) -> Refusal {
        Refusal {
            reason: reason.into(),
            last: true,
        }
    }
}
