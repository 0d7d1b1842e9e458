//! What functions, relay and clients agree on, by who reads it: HTTP clients (`api`), those on a bus or a stream
//! (`wire`), and whoever works on the same Redis and MySQL (`store`).

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod api;
pub mod store;
pub mod wire;
