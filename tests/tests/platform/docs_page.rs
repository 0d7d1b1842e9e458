//! `/openapi.json` and `/docs`: as programs fetch them, and as a browser shows them.

use anyhow::{Context, Result, ensure};
use platform::openapi::operations;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_document_is_served_as_it_is_stored() -> Result<()> {
    let platform = tests::shared();
    let stored = include_str!("../../../contract/openapi.json");
    let plain = platform.api.get("/openapi.json")?.expect(200)?;
    assert_eq!(plain.text, stored);
    assert_eq!(plain.header("content-encoding"), None);
    let tag = plain.header("etag").context("a tag")?;
    let known = [("if-none-match", tag)];
    let same = platform.api.send("GET", "/openapi.json", &known, "")?;
    same.expect(304)?;

    // By a client that leaves the coding as it is.
    let url = format!("{}/openapi.json", platform.api.base());
    let coded = curl(&["--header", "accept-encoding: gzip", &url])?;
    ensure!(coded.len() < stored.len() / 8, "{} bytes", coded.len());
    let decoded = curl(&["--compressed", &url])?;
    assert_eq!(decoded, stored.as_bytes());
    Ok(())
}

#[test]
fn a_browser_shows_every_operation() -> Result<()> {
    let platform = tests::shared();
    let home = stack::Home::temporary()?;
    let page = format!("{}/docs", platform.api.base());
    let output = browser(home.path()).args(["--dump-dom", &page]).output()?;
    let (shown, said) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    for operation in operations() {
        let label = format!(">{}</span>", operation.id);
        ensure!(
            shown.contains(&label),
            "{} is not shown:\n{said}",
            operation.id
        );
    }
    // What the page's policy forbids, and every error of its scripts, is said on the console.
    let wrong = said.lines().find(|line| line.contains("CONSOLE"));
    ensure!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    Ok(())
}

/// A browser of its own that shows a page as it is after ten seconds of its own clock.
fn browser(home: &Path) -> Command {
    let mut command = Command::new("chromium");
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-first-run",
            "--enable-logging=stderr",
            "--virtual-time-budget=10000",
        ])
        .arg(format!("--user-data-dir={}", home.display()))
        .stdin(Stdio::null());
    command
}

fn curl(arguments: &[&str]) -> Result<Vec<u8>> {
    let mut command = Command::new("curl");
    let output = command
        .args(["--silent", "--fail"])
        .args(arguments)
        .output()?;
    ensure!(
        output.status.success(),
        "curl {arguments:?}: {}",
        output.status
    );
    Ok(output.stdout)
}
