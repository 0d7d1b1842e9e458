//! The gate, the same locally and in CI, quick checks first.

use crate::checkout::{Checkout, WASM, Workspace};
use crate::console;
use crate::test;
use crate::tidy;
use crate::tools;
use crate::wit;
use anyhow::{Context, Result, ensure};
use stack::program;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Runs every check; the first that fails ends it.
///
/// # Errors
/// When a check fails.
pub fn run(checkout: &Checkout) -> Result<()> {
    let workspace = checkout.workspace()?;
    timed("tidy", || tidy::run(checkout))?;
    timed("wit", || wit::check(checkout))?;
    timed("fmt", || {
        succeed(program::cargo(&checkout.root).args(["fmt", "--all", "--check"]))
    })?;
    timed("tools", || tools::for_building(checkout))?;
    timed("clippy of the components", || clippy(checkout, &workspace))?;
    let linted = test::Args {
        lints: true,
        ..test::Args::default()
    };
    timed("clippy of the rest, and test", || {
        let code = test::run(checkout, &linted)?;
        ensure!(code == ExitCode::SUCCESS, "a test failed");
        Ok(())
    })
}

/// The components as they are built. All else is checked while the tests are built.
fn clippy(checkout: &Checkout, workspace: &Workspace) -> Result<()> {
    let mut wasm = program::cargo(&checkout.root);
    wasm.args(["clippy", "--locked"]).args(WASM);
    let names = workspace.components().map(|package| package.name.as_str());
    wasm.args(names.flat_map(|name| ["-p", name]));
    succeed(wasm.args(["--", "-D", "warnings"]))
}

fn timed(name: &str, check: impl FnOnce() -> Result<()>) -> Result<()> {
    console::line(format_args!("== {name}"));
    let started = Instant::now();
    check().with_context(|| format!("{name} failed"))?;
    console::line(format_args!(
        "== {name}: fine, {:.1} s",
        started.elapsed().as_secs_f32()
    ));
    Ok(())
}

fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}
