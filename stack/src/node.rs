//! Packages of npm, in folders of the user's cache, with the versions that a lock file pins.

use crate::cache::cached_of;
use crate::program;
use crate::python::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder in which `npm ci` installed what the two files list (`package.json` and `package-lock.json`): programs
/// are in its `node_modules/.bin`. Installed if missing; other files make another folder. No script of a package runs.
/// A lock file names no registry: write it with `npm install --omit-lockfile-registry-resolved`.
///
/// # Errors
/// Where there is no npm, or it fails.
pub fn packages(name: &str, package: &str, lock: &str) -> Result<PathBuf> {
    cached_of(
        &format!("node-{name}"),
        &[package, lock].concat(),
        |folder| install(folder, package, lock),
    )
}

fn install(folder: &Path, package: &str, lock: &str) -> Result<()> {
    std::fs::write(folder.join("package.json"), package)?;
    std::fs::write(folder.join("package-lock.json"), lock)?;
    let npm = program::find("npm").context("Debian's packages are nodejs and npm")?;
    let quiet = [
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ];
    run(Command::new(npm).arg("ci").args(quiet).current_dir(folder)).context("npm ci")
}
