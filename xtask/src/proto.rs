//! The Rust code of the `.proto` files: committed, so that no build needs a compiler of protobuf. A test of the
//! generator compares it with what the generator makes.

use crate::checkout::{Checkout, QUICK};
use anyhow::{Context, Result, ensure};
use stack::program;

/// The folder of generated files.
const GENERATED: &str = "proto/src/generated";

/// Generates all files anew; those that change are named.
///
/// # Errors
/// When a `.proto` file is wrong, or the generator cannot be built.
pub fn generate(checkout: &Checkout) -> Result<()> {
    let status = program::cargo(&checkout.root)
        .args(["run", "--profile", QUICK, "--locked", "--quiet"])
        .args(["-p", "proto-generate", "--", GENERATED])
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the generator ended with {status}");
    Ok(())
}
