//! Secrets and unique keys from the host's random source.

use crate::Fault;
use domain::hex::hex;

/// 128 random bits.
///
/// # Errors
/// Where the host gives no random bytes.
pub fn bytes() -> Result<[u8; 16], Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::Internal(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

/// 128 random bits as 32 hexadecimal characters.
///
/// # Errors
/// Where the host gives no random bytes.
pub fn nonce() -> Result<String, Fault> {
    Ok(hex(&bytes()?))
}
