//! Three validators of JSON Schema that know nothing of each other: `jsonschema` of Rust, `jsonschema` of Python and
//! Ajv of Node. What only one of them accepts is no contract.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("../validators/requirements.txt");
const PACKAGE: &str = include_str!("../validators/package.json");
const LOCK: &str = include_str!("../validators/package-lock.json");
const PYTHON: &str = include_str!("../validators/validate.py");
const NODE: &str = include_str!("../validators/validate.mjs");

/// A schema, and texts that it is asked about.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the texts are, for messages.
    pub name: String,
    /// Whole: `$schema` names draft 7 or 2020-12, and every `$ref` leads to a part of it.
    pub schema: Value,
    /// JSON as it was sent.
    pub texts: Vec<String>,
}

/// The verdicts of one validator, per case and text: `None` where it is valid, else why not.
#[derive(Debug)]
pub struct Verdicts {
    /// The validator.
    pub validator: &'static str,
    /// In the order of the cases and texts.
    pub wrong: Vec<Vec<Option<String>>>,
}

/// Asks all three about every text. Formats such as `date-time` are checked too.
///
/// # Errors
/// Where a validator cannot be installed, fails, or refuses a schema.
pub fn verdicts(cases: &[Case]) -> Result<[Verdicts; 3]> {
    let home = stack::Home::temporary()?;
    let all: Vec<Value> = cases
        .iter()
        .map(|case| json!({ "schema": case.schema, "texts": case.texts }))
        .collect();
    let file = home.path().join("cases.json");
    std::fs::write(&file, serde_json::to_vec(&all)?)?;
    Ok([
        rust(cases)?,
        python(&file, home.path())?,
        node(&file, home.path())?,
    ])
}

/// Fails unless each validator accepts each text.
///
/// # Errors
/// Names the first text that one of them refuses, or what [`verdicts`] fails with.
pub fn all_accept(cases: &[Case]) -> Result<()> {
    for Verdicts { validator, wrong } in verdicts(cases)? {
        for (case, wrong) in cases.iter().zip(wrong) {
            ensure!(
                wrong.len() == case.texts.len(),
                "{validator} forgot some of {}",
                case.name
            );
            for (text, wrong) in case.texts.iter().zip(wrong) {
                if let Some(wrong) = wrong {
                    bail!("{validator} refuses {}: {wrong}\n{text}", case.name);
                }
            }
        }
    }
    Ok(())
}

/// The schema of AsyncAPI 3.0 documents that the project AsyncAPI publishes.
///
/// # Errors
/// Where the package cannot be installed.
pub fn asyncapi() -> Result<Value> {
    let file = packages()?.join("node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json");
    let text = std::fs::read(&file).with_context(|| format!("{}", file.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

fn rust(cases: &[Case]) -> Result<Verdicts> {
    let wrong = cases.iter().map(|case| {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&case.schema)
            .map_err(|error| anyhow::anyhow!("the schema of {}: {error}", case.name))?;
        let verdict = |text: &String| match serde_json::from_str(text) {
            Ok(value) => validator
                .iter_errors(&value)
                .next()
                .map(|error| format!("at {}: {error}", error.instance_path())),
            Err(error) => Some(error.to_string()),
        };
        Ok(case.texts.iter().map(verdict).collect())
    });
    Ok(Verdicts {
        validator: "Rust's jsonschema",
        wrong: wrong.collect::<Result<_>>()?,
    })
}

fn python(cases: &Path, home: &Path) -> Result<Verdicts> {
    let script = home.join("validate.py");
    std::fs::write(&script, PYTHON)?;
    let mut command = python_command()?;
    Ok(Verdicts {
        validator: "Python's jsonschema",
        wrong: answer(command.arg(script).arg(cases))?,
    })
}

fn node(cases: &Path, home: &Path) -> Result<Verdicts> {
    let script = home.join("validate.mjs");
    std::fs::write(&script, NODE)?;
    let mut command = node_command()?;
    Ok(Verdicts {
        validator: "Ajv",
        wrong: answer(command.arg(script).arg(cases).arg(packages()?))?,
    })
}

/// A Python that has its validator.
pub(crate) fn python_command() -> Result<Command> {
    stack::python::environment("validators", REQUIREMENTS)
}

/// Node, whose validator is in [`packages`].
pub(crate) fn node_command() -> Result<Command> {
    let node = stack::program::find("node").context("Debian's package is nodejs")?;
    Ok(Command::new(node))
}

pub(crate) fn packages() -> Result<PathBuf> {
    stack::node::packages("validators", PACKAGE, LOCK)
}

fn answer(command: &mut Command) -> Result<Vec<Vec<Option<String>>>> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAFTS: [&str; 2] = [
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2020-12/schema",
    ];

    #[test]
    fn each_accepts_and_refuses_the_same() -> Result<()> {
        let good = [r#"{"at":"2026-11-21T10:00:00Z","n":2}"#];
        let bad = [
            r#"{"at":"yesterday","n":2}"#,
            r#"{"at":"2026-11-21T10:00:00Z","n":-2}"#,
            r#"{"n":2}"#,
            "{",
        ];
        let cases = DRAFTS.map(|draft| Case {
            name: draft.to_owned(),
            schema: json!({
                "$schema": draft,
                "$ref": "#/components/schemas/Thing",
                "components": { "schemas": { "Thing": {
                    "type": "object",
                    "required": ["at", "n"],
                    "properties": {
                        "at": { "type": "string", "format": "date-time" },
                        "n": { "type": "integer", "minimum": 0 }
                    }
                } } }
            }),
            texts: good
                .iter()
                .chain(&bad)
                .map(|text| (*text).to_owned())
                .collect(),
        });
        for Verdicts { validator, wrong } in verdicts(&cases)? {
            for (case, wrong) in cases.iter().zip(wrong) {
                let accepted: Vec<bool> = wrong.iter().map(Option::is_none).collect();
                assert_eq!(
                    accepted,
                    [true, false, false, false, false],
                    "{validator}, {}",
                    case.name
                );
            }
        }
        let error = all_accept(&cases).unwrap_err().to_string();
        assert!(
            error.contains("refuses") && error.contains("yesterday"),
            "{error}"
        );
        Ok(())
    }
}
