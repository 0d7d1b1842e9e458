//! Crashes at each named step of host and relay, many times: what the gate does once (`tests/tests/faults/steps.rs`).

use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::build::{self, QUICK};
use crate::checkout::{Checkout, cargo_command};
use crate::tools;

/// # Errors
/// Where something cannot be installed or built.
pub fn run(checkout: &Checkout, rounds: u32) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    tools::for_testing()?;
    build::programs(checkout, QUICK, &[])?;
    build::components(checkout, &checkout.workspace()?)?;
    let status = cargo_command(&checkout.root)
        .env("STEPS_ROUNDS", rounds.to_string())
        .args(["test", "--profile", QUICK, "--locked", "--no-fail-fast"])
        .args(["-p", "tests", "--test", "faults", "--"])
        .args(["steps::", "zombie::", "--nocapture", "--test-threads=1"])
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
