//! Programs of Python, each in a virtual environment in the user's cache with the versions that are pinned here or by
//! the test that wants it.

use crate::cache::cached_of;
use crate::program;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Schemathesis, which tests a server against its OpenAPI document, and all that it needs.
const SCHEMATHESIS: &str = include_str!("../python/schemathesis.txt");

/// The command that runs Schemathesis, installed from PyPI if missing.
///
/// # Errors
/// Where there is no Python with virtual environments, or pip fails.
pub fn schemathesis() -> Result<Command> {
    let mut command = environment("schemathesis", SCHEMATHESIS)?;
    command.args(["-m", "schemathesis.cli"]);
    Ok(command)
}

/// The Python of a virtual environment that has what `requirements` list: every package with its version, those that
/// others need included (what `pip freeze` writes). Installed from PyPI if missing; other requirements make another
/// environment. Its programs are run by their modules (`-m`): their scripts still name the folder they were made in.
///
/// # Errors
/// Where there is no Python with virtual environments, or pip fails.
pub fn environment(name: &str, requirements: &str) -> Result<Command> {
    let folder = cached_of(&format!("python-{name}"), requirements, |folder| {
        install(folder, requirements)
    })?;
    Ok(Command::new(python(&folder)))
}

fn python(folder: &Path) -> PathBuf {
    folder.join("bin/python3")
}

fn install(folder: &Path, requirements: &str) -> Result<()> {
    let system = program::find("python3").context("virtual environments need Python")?;
    let folder_name = folder.as_os_str();
    run(Command::new(system).args(["-m", "venv"]).arg(folder_name))
        .context("cannot make a virtual environment (Debian's package is python3-venv)")?;
    let list = folder.join("requirements.txt");
    std::fs::write(&list, requirements)?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--requirement",
    ];
    run(Command::new(python(folder)).args(pip).arg(list))
}

/// Runs a command to its end; what it wrote is the error.
///
/// # Errors
/// When it does not start or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!("{}", String::from_utf8_lossy(&said).trim());
    }
    Ok(())
}
