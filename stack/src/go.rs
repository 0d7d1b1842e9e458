//! Programs of Go, built from their sources into the user's cache by the Go that is installed.

use crate::cache::cached;
use crate::install::{self, GO};
use crate::program;
use crate::python::run;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A client of gRPC servers for the command line: what to build, for a Go of the last years and for an older one.
const GRPCURL: [&str; 2] = [
    "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4",
    "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.8.7",
];

/// The program `grpcurl`, built if missing.
///
/// # Errors
/// Where there is no Go and none can be installed, or its sources cannot be fetched.
pub fn grpcurl() -> Result<PathBuf> {
    let folder = cached("grpcurl-1.9.4", |folder| {
        install::ensure(&GO, |line| println!("{line}"))?;
        let newest = build(GRPCURL[0], folder);
        newest.or_else(|error| build(GRPCURL[1], folder).context(error))
    })?;
    Ok(folder.join("grpcurl"))
}

fn build(what: &str, folder: &Path) -> Result<()> {
    let go = program::find("go").context("Debian's package is golang-go")?;
    let mut command = Command::new(go);
    command.args(["install", what]).env("GOBIN", folder);
    run(&mut command).with_context(|| format!("go install {what}"))
}
