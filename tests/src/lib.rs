//! Parts that the end-to-end tests share in addition to [`platform`]: one platform for all tests of a binary, lists
//! that are read while they change, a broken network, a consumer of the topics, a gRPC client, and validators of JSON
//! Schema.

pub mod grpc;
pub mod lists;
pub mod proxy;
mod replies;
pub mod signatures;
pub mod tokens;
pub mod topics;
pub mod validators;
mod visit;

pub use visit::{Visit, shared};
