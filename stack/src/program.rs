//! Where installed programs are: on PATH, or where distributions keep servers. And the cargo that runs this program.

use anyhow::{Context, Result};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The cargo that runs this program, in a checkout.
#[must_use]
pub fn cargo(checkout: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(checkout);
    forget_package(&mut command);
    command
}

/// Names of the variables with which `cargo xtask test --lints` compiles: clippy in place of the compiler, and its
/// arguments.
pub const LINTS: [&str; 2] = ["RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"];

/// The same, for components: they are compiled as they are shipped, also in a test that was compiled with lints.
#[must_use]
pub fn cargo_of_components(checkout: &Path) -> Command {
    let mut command = cargo(checkout);
    for name in LINTS {
        command.env_remove(name);
    }
    command
}

/// Cargo sets variables of a program's own package for it. Build scripts of others that read them (ring's), and all
/// that depends on those, would be built again each time that a call by hand follows one of a program.
pub(crate) fn forget_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let shown = name.to_string_lossy();
        if shown.starts_with("CARGO_PKG_") || shown.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
}
