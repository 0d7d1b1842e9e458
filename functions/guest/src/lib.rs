//! What every function needs of its host: the request and the reply, Redis, MySQL, configuration.
//! Uses interfaces that any Spin-compatible host has, and nothing else; compiled natively, the ports of `native`.

pub mod caller;
pub mod catalogue;
pub mod clock;
pub mod config;
pub mod fault;
pub mod http;
pub mod list_budget;
pub mod listing;
pub mod log;
pub mod mysql;
pub mod mysql_error;
#[cfg(not(target_family = "wasm"))]
pub mod native;
pub mod order_cache;
pub mod order_row;
pub mod order_store;
mod payment;
pub mod queued;
pub mod random;
pub mod redis;
pub mod search_index;
pub mod shape;
mod shard_clock;
pub mod transaction;
pub mod transition;

pub use fault::Fault;
pub use http::{Call, Reply};
pub use spin_sdk;

/// For one thread of short requests; the C library's allocator had a twentieth of the host's time.
#[cfg(target_family = "wasm")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
