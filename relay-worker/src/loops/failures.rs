//! Messages that could not become orders: kept as they came with what was wrong, tried again, at last given up.

pub mod compensate;
pub mod retry;
pub mod store;
pub mod take_again;

pub use store::{Failed, Failures, Ids, MessageSource};
