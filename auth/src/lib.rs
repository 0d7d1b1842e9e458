//! Who a caller is: access tokens and the keys that sign them, refresh tokens and passwords, and the signatures of
//! machines. Pure: no I/O, no clock and no random source, so that whoever verifies a token decides alike, and every
//! refusal can be tested.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod keys;
#[cfg(feature = "password")]
pub mod password;
pub mod refresh;
pub mod signature;
pub mod token;

pub use keys::Keys;
pub use refresh::RefreshToken;
pub use token::{Claims, Refused, Scope};
