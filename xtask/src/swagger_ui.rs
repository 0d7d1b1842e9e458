//! Swagger UI in the component `api-docs`: files of its npm package, whose version and digest a lock file pins. They
//! are in this repository, so that a build needs no npm.

use crate::checkout::Checkout;
use crate::console;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Served compressed, and stored so.
const SERVED: [&str; 2] = ["swagger-ui-bundle.js", "swagger-ui.css"];
/// What its licence asks for.
const BESIDE: [&str; 3] = ["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"];

/// Copies its files anew.
///
/// # Errors
/// When the package cannot be installed, or a file cannot be written.
pub fn vendor(checkout: &Checkout) -> Result<()> {
    let (ours, theirs) = (ours(&checkout.root), theirs(&checkout.root)?);
    for name in SERVED {
        let compressed = gzip(&["-9nc"], &theirs.join(name))?;
        console::line(format_args!("{name}: {} bytes", compressed.len()));
        fs::write(ours.join(format!("{name}.gz")), compressed)?;
    }
    for name in BESIDE {
        fs::copy(theirs.join(name), ours.join(name)).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// Fails where a file is not that of the package.
///
/// # Errors
/// Naming the first such file.
pub fn check(root: &Path) -> Result<()> {
    let (ours, theirs) = (ours(root), theirs(root)?);
    let same = |name: &str, here: Vec<u8>| {
        let there = fs::read(theirs.join(name)).with_context(|| name.to_owned())?;
        ensure!(
            here == there,
            "{name} is not that of the package: run `cargo xtask swagger-ui`"
        );
        Ok(())
    };
    for name in SERVED {
        same(name, gzip(&["-dc"], &ours.join(format!("{name}.gz")))?)?;
    }
    for name in BESIDE {
        same(name, fs::read(ours.join(name))?)?;
    }
    Ok(())
}

fn ours(root: &Path) -> PathBuf {
    root.join("functions/api-docs/assets/swagger-ui")
}

fn theirs(root: &Path) -> Result<PathBuf> {
    let read = |name: &str| {
        let file = ours(root).join(name);
        fs::read_to_string(&file).with_context(|| format!("{}", file.display()))
    };
    let (package, lock) = (read("package.json")?, read("package-lock.json")?);
    let folder = stack::node::packages("swagger-ui", &package, &lock)?;
    Ok(folder.join("node_modules/swagger-ui-dist"))
}

fn gzip(options: &[&str], file: &Path) -> Result<Vec<u8>> {
    let mut command = Command::new("gzip");
    let output = command
        .args(options)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .context("cannot run gzip")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {said}", file.display());
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_the_package() -> Result<()> {
        check(&Checkout::find()?.root)
    }
}
