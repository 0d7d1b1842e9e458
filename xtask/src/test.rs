//! `cargo xtask test`: installs what the tests need, then runs them all. The tests start their own servers.

use crate::build;
use crate::checkout::{Checkout, QUICK};
use crate::tools;
use anyhow::{Context, Result};
use stack::program;
use std::process::ExitCode;

/// Arguments of `test`.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Passed on to `cargo test`: a filter, -p NAME, or after another -- what the test programs take
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

/// Installs, builds and tests; returns the exit code of `cargo test`.
///
/// # Errors
/// When something cannot be installed or built.
pub fn run(checkout: &Checkout, args: &Args) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    tools::for_testing()?;
    let workspace = checkout.workspace()?;
    build::programs(checkout, QUICK, &[])?;
    build::components(checkout, &workspace)?;
    let mut command = program::cargo(&checkout.root);
    command.args([
        "test",
        "--profile",
        QUICK,
        "--locked",
        "--workspace",
        "--no-fail-fast",
    ]);
    // The functions have unit tests; other components have none and work only inside a host.
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
