//! What every function needs of its host: the request and the reply, Redis, MySQL, configuration. `host` is the layer
//! below: in a component only interfaces that any Spin-compatible host has, in a native program ports that the program
//! fills.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod address;
pub mod caller;
pub mod clock;
pub mod config;
pub mod fault;
#[cfg(target_family = "wasm")]
#[path = "component/host.rs"]
pub mod host;
#[cfg(not(target_family = "wasm"))]
#[path = "native/host.rs"]
pub mod host;
pub mod http;
pub mod limit;
pub mod log;
pub mod mysql;
pub mod mysql_error;
pub mod random;
pub mod redis;
pub mod shape;
pub mod transaction;

pub use caller::Caller;
pub use fault::Fault;
pub use http::{Call, Reply};
pub use spin_sdk;
