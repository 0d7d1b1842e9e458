//! The contract between functions, relay and clients: HTTP (`api`), messages and streams (`wire`), and what is shared
//! in Redis and MySQL (`store`).

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod api;
pub mod store;
pub mod wire;
