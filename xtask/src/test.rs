//! `cargo xtask test`: whatever the tests need, then all of them. The servers are the tests' own.

use crate::build;
use crate::checkout::{Checkout, QUICK, cargo_command};
use crate::tools;
use anyhow::{Context, Result};
use std::process::ExitCode;

/// What may be said to the tests.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Handed on to `cargo test`: a filter, -p NAME, or after another -- what the test programs take
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

/// Installs, builds and tests; ends as `cargo test` does.
///
/// # Errors
/// When something cannot be installed or built.
pub fn run(checkout: &Checkout, args: &Args) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    tools::for_testing()?;
    let workspace = checkout.workspace()?;
    build::programs(checkout, QUICK, &[])?;
    build::components(checkout, &workspace)?;
    let mut command = cargo_command(&checkout.root);
    command.args([
        "test",
        "--profile",
        QUICK,
        "--locked",
        "--workspace",
        "--no-fail-fast",
    ]);
    // The functions' own tests run here; other components have none, and only make sense inside a host.
    for component in workspace.components() {
        if !component.folder.starts_with("functions") {
            command.args(["--exclude", &component.name]);
        }
    }
    let status = command
        .args(&args.more)
        .status()
        .context("cannot run cargo test")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
