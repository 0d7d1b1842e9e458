//! Schemathesis, which tests a server against its OpenAPI document, in a virtual environment of Python in the user's
//! cache.

use crate::cache::cached;
use crate::program;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// It and all that it needs, with their versions.
const REQUIREMENTS: &str = include_str!("../python/schemathesis.txt");
/// The cached folder, with the version of the requirements; a test compares the two.
const SCHEMATHESIS: &str = "schemathesis-4.32.5";

/// The command that runs Schemathesis, installed from PyPI if missing.
///
/// # Errors
/// Where there is no Python with virtual environments, or pip fails.
pub fn schemathesis() -> Result<Command> {
    let folder = cached(SCHEMATHESIS, install)?;
    // By its module: the environment was made under another name, which its scripts still have.
    let mut command = Command::new(python(&folder));
    command.args(["-m", "schemathesis.cli"]);
    Ok(command)
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin/python3")
}

fn install(folder: &Path) -> Result<()> {
    let system = program::find("python3").context("Schemathesis needs Python")?;
    let folder_name = folder.as_os_str();
    run(Command::new(system).args(["-m", "venv"]).arg(folder_name))
        .context("cannot make a virtual environment (Debian's package is python3-venv)")?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS)?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--requirement",
    ];
    run(Command::new(python(folder)).args(pip).arg(requirements))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{}", String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_carries_the_version_of_the_requirements() {
        let version = SCHEMATHESIS.replace('-', "==");
        assert!(REQUIREMENTS.lines().any(|line| line == version));
    }
}
