//! Passwords of private servers.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::Result;

use crate::home::write_private;

/// The password of our user: made once, kept in a file only we can read.
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
