//! Secrets from the host's random source.

use crate::Fault;
use domain::hex::hex;

/// 128 random bits as 32 hexadecimal characters.
///
/// # Errors
/// Where the host gives no random bytes.
pub fn nonce() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::Internal(format!("no random bytes: {error}")))?;
    Ok(hex(&bytes))
}
