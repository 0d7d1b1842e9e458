//! `cargo xtask bench`: builds what is measured and hands over to the `bench` program.

use crate::build;
use crate::checkout::{Checkout, QUICK, RELEASE};
use crate::tools;
use anyhow::{Context, Result};
use stack::program;
use std::process::ExitCode;

/// Arguments of `bench`.
#[derive(clap::Args)]
pub struct Args {
    /// Passed on: names of benchmarks and their options; --help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

/// Installs, builds and measures; returns the benchmark's exit code.
///
/// # Errors
/// When something cannot be installed or built.
pub fn run(checkout: &Checkout, args: &Args) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    if args
        .more
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        return bench(checkout, QUICK, args);
    }
    tools::for_serving(true, true, false)?;
    tools::for_load()?;
    // The native server the host is measured against.
    build::programs(checkout, RELEASE, &["twin"])?;
    build::components(checkout, &checkout.workspace()?)?;
    bench(checkout, RELEASE, args)
}

fn bench(checkout: &Checkout, profile: &str, args: &Args) -> Result<ExitCode> {
    let status = program::cargo(&checkout.root)
        .args(["run", "--profile", profile, "--locked", "-q"])
        .args(["-p", "bench", "--"])
        .args(&args.more)
        .status()
        .context("cannot run cargo")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
