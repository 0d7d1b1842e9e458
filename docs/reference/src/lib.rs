//! `docs/reference.md`, made from what it describes: command lines, manifest, sources, and a running platform's
//! databases and metrics. A test holds the file against it.

mod columns;
mod flags;
mod metrics;
pub mod routes;
mod source;
mod variables;

use anyhow::{Context, Result};
use platform::{Options, Platform};
use stack::component;
use std::fmt::Write as _;
use std::path::PathBuf;

const HEAD: &str = "# Reference

Made from the code by `cargo run --profile quick -p reference`; a test fails where it is not up to date. How the parts
work together: [ARCHITECTURE](ARCHITECTURE.md). HTTP routes, bodies and codes:
[contract/openapi.json](../contract/openapi.json).
";

/// Where the file is.
///
/// # Errors
/// Where this was not started by cargo.
pub fn file() -> Result<PathBuf> {
    Ok(component::checkout()?.join("docs/reference.md"))
}

/// The whole text. Starts a platform for it.
///
/// # Errors
/// Where the platform does not start, or a source does not have what is read of it.
pub fn render() -> Result<String> {
    let checkout = component::checkout()?;
    let read = |path: &str| {
        let file = checkout.join(path);
        std::fs::read_to_string(&file).with_context(|| path.to_owned())
    };
    let platform = Platform::start(Options::default())?;
    let mut text = HEAD.to_owned();
    let mut section = |title: &str, body: String| write!(text, "\n## {title}\n{body}");
    section("`host-adapter up`", flags::of_host())?;
    section(
        "The host's runtime configuration file",
        source::runtime_configuration(&read("pools/src/config.rs")?)?,
    )?;
    section("`relay-worker`", flags::of_relay())?;
    section(
        "Variables of the functions",
        variables::of_manifest(&read("spin.toml")?)?,
    )?;
    section(
        "Error codes",
        source::codes(&read("contract/src/api/problem.rs")?)?,
    )?;
    section("Tables", columns::of_databases(&platform)?)?;
    let redis = read("contract/src/store/redis.rs")?;
    section("Redis keys", source::keys(&redis)?)?;
    section("Redis scripts", source::scripts(&redis)?)?;
    section(
        "Kafka topics and groups",
        source::topics(&read("contract/src/wire/message.rs")?)?,
    )?;
    // Which asks every server: what is counted by address is there then.
    platform.api.get("/ready")?.expect(200)?;
    section(
        "Metrics of the host",
        metrics::table(&platform.metrics.get("/metrics")?.text),
    )?;
    section(
        "Metrics of the relay",
        metrics::table(&metrics::of_relay()?),
    )?;
    Ok(text)
}

/// A line of a table.
fn row<const N: usize>(cells: [&str; N]) -> String {
    let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table.
fn head<const N: usize>(names: [&str; N]) -> String {
    format!("\n{}{}", row(names), row(["---"; N]))
}

/// `text` as code, or nothing where there is none.
fn code(text: &str) -> String {
    match text.is_empty() {
        true => String::new(),
        false => format!("`{text}`"),
    }
}
