//! Long campaigns of faults. The gate runs the same tests (`tests/tests/faults`) for a short time; a variable makes
//! them run longer.

use crate::build;
use crate::checkout::{Checkout, QUICK};
use crate::tools;
use anyhow::{Context, Result};
use stack::program;
use std::process::{ExitCode, Stdio};

/// The tests of a campaign, and the variable for their number of rounds.
pub struct Campaign {
    variable: &'static str,
    tests: &'static [&'static str],
}

/// Crashes and lost replies at each named step of host and relay, and relays that are frozen past their leases.
pub const STEPS: Campaign = Campaign {
    variable: "STEPS_ROUNDS",
    tests: &["steps::", "zombie::"],
};

/// Random histories of scarce products while connections are cut and processes killed.
pub const HISTORIES: Campaign = Campaign {
    variable: "HISTORIES",
    tests: &["histories::"],
};

/// # Errors
/// Where something cannot be installed or built.
pub fn run(checkout: &Checkout, campaign: &Campaign, count: u32) -> Result<ExitCode> {
    tools::for_building(checkout)?;
    tools::for_testing()?;
    build::programs(checkout, QUICK, &[])?;
    build::components(checkout, &checkout.workspace()?)?;
    let status = program::cargo(&checkout.root)
        .env(campaign.variable, count.to_string())
        .args(["test", "--profile", QUICK, "--locked", "--no-fail-fast"])
        .args(["-p", "tests", "--test", "faults", "--"])
        .args(campaign.tests)
        .args(["--nocapture", "--test-threads=1"])
        .stdin(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    Ok(match status.success() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
