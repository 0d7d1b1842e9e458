//! Builds the native programs and the components, and copies each component to where spin.toml expects it:
//! `target/components/NAME.wasm`, with the name of its crate.

use crate::cargo;
use crate::checkout::{Checkout, RELEASE, WASM, Workspace};
use crate::tools;
use anyhow::{Context, Result};
use stack::program;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The native programs that `up` runs.
const PROGRAMS: [&str; 2] = ["host-adapter", "relay-worker"];

/// Builds everything that `up` runs.
///
/// # Errors
/// When a tool is missing or a build fails.
pub fn run(checkout: &Checkout) -> Result<()> {
    tools::for_building(checkout)?;
    let workspace = checkout.workspace()?;
    programs(checkout, RELEASE, &[])?;
    components(checkout, &workspace)
}

/// Builds the native programs and `more` in one command, so that shared dependencies have the same features.
///
/// # Errors
/// When cargo fails.
pub fn programs(checkout: &Checkout, profile: &str, more: &[&str]) -> Result<()> {
    cargo::build(
        "native programs",
        &mut programs_command(checkout, profile, more),
    )
}

/// The command of [`programs`].
pub fn programs_command(checkout: &Checkout, profile: &str, more: &[&str]) -> Command {
    let packages = PROGRAMS.iter().chain(more).flat_map(|name| ["-p", name]);
    let mut command = program::cargo(&checkout.root);
    command
        .args(["build", "--profile", profile, "--locked", "--bins"])
        .args(packages);
    command
}

/// Builds the components and puts them in place.
///
/// # Errors
/// When cargo fails or a file cannot be copied.
pub fn components(checkout: &Checkout, workspace: &Workspace) -> Result<()> {
    let names: Vec<&str> = workspace
        .components()
        .map(|package| package.name.as_str())
        .collect();
    let packages = names.iter().flat_map(|name| ["-p", name]);
    let mut command = program::cargo_of_components(&checkout.root);
    command
        .args(["build", "--locked"])
        .args(WASM)
        .args(packages);
    cargo::build("functions", &mut command)?;
    let built = workspace.target.join("wasm32-wasip2/component");
    let places = checkout.components_dir();
    fs::create_dir_all(&places)?;
    names.iter().try_for_each(|name| {
        let from = built.join(format!("{}.wasm", name.replace('-', "_")));
        put(&from, &places.join(format!("{name}.wasm")))
            .with_context(|| format!("cannot put {} in place", from.display()))
    })
}

/// Copies a file unless it is there already. A host that reads it meanwhile sees the old or the new one.
fn put(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from)?;
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let fresh = to.with_extension("new");
    fs::write(&fresh, bytes)?;
    fs::rename(&fresh, to)?;
    Ok(())
}
