//! The vendored WIT files: byte for byte those of the SDK that the functions are built with, so that host and guests
//! agree.

use crate::checkout::Checkout;
use crate::console;
use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};

const SDK: (&str, &str) = ("spin-sdk", "7.0.0");

/// Fails where a vendored file differs from the SDK's, or `wit/deps.toml` lacks its sha256.
///
/// # Errors
/// Naming the first such file.
pub fn check(checkout: &Checkout) -> Result<()> {
    let theirs = origin(checkout)?;
    let ours = vendored(checkout);
    let sums = fs::read_to_string(checkout.root.join("wit/deps.toml")).ok();
    let files = files(&ours)?;
    ensure!(!files.is_empty(), "{} holds no WIT", ours.display());
    for file in files {
        let name = file.display();
        let (here, there) = (fs::read(ours.join(&file))?, fs::read(theirs.join(&file)));
        match there {
            Err(_) => bail!("wit/deps/{name} is not in {} {}", SDK.0, SDK.1),
            Ok(there) if there != here => {
                bail!("wit/deps/{name} was changed: `cargo xtask wit` undoes it")
            }
            Ok(_) => {}
        }
        if let Some(sums) = &sums {
            ensure!(
                sums.contains(&sha256(&here)),
                "wit/deps.toml lacks the sha256 of {name}"
            );
        }
    }
    Ok(())
}

/// Copies each vendored package anew.
///
/// # Errors
/// When a package is not in the SDK, or a file cannot be copied.
pub fn vendor(checkout: &Checkout) -> Result<()> {
    let theirs = origin(checkout)?;
    let ours = vendored(checkout);
    for entry in fs::read_dir(&ours)? {
        let package = entry?.file_name();
        let name = package.to_string_lossy().into_owned();
        let from = theirs.join(&package);
        let fresh = files(&from).with_context(|| format!("{} {} has no {name}", SDK.0, SDK.1))?;
        fs::remove_dir_all(ours.join(&package))?;
        for file in fresh {
            let to = ours.join(&package).join(&file);
            fs::create_dir_all(to.parent().context("a file without a folder")?)?;
            fs::copy(from.join(&file), &to)?;
            console::line(format_args!(
                "{}  {name}/{}",
                sha256(&fs::read(&to)?),
                file.display()
            ));
        }
    }
    Ok(())
}

fn origin(checkout: &Checkout) -> Result<PathBuf> {
    Ok(checkout.sources_of(SDK.0, SDK.1)?.join("wit/deps"))
}

fn vendored(checkout: &Checkout) -> PathBuf {
    checkout.root.join("wit/deps")
}

/// All files under `folder`, relative to it, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(at) = folders.pop() {
        let path = folder.join(&at);
        let entries =
            fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for entry in entries {
            let entry = entry?;
            let name = at.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name)
            } else {
                found.push(name)
            }
        }
    }
    found.sort();
    Ok(found)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
