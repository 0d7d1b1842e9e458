//! The components as wasm files, built once per test binary from the sources of its checkout.

use crate::program;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

/// Every function of the platform: folder = crate = component = wasm file.
pub const ALL: [&str; 17] = [
    "api-docs",
    "cancel-order",
    "create-order",
    "grpc-standard",
    "health",
    "inventory-grpc",
    "login",
    "order-failures",
    "order-grpc",
    "order-status",
    "pay-order",
    "product-catalog",
    "query-order",
    "seckill-activities",
    "seckill-buy",
    "seckill-token",
    "stats",
];

/// The components of tests and benchmarks.
const PROBES: [&str; 4] = ["endless-start", "noop", "probe", "probe-p2"];

/// The checkout that these tests belong to, as cargo says at run time: a path compiled in may be of another checkout
/// that shared the target folder.
///
/// # Errors
/// Where they were not started by cargo.
pub fn checkout() -> Result<PathBuf> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").context("not started by cargo")?;
    let mut folders = Path::new(&package).ancestors();
    let root = folders.find(|folder| folder.join("spin.toml").is_file());
    Ok(root.context("not in a checkout")?.to_owned())
}

/// The path of a component's wasm file; all of them are built if they are not up to date.
///
/// # Errors
/// When one does not build; with the compiler's output.
pub fn wasm(name: &str) -> Result<PathBuf> {
    static FRESH: Mutex<bool> = Mutex::new(false);
    let target = target_dir()?;
    // Held while building: two tests that want a component build it once.
    let mut fresh = FRESH.lock().unwrap_or_else(PoisonError::into_inner);
    if !*fresh {
        build(&target)?;
        *fresh = true;
    }
    let file = format!("{}.wasm", name.replace('-', "_"));
    Ok(target.join("wasm32-wasip2/component").join(file))
}

/// All in one command, as `cargo xtask build` does it: each alone would have other features of shared dependencies, and
/// compile them again.
fn build(target: &Path) -> Result<()> {
    let output = program::cargo_of_components(&checkout()?)
        .args(["build", "--quiet", "--locked", "--profile", "component"])
        .args(["--target", "wasm32-wasip2", "--target-dir"])
        .arg(target)
        .args(ALL.iter().chain(&PROBES).flat_map(|name| ["-p", name]))
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "components do not build:\n{said}");
    Ok(())
}

/// The target folder of this test binary, which is `TARGET/PROFILE/deps/NAME`.
///
/// # Errors
/// Where it is in none.
pub fn target_dir() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let folder = here.parent().context("not in a target folder")?;
    // Test binaries are in a folder below that of the profile.
    let profile = match folder.ends_with("deps") {
        true => folder.parent(),
        false => Some(folder),
    };
    let target = profile.and_then(Path::parent);
    Ok(target.context("not in a target folder")?.to_owned())
}
