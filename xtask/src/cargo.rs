//! Runs cargo and shows its progress as one bar. Cargo's output is held back and printed only if the build fails or
//! warns.

use crate::console::{self, Step};
use anyhow::{Context, Result, ensure};
use std::io::{BufReader, Read};
use std::process::{Command, Stdio};

/// Lines of output kept: a longer list of errors helps nobody.
const LINES_MAX: usize = 400;

/// Runs a cargo command that builds, as the step `name`.
///
/// # Errors
/// When cargo fails; its output has been printed.
pub fn build(name: &str, command: &mut Command) -> Result<()> {
    let (success, said) = console::step(name, |step| watch(command, step))?;
    for line in said {
        console::line(line);
    }
    ensure!(success, "{name}: cargo failed");
    Ok(())
}

fn watch(command: &mut Command, step: &mut Step) -> Result<(bool, Vec<String>)> {
    // Cargo counts its jobs only for its own progress bar, so the bar is switched on.
    let mut child = command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100")
        .env("CARGO_TERM_COLOR", "never")
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run cargo")?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        each_line(BufReader::new(stderr), |line| match read(line) {
            Said::Progress { done, total, what } => step.at(done, total, what),
            Said::Routine => {}
            Said::Text(text) if said.len() < LINES_MAX => said.push(text.to_owned()),
            Said::Text(_) => {}
        })?;
    }
    Ok((child.wait()?.success(), said))
}

#[derive(Debug, PartialEq)]
enum Said<'a> {
    Progress {
        done: u64,
        total: u64,
        what: &'a str,
    },
    Routine,
    Text(&'a str),
}

/// Parses one line of output, from the progress bar or not.
fn read(line: &str) -> Said<'_> {
    const ROUTINE: [&str; 12] = [
        "Compiling",
        "Checking",
        "Finished",
        "Building",
        "Downloaded",
        "Downloading",
        "Updating",
        "Fresh",
        "Locking",
        "Blocking",
        "Running",
        "Adding",
    ];
    let text = line.trim_start_matches("\u{1b}[K").trim_end();
    if let Some(progress) = progress(text) {
        return progress;
    }
    let word = text.split_whitespace().next();
    match word {
        None => Said::Routine,
        Some(word) if ROUTINE.contains(&word) => Said::Routine,
        Some(_) => Said::Text(text),
    }
}

/// Parses `    Building [====>      ] 12/345: a, b(build)`.
fn progress(text: &str) -> Option<Said<'_>> {
    let rest = text.trim_start().strip_prefix("Building [")?;
    let (_, rest) = rest.split_once("] ")?;
    let (count, what) = rest.split_once(": ").unwrap_or((rest, ""));
    let (done, total) = count.split_once('/')?;
    Some(Said::Progress {
        done: done.parse().ok()?,
        total: total.parse().ok()?,
        what,
    })
}

/// Splits at line feeds and carriage returns: the latter precede each redraw of the bar.
fn each_line(mut input: impl Read, mut take: impl FnMut(&str)) -> Result<()> {
    let mut pending = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let length = input.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        for &byte in &chunk[..length] {
            if byte == b'\n' || byte == b'\r' {
                take(&String::from_utf8_lossy(&pending));
                pending.clear();
            } else {
                pending.push(byte);
            }
        }
    }
    take(&String::from_utf8_lossy(&pending));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_bar_is_read() {
        let line = "\u{1b}[K    Building [=======>     ] 12/345: wasmtime, tokio(build)";
        assert_eq!(
            read(line),
            Said::Progress {
                done: 12,
                total: 345,
                what: "wasmtime, tokio(build)"
            }
        );
    }

    #[test]
    fn routine_is_dropped_and_the_rest_kept_with_its_indent() {
        assert_eq!(read("   Compiling serde v1.0.229"), Said::Routine);
        assert_eq!(
            read("  --> src/main.rs:1:2"),
            Said::Text("  --> src/main.rs:1:2")
        );
        assert_eq!(
            read("error: could not compile"),
            Said::Text("error: could not compile")
        );
    }

    #[test]
    fn carriage_returns_end_lines_too() {
        let mut lines = Vec::new();
        each_line(&b"a\rb\nc"[..], |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["a", "b", "c"]);
    }
}
