//! Orders in their shards: reading them whole, cancelling those that are still pending, and the cache. A change is a
//! compare-and-set and one outbox row per order, in one transaction.

pub mod cache;
pub mod cancel;
pub mod queued;
pub mod read;
