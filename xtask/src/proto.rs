//! The Rust code of the `.proto` files: committed, so that no build needs a compiler of protobuf. A test of the
//! generator compares it with what the generator makes.

use crate::checkout::{Checkout, QUICK};
use crate::console;
use anyhow::{Context, Result, ensure};
use stack::program;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The folder of generated files.
const GENERATED: &str = "proto/src/generated";

/// Generates all files anew.
///
/// # Errors
/// When a `.proto` file is wrong, or the generator cannot be built.
pub fn generate(checkout: &Checkout) -> Result<()> {
    let folder = checkout.root.join(GENERATED);
    let before = files(&folder)?;
    run(checkout, &folder)?;
    for (name, bytes) in files(&folder)? {
        if before.get(&name) != Some(&bytes) {
            console::line(format_args!("{GENERATED}/{name} has changed"));
        }
    }
    Ok(())
}

fn run(checkout: &Checkout, folder: &Path) -> Result<()> {
    let status = program::cargo(&checkout.root)
        .args(["run", "--profile", QUICK, "--locked", "--quiet"])
        .args(["-p", "proto-generate", "--"])
        .arg(folder)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "the generator ended with {status}");
    Ok(())
}

/// Every file by its name.
fn files(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.insert(name.into_owned(), fs::read(&path)?);
    }
    Ok(files)
}
