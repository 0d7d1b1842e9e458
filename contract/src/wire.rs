//! Messages: events of the outbox and their Kafka messages, entries of the intake streams, flash-sale messages of other
//! systems, and notices to hosts that cached replies are stale.

#[cfg(feature = "openapi")]
pub mod asyncapi;
pub mod cache;
pub mod event;
pub mod header;
pub mod intake;
pub mod message;
pub mod seckill_message;
