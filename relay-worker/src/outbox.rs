//! The transactional outbox of one shard: claimed by lease, published outside of any transaction, settled.

pub mod claim;
pub mod gauges;
pub mod plan;
pub mod publish;
pub mod record;
pub mod settle;

/// `t_local_message.status`.
pub mod status {
    pub const WAITING: u8 = 0;
    pub const SENT: u8 = 1;
    pub const CONFIRMED: u8 = 2;
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
}
