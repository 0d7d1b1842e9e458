//! HTTP rules that the host and the functions must agree on, so that a client cannot tell which of them answered: which
//! paths are canonical, how an error is written, and which web pages may read a reply. Pure: no host, no orders.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod accept;
pub mod address;
pub mod caller;
pub mod error;
pub mod grpc;
pub mod limit;
pub mod origin;
pub mod path;
pub mod percent;
