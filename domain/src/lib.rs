//! What an order, its stock and its identity are, and which changes are legal. Pure: no I/O, no async, no serde.
//! Clocks, ids and stored state arrive as arguments, so every rule here can be tested without a server.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod backoff;
pub mod calendar;
mod coded;
pub mod hex;
pub mod hold;
pub mod id;
pub mod idempotency;
pub mod limits;
pub mod money;
pub mod order;
pub mod rejection;
pub mod role;
pub mod seckill;
pub mod shard;
pub mod stats;
pub mod stock;

pub use id::{EventId, Gene, OrderId, ProductId, SkuId, UserId};
pub use money::Cents;
pub use order::{Amounts, Order, OrderItem, Status, User};
pub use rejection::Rejection;
pub use role::Role;
pub use seckill::SeckillId;
pub use shard::ShardCount;
pub use stock::StockMode;

/// Milliseconds since the Unix epoch, UTC.
pub type Ms = u64;
