//! The functions as wasm files, built once per test binary from the sources of its checkout.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
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

/// The path of a function's wasm file, built if it is not up to date.
///
/// # Errors
/// When it does not build; with the compiler's output.
pub fn wasm(name: &str) -> Result<PathBuf> {
    static FRESH: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let target = target_dir()?;
    // Held while building: two tests that want the same function build it once.
    let mut fresh = FRESH.lock().unwrap_or_else(PoisonError::into_inner);
    if !fresh.contains(name) {
        build(name, &target)?;
        fresh.insert(name.to_owned());
    }
    let file = format!("{}.wasm", name.replace('-', "_"));
    Ok(target.join("wasm32-wasip2/component").join(file))
}

fn build(name: &str, target: &Path) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(checkout()?)
        .args(["build", "--quiet", "--profile", "component"])
        .args(["--target", "wasm32-wasip2", "-p", name, "--target-dir"])
        .arg(target)
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} does not build:\n{said}");
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
