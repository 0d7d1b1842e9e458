//! Every shape of reply that the tests of a binary get is shown to Python's and Node's validators too, when it comes:
//! the client itself asks Rust's. A reply that one of them refuses fails the test that got it.

use crate::validators;
use anyhow::{Context, Result};
use platform::openapi::{self, Seen};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, Once, PoisonError};

const PYTHON: &str = include_str!("../validators/replies.py");
const NODE: &str = include_str!("../validators/replies.mjs");
/// Shapes of one reply that are shown; more of them say nothing new.
const SHAPES_MAX: usize = 200;

/// A validator that waits for replies.
struct Judge {
    name: &'static str,
    asked: ChildStdin,
    said: BufReader<ChildStdout>,
    _process: Child,
}

struct Judges {
    all: [Judge; 2],
    /// Shapes by operation, status and media type.
    shown: HashMap<(String, u16, String), BTreeSet<String>>,
}

/// Shows replies from now on, once per binary.
pub fn watch() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let judges = Judges::start().unwrap_or_else(|error| panic!("{error:#}"));
        let judges = Mutex::new(judges);
        openapi::watch(move |seen| {
            let mut judges = judges.lock().unwrap_or_else(PoisonError::into_inner);
            judges.judge(seen)
        });
    });
}

impl Judges {
    fn start() -> Result<Judges> {
        let mut python = validators::python_command()?;
        let mut node = validators::node_command()?;
        Ok(Judges {
            all: [
                Judge::start("Python's jsonschema", python.args(["-c", PYTHON]))?,
                // What follows the program is its arguments.
                Judge::start(
                    "Ajv",
                    node.args(["--input-type=module", "-e", NODE])
                        .arg(validators::packages()?),
                )?,
            ],
            shown: HashMap::new(),
        })
    }

    fn judge(&mut self, seen: &Seen<'_>) -> std::result::Result<(), String> {
        let reply = (
            seen.operation.to_owned(),
            seen.status,
            seen.media.to_owned(),
        );
        let shapes = self.shown.entry(reply).or_default();
        if shapes.len() >= SHAPES_MAX || !shapes.insert(shape(seen.body)) {
            return Ok(());
        }
        let line = json!([seen.schema, seen.text]);
        for judge in &mut self.all {
            let wrong = judge
                .ask(&line)
                .unwrap_or_else(|error| Some(format!("{error:#}")));
            if let Some(wrong) = wrong {
                return Err(format!("{} refuses it: {wrong}", judge.name));
            }
        }
        Ok(())
    }
}

impl Judge {
    fn start(name: &'static str, command: &mut Command) -> Result<Judge> {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| name.to_owned())?;
        let mut asked = process.stdin.take().context("no input")?;
        let said = process.stdout.take().context("no output")?;
        writeln!(asked, "{}", openapi::components())?;
        Ok(Judge {
            name,
            asked,
            said: BufReader::new(said),
            _process: process,
        })
    }

    fn ask(&mut self, line: &Value) -> Result<Option<String>> {
        writeln!(self.asked, "{line}")?;
        let mut answer = String::new();
        self.said.read_line(&mut answer)?;
        serde_json::from_str(&answer).with_context(|| format!("it said {answer:?}"))
    }
}

/// The types and names in a value. Numbers with a point are part of it: what one validator makes of them another may
/// not.
fn shape(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Number(number) if number.is_f64() => number.to_string(),
        Value::Number(_) => "whole".to_owned(),
        Value::Array(values) => {
            let shapes: BTreeSet<String> = values.iter().map(shape).collect();
            format!("{shapes:?}")
        }
        Value::Object(fields) => {
            let mut text = "{".to_owned();
            for (name, value) in fields {
                // Names that are data.
                let name = match name.parse::<u64>() {
                    Ok(_) => "0",
                    Err(_) => name,
                };
                let _ = write!(text, "{name}:{},", shape(value));
            }
            text + "}"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let shape = |text: &str| shape(&serde_json::from_str(text).unwrap());
        assert_eq!(
            shape(r#"{"a":[1,2],"b":"x"}"#),
            shape(r#"{"a":[3],"b":"y"}"#)
        );
        for other in [
            r#"{"a":[1,"2"]}"#,
            r#"{"a":[1.5]}"#,
            r#"{"a":[]}"#,
            r#"{"a":null}"#,
        ] {
            assert_ne!(shape(r#"{"a":[1]}"#), shape(other), "{other}");
        }
    }

    #[test]
    fn each_refuses_what_it_must() {
        let mut judges = Judges::start().unwrap();
        let schema = json!({"$ref": "#/components/schemas/Amount"});
        for (text, fine) in [
            ("0.07", true),
            ("99999999.99", true),
            ("-0.01", false),
            ("\"1\"", false),
        ] {
            for judge in &mut judges.all {
                let wrong = judge.ask(&json!([schema, text])).unwrap();
                assert_eq!(wrong.is_none(), fine, "{} {text}: {wrong:?}", judge.name);
            }
        }
    }
}
