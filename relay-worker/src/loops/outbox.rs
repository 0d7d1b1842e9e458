//! The transactional outbox of one shard: claimed by lease, published outside of any transaction, settled.

pub mod claim;
pub mod gauges;
pub mod plan;
pub mod publish;
pub mod record;
pub mod resend;
pub mod settle;

/// `t_local_message.status`: what became of a row's sending. That the stock consumer has taken the message in is
/// another fact, `confirmed_at`: it may be so while the row still waits, where only some of its records were published.
pub mod status {
    pub const WAITING: u8 = 0;
    pub const SENT: u8 = 1;
    /// Sent, and taken in where somebody has to.
    pub const CONFIRMED: u8 = 2;
    /// Refused by the bus, or unreadable. Never because the bus was away.
    pub const DEAD: u8 = 3;
}

/// A claimed row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: u64,
    pub message_id: String,
    pub tx_id: String,
    pub payload: String,
    /// Sends that failed so far.
    pub retry_count: u32,
    /// Those of them that the bus refused.
    pub refused_count: u32,
}
