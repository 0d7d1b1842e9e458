//! What the end-to-end tests share beside the [`platform`]: one that all tests of a binary use at a time, lists read
//! while they change, a broken network, and what lies in the topics.

pub mod lists;
pub mod proxy;
pub mod topics;
mod visit;

pub use visit::{Visit, shared};
