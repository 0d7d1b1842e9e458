//! Where installed programs are: on PATH, or where distributions keep servers.

use anyhow::{Context, Result};
use std::env;
use std::path::PathBuf;

/// Folders of servers that an ordinary user's PATH lacks.
const MORE_PATHS: [&str; 4] = [
    "/usr/sbin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/local/bin",
];

/// The path of an installed program.
///
/// # Errors
/// When it is neither on PATH nor in the usual folders.
pub fn find(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(MORE_PATHS.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("{name} is not installed"))
}
