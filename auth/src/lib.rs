//! Who a caller is and what it may ask for: access tokens, the keys that sign them, and roles. Pure: no I/O and no
//! clock, so that whoever verifies a token decides alike, and every refusal can be tested.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod keys;
pub mod token;

pub use keys::Keys;
pub use token::{Claims, Refused, Scope};
