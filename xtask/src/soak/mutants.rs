//! Tests of the tests. `tests/mutants.txt` lists one-line changes of Rust, Lua and SQL, each with a test that must fail
//! for it and passes without it. The changes are made one at a time, in a copy of the checkout.

use crate::checkout::{Checkout, QUICK};
use crate::console;
use crate::tools;
use anyhow::{Context, Result, bail, ensure};
use stack::program;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

const LIST: &str = "tests/mutants.txt";
/// Programs that the platform's tests start; other tests build their own.
const PROGRAMS: [&str; 2] = ["host-adapter", "relay-worker"];

/// One change, and the test that must fail for it.
#[derive(Debug, PartialEq, Eq)]
struct Mutant<'a> {
    name: &'a str,
    file: &'a str,
    from: &'a str,
    to: &'a str,
    /// Arguments of `cargo test`.
    test: &'a str,
}

/// The result for a mutant.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Caught,
    Survived,
    /// The change does not compile.
    NotBuilt,
}

/// # Errors
/// Where the list is wrong, or the copy cannot be made.
pub fn run(checkout: &Checkout, filter: &str, list: bool) -> Result<ExitCode> {
    let text = fs::read_to_string(checkout.root.join(LIST)).context(LIST)?;
    let mutants = parse(&text)?;
    for mutant in &mutants {
        let source = fs::read_to_string(checkout.root.join(mutant.file))
            .with_context(|| format!("{}: {}", mutant.name, mutant.file))?;
        mutated(&source, mutant)?;
    }
    console::line(format!("{} mutants fit the sources", mutants.len()));
    if list {
        return Ok(ExitCode::SUCCESS);
    }
    tools::for_building(checkout)?;
    tools::for_testing()?;
    let target = checkout.workspace()?.target.join("mutants");
    let copy = target.join("checkout");
    copy_tracked(&checkout.root, &copy)?;
    let target = target.join("target");
    let chosen = mutants.iter().filter(|one| one.name.contains(filter));
    // A test that fails without a mutant would seem to catch all of them.
    let tests: BTreeSet<&str> = chosen.clone().map(|mutant| mutant.test).collect();
    for test in tests {
        let fate = judge(&copy, &target, test)?;
        ensure!(fate == Fate::Survived, "{test}: {fate:?} without a mutant");
    }
    let mut survivors = Vec::new();
    for mutant in chosen {
        let fate = fate(&copy, &target, mutant)?;
        console::line(format!("{:?}: {}", fate, mutant.name));
        if fate != Fate::Caught {
            survivors.push(mutant.name);
        }
    }
    ensure!(
        survivors.is_empty(),
        "{} not caught: {}",
        survivors.len(),
        survivors.join(", ")
    );
    Ok(ExitCode::SUCCESS)
}

/// Parses paragraphs of lines `name: value`.
fn parse(text: &str) -> Result<Vec<Mutant<'_>>> {
    let paragraphs = text.split("\n\n").map(str::trim);
    paragraphs
        .filter(|paragraph| !paragraph.is_empty() && !paragraph.starts_with('#'))
        .map(|paragraph| {
            let value = |name: &str| {
                let mut lines = paragraph.lines();
                let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                line.with_context(|| format!("{LIST}: no {name} in\n{paragraph}"))
            };
            Ok(Mutant {
                name: value("name")?,
                file: value("file")?,
                from: value("from")?,
                to: value("to").unwrap_or_default(),
                test: value("test")?,
            })
        })
        .collect()
}

/// The source with the change applied.
fn mutated(source: &str, mutant: &Mutant<'_>) -> Result<String> {
    let Mutant {
        name, file, from, ..
    } = mutant;
    match source.matches(from).count() {
        1 => Ok(source.replacen(from, mutant.to, 1)),
        count => bail!("{name}: {file} has {from:?} {count} times"),
    }
}

/// Copies the files that git tracks, as they are in the checkout.
fn copy_tracked(root: &Path, copy: &Path) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy)?;
    }
    let listed = Command::new("git")
        .args(["ls-files", "-z"])
        .current_dir(root)
        .stdin(Stdio::null())
        .output()
        .context("git ls-files")?;
    ensure!(listed.status.success(), "git ls-files failed");
    for name in String::from_utf8(listed.stdout)?.split_terminator('\0') {
        let (from, to) = (root.join(name), copy.join(name));
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        if from.is_file() {
            fs::copy(from, to).with_context(|| name.to_owned())?;
        }
    }
    Ok(())
}

fn fate(copy: &Path, target: &Path, mutant: &Mutant<'_>) -> Result<Fate> {
    let path = copy.join(mutant.file);
    let source = fs::read_to_string(&path)?;
    fs::write(&path, mutated(&source, mutant)?)?;
    let fate = judge(copy, target, mutant.test);
    fs::write(&path, source)?;
    fate
}

fn judge(copy: &Path, target: &Path, test: &str) -> Result<Fate> {
    let cargo = |arguments: &[&str]| -> Result<bool> {
        let status = program::cargo(copy)
            .env("CARGO_TARGET_DIR", target)
            // Only one line changes each time.
            .env("CARGO_INCREMENTAL", "1")
            // In the short form a step meets one fault, which may not be the one that shows the mutant.
            .env("STEPS_ROUNDS", "1")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("cannot run cargo")?;
        Ok(status.success())
    };
    let mut build = vec!["build", "--profile", QUICK, "--locked", "--bins"];
    for program in PROGRAMS {
        build.extend(["-p", program]);
    }
    let words: Vec<&str> = test.split_whitespace().collect();
    let mut compile = vec!["test", "--profile", QUICK, "--locked", "--no-run"];
    let arguments = words.iter().copied().take_while(|word| *word != "--");
    compile.extend(arguments);
    let on_a_platform = words.contains(&"tests") && !words.contains(&"components");
    if (on_a_platform && !cargo(&build)?) || !cargo(&compile)? {
        return Ok(Fate::NotBuilt);
    }
    let mut run = vec!["test", "--profile", QUICK, "--locked"];
    run.extend(words);
    Ok(match cargo(&run)? {
        true => Fate::Survived,
        false => Fate::Caught,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_is_a_paragraph_and_fits_once() {
        let text = "# Comment\n\nname: more\nfile: a.lua\nfrom: x > 1\nto: x >= 1\ntest: -p a b\n\nname: less\nfile: b\nfrom: y\ntest: -p b\n";
        let mutants = parse(text).unwrap();
        assert_eq!((mutants.len(), mutants[1].to), (2, ""));
        assert_eq!(
            mutated("if x > 1 then", &mutants[0]).unwrap(),
            "if x >= 1 then"
        );
        assert!(mutated("x > 1 x > 1", &mutants[0]).is_err());
        assert!(parse("name: x\nfile: y").is_err());
    }

    #[test]
    fn the_list_fits_the_sources() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join(LIST)).unwrap();
        for mutant in parse(&text).unwrap() {
            let source = fs::read_to_string(root.join(mutant.file)).unwrap();
            mutated(&source, &mutant).unwrap();
        }
    }
}
