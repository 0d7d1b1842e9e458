//! `cargo xtask test`: installs what the tests need, then runs them all. The tests start their own servers.

use crate::build;
use crate::cargo;
use crate::checkout::{Checkout, QUICK};
use crate::tools;
use anyhow::{Context, Result, ensure};
use stack::program::{self, LINTS};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Arguments of `test`.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Compile the native crates with clippy, whose warnings then fail the build: as quick as the tests alone, and what
    /// is compiled is not compiled a second time to be checked
    #[arg(long)]
    pub lints: bool,
    /// Passed on to `cargo test`: a filter, -p NAME, or after another -- what the test programs take
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub more: Vec<String>,
}

/// Installs, builds and tests; returns the exit code of `cargo test`.
///
/// # Errors
/// When something cannot be installed or built.
pub fn run(checkout: &Checkout, args: &Args) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    tools::for_testing()?;
    let workspace = checkout.workspace()?;
    let lints = args.lints.then(|| lints(checkout)).transpose()?;
    // Of the whole workspace cargo builds the programs anyway, as they have tests of their own.
    if !args.more.is_empty() {
        let mut programs = build::programs_command(checkout, QUICK, &[]);
        let programs = programs.envs(lints.clone().into_iter().flatten());
        cargo::build("native programs", programs)?;
    }
    build::components(checkout, &workspace)?;
    let mut command = program::cargo(&checkout.root);
    command.envs(lints.into_iter().flatten());
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

/// Variables with which cargo runs clippy as the compiler of this workspace's crates, as `cargo clippy` does for its
/// checks; every warning is an error.
fn lints(checkout: &Checkout) -> Result<[(&'static str, OsString); 2]> {
    let output = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir(&checkout.root)
        .output()
        .context("cannot run rustc")?;
    let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let driver = PathBuf::from(sysroot).join("bin/clippy-driver");
    ensure!(
        driver.is_file(),
        "clippy is not installed: rustup component add clippy"
    );
    const DENIED: &str = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";
    let [wrapper, arguments] = LINTS;
    Ok([(wrapper, driver.into()), (arguments, DENIED.into())])
}
