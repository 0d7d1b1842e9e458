//! The host of a component: what the SDK gives, and the MySQL connections that an instance keeps.

pub mod http;
pub(crate) mod mysql;

pub use spin_sdk::time::sleep;
pub use spin_sdk::variables;

/// Suits one thread of short requests; the C library's allocator takes 5% of the host's time.
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

/// Redis of the SDK.
pub mod redis {
    pub use spin_sdk::redis::{Connection, RedisParameter};

    /// A copy, as what crosses into a host must be.
    pub(crate) fn lent(bytes: &[u8]) -> RedisParameter {
        RedisParameter::Binary(bytes.to_vec())
    }
}
