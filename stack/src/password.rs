//! Passwords of private servers.

use crate::home::write_private;
use anyhow::Result;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The password in `file`, which only its owner can read; made at the first call.
pub(crate) fn password(file: &Path) -> Result<String> {
    if let Ok(password) = fs::read_to_string(file) {
        return Ok(password);
    }
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let password = bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    write_private(file, &password)?;
    Ok(password)
}
