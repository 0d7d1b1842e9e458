//! Messages that could not become orders: kept unchanged with their error, retried, and given up in the end.

pub mod compensate;
pub mod retry;
pub mod store;
pub mod take_again;

pub use store::{Failed, Failures, Ids, MessageSource};
