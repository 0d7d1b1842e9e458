//! Orders in their shard: reading them whole, and cancelling those that are still pending. A change is a
//! compare-and-set and one outbox row per order in one transaction.

pub mod cache;
pub mod cancel;
pub mod read;
