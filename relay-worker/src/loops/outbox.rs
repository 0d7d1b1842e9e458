//! The transactional outbox of one shard: rows are claimed by lease, published outside of any transaction, and settled.

pub mod claim;
pub mod gauges;
pub mod plan;
pub mod publish;
pub mod record;
pub mod resend;
pub mod settle;

/// `t_local_message.status`: the state of a row's publishing. That the stock consumer has applied the message is
/// another fact, `confirmed_at`: it may come first where only some of the row's records were published.
pub mod status {
    /// Not published yet, or to be published again.
    pub const WAITING: u8 = 0;
    /// Published; moves stock and is not confirmed yet.
    pub const SENT: u8 = 1;
    /// Published, and confirmed by the stock consumer where it moves stock.
    pub const CONFIRMED: u8 = 2;
    /// Given up: refused by the bus, or unreadable. Never because the bus was away.
    pub const DEAD: u8 = 3;
}

/// A claimed row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Primary key; rows of one order are published in its order.
    pub id: u64,
    /// UUID of the order's id and version.
    pub message_id: String,
    /// Order id in decimal; the key of the records.
    pub tx_id: String,
    /// An `OrderEvent` as JSON.
    pub payload: String,
    /// Sends that failed so far, for any reason.
    pub retry_count: u32,
    /// Those of them that the bus refused.
    pub refused_count: u32,
}
