//! The sample machine of a platform: a payment provider, which signs its requests. Its key is kept in `.run/machines/`,
//! where `cargo xtask sign` finds it.

use crate::checkout::Checkout;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;

const NAME: &str = "payments";

/// The entry of its key, made at the first call: `NAME:ROLE:KEY`.
///
/// # Errors
/// When it can be neither read nor made.
pub fn provider(checkout: &Checkout) -> Result<String> {
    let file = checkout.run_dir().join(place());
    if let Ok(text) = fs::read_to_string(&file) {
        return Ok(text);
    }
    if let Some(folder) = file.parent() {
        stack::private_folder(folder)?;
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).context("no random bytes for a key")?;
    let entry = format!("{NAME}:provider:{}", domain::hex::hex(&key));
    stack::write_private(&file, &entry)?;
    Ok(entry)
}

/// Where the key is, below the folder of a run.
pub fn place() -> PathBuf {
    PathBuf::from("machines").join(NAME)
}
