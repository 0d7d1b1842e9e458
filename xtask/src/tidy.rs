//! Rules of layout and dependencies that no compiler checks. All problems are listed before it fails.

mod edges;
mod named;
mod source;

use crate::checkout::Checkout;
use crate::console;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Checks every tracked file and every dependency between packages.
///
/// # Errors
/// When a rule is broken; each place has been printed.
pub fn run(checkout: &Checkout) -> Result<()> {
    let mut problems = edges::check(&checkout.workspace()?.packages);
    let tracked = tracked(checkout)?;
    problems.extend(named::check(&checkout.root, &tracked));
    for path in tracked {
        // A file that was deleted but not committed is skipped, and so is one that is no text.
        let Ok(bytes) = fs::read(checkout.root.join(&path)) else {
            continue;
        };
        let Ok(text) = String::from_utf8(bytes) else {
            continue;
        };
        problems.extend(source::check(&path, &text));
    }
    for problem in &problems {
        console::line(problem);
    }
    match problems.len() {
        0 => Ok(()),
        1 => bail!("1 rule is broken"),
        count => bail!("{count} rules are broken"),
    }
}

fn tracked(checkout: &Checkout) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(&checkout.root)
        .output()
        .context("cannot run git")?;
    ensure!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    let names = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_checkout_is_tidy() {
        let checkout = crate::checkout::Checkout::find().unwrap();
        super::run(&checkout).unwrap();
    }
}
