//! Parts that the end-to-end tests share in addition to [`platform`]: one platform for all tests of a binary, lists
//! that are read while they change, a broken network, and a consumer of the topics.

pub mod lists;
pub mod proxy;
pub mod topics;
mod visit;

pub use visit::{Visit, shared};
