//! What functions, relay and clients agree on: HTTP bodies and error codes, outbox events and Kafka messages,
//! Redis keys and scripts, and the SQL of statements that more than one program runs.

pub mod amount;
pub mod body;
pub mod cache;
pub mod event;
pub mod failure;
pub mod health;
pub mod idempotency_key;
pub mod identity;
pub mod intake;
#[cfg(test)]
mod largest;
pub mod message;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod order;
pub mod page;
pub mod prefer;
pub mod problem;
pub mod product;
pub mod queued;
pub mod redis;
pub mod seckill;
pub mod sql;
pub mod stats;
