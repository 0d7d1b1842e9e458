//! Spin variables with the SDK's types, through the thread's port.

use super::{UNFILLED, with};

pub use spin_sdk::variables::Error;

/// The value of a variable.
///
/// # Errors
/// Where it is not defined, or the thread has no ports.
pub async fn get(name: &str) -> Result<String, Error> {
    match with(|ports| ports.variable(name)) {
        Some(value) => value.ok_or_else(|| Error::Undefined(name.to_owned())),
        None => Err(Error::Other(UNFILLED.to_owned())),
    }
}
