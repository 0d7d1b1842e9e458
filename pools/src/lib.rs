//! Connections to databases and Redis for many components on few threads: bounded, shared, clean, and only to addresses
//! that are allowed. Independent of WebAssembly: the host and its native twin (`bench/twin`) both use it.
//!
//! Each thread has [`mysql::Pools`] and [`redis::Links`] of its own; each component on it an `Access` to them.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod allowed_hosts;
pub mod breaker;
mod by_address;
pub mod config;
pub mod limits;
pub mod metrics;
pub mod mysql;
pub mod redis;
