//! Tools that a machine needs for building and running, installed where they are missing.

use crate::checkout::Checkout;
use crate::console;
use anyhow::{Context, Result, bail, ensure};
use stack::install::{self, CHROMIUM, GO, JAVA, MARIADB, NODE, Need, RABBITMQ, REDIS};
use stack::program;
use std::process::Command;

const WASM_TARGET: &str = "wasm32-wasip2";
/// The Kafka client is C, built from source.
const COMPILERS: [Need; 2] = [
    Need {
        program: "cc",
        package: "build-essential",
    },
    Need {
        program: "make",
        package: "build-essential",
    },
];

const WRK: [Need; 1] = [Need {
    program: "wrk",
    package: "wrk",
}];

/// The compilers: for C, and Rust's target for the functions.
///
/// # Errors
/// When one is missing and cannot be installed.
pub fn for_building(checkout: &Checkout) -> Result<()> {
    install::ensure(&COMPILERS, say)?;
    // rustc is asked, because a Rust without rustup may have the target too.
    let library = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM_TARGET])
        .current_dir(&checkout.root)
        .output()
        .context("cannot run rustc")?;
    let folder = String::from_utf8_lossy(&library.stdout).trim().to_owned();
    if library.status.success() && std::path::Path::new(&folder).is_dir() {
        return Ok(());
    }
    console::line(format_args!(
        "adding Rust's target {WASM_TARGET} through rustup"
    ));
    let Ok(rustup) = program::find("rustup") else {
        bail!("Rust's target {WASM_TARGET} is missing, and there is no rustup to add it");
    };
    let status = Command::new(rustup)
        .args(["target", "add", WASM_TARGET])
        .current_dir(&checkout.root)
        .status()?;
    ensure!(
        status.success(),
        "rustup could not add the target {WASM_TARGET}"
    );
    Ok(())
}

/// The servers that are wanted: MariaDB, Redis, and Java with the jars of Kafka and Elasticsearch.
///
/// # Errors
/// When one is missing and cannot be installed.
pub fn for_serving(mariadb: bool, redis: bool, java: bool) -> Result<()> {
    let wanted = [
        (mariadb, &MARIADB[..]),
        (redis, &REDIS[..]),
        (java, &JAVA[..]),
    ];
    let needs: Vec<Need> = wanted
        .iter()
        .filter(|(want, _)| *want)
        .flat_map(|(_, needs)| needs.iter().copied())
        .collect();
    install::ensure(&needs, say)?;
    if java {
        install::jars(say)?;
    }
    Ok(())
}

/// The load generator of the benchmarks.
///
/// # Errors
/// When it is missing and cannot be installed.
pub fn for_load() -> Result<()> {
    install::ensure(&WRK, say)
}

/// All servers that tests start, what runs their clients of other languages, and a browser.
///
/// # Errors
/// When one is missing and cannot be installed.
pub fn for_testing() -> Result<()> {
    for_serving(true, true, true)?;
    install::ensure(&RABBITMQ, say)?;
    install::ensure(&NODE, say)?;
    install::ensure(&GO, say)?;
    install::ensure(&CHROMIUM, say)?;
    install::python(say)
}

fn say(text: &str) {
    console::line(text);
}
