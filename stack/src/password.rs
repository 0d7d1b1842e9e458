//! Passwords of private servers, and other secrets that a platform keeps.

use crate::home::write_private;
use anyhow::Result;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The password in `file`, which only its owner can read: 32 hexadecimal digits, made at the first call.
///
/// # Errors
/// Where it can be neither read nor made.
pub fn password(file: &Path) -> Result<String> {
    random(file, 16)
}

/// The secret in `file`, which only its owner can read: 64 hexadecimal digits, made at the first call.
///
/// # Errors
/// Where it can be neither read nor made.
pub fn secret(file: &Path) -> Result<String> {
    random(file, 32)
}

fn random(file: &Path, length: usize) -> Result<String> {
    if let Ok(text) = fs::read_to_string(file) {
        return Ok(text);
    }
    let mut bytes = vec![0; length];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let text = bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    write_private(file, &text)?;
    Ok(text)
}
