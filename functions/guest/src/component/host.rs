//! The host of a component: what the SDK gives, and the connections that an instance keeps.

pub mod http;
pub(crate) mod mysql;

pub use spin_sdk::time::sleep;
pub use spin_sdk::variables;

/// For one thread of short requests; the C library's allocator had a twentieth of the host's time.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

pub mod redis {
    pub use spin_sdk::redis::{Connection, RedisParameter};

    /// What crosses into a host is a copy.
    pub(crate) fn lent(bytes: &[u8]) -> RedisParameter {
        RedisParameter::Binary(bytes.to_vec())
    }
}
