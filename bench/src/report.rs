//! The result of a benchmark: a table for people, JSON for programs.

use crate::outcome::Outcome;
use crate::sample::shown;
use crate::{compare, machine, plot};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Rows in the order they were measured.
pub struct Report {
    pub title: String,
    /// Settings that decide what the figures mean.
    pub settings: Vec<(&'static str, String)>,
    pub rows: Vec<Row>,
}

/// One figure of the report.
pub struct Row {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    pub note: String,
    /// Microseconds of processor time per operation, by process; empty where not measured.
    pub cpu: String,
}

impl Report {
    pub fn row(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        note: impl Into<String>,
    ) {
        self.row_of(what, value, unit, note, String::new());
    }

    /// Adds a row with the processor time of each operation.
    pub fn row_of(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        note: impl Into<String>,
        cpu: String,
    ) {
        let row = Row {
            what: what.into(),
            value,
            unit,
            note: note.into(),
            cpu,
        };
        println!(
            "  {:34} {:>12} {:9} {}  [{}]",
            row.what,
            shown(row.value),
            row.unit,
            row.note,
            row.cpu
        );
        self.rows.push(row);
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# {}\n\n| | | | | µs of processor time each |\n|---|---:|---|---|---|\n",
            self.title
        );
        for row in &self.rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                row.what,
                shown(row.value),
                row.unit,
                row.note,
                row.cpu
            );
        }
        text.push_str("\n| setting | value |\n|---|---|\n");
        for (name, value) in self.settings.iter().chain(&machine::facts()) {
            let _ = writeln!(text, "| {name} | {value} |");
        }
        text
    }

    fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({ "what": row.what, "value": row.value, "unit": row.unit, "note": row.note, "cpu_us": row.cpu })
        });
        let facts = machine::facts();
        let settings = self.settings.iter().chain(&facts);
        json!({
            "title": self.title,
            "rows": rows.collect::<Vec<_>>(),
            "settings": settings.map(|(name, value)| (name.to_string(), value.clone())).collect::<BTreeMap<_, _>>(),
        })
    }

    /// Writes `NAME.md` and `NAME.json` into `folder`.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn write(&self, folder: &Path, name: &str) -> Result<()> {
        write_file(folder, &format!("{name}.md"), &self.markdown())?;
        write_file(
            folder,
            &format!("{name}.json"),
            &format!("{:#}\n", self.json()),
        )
    }
}

/// Writes `compare.md` and `compare.json`.
///
/// # Errors
/// Where they cannot be written.
pub fn write_comparison(folder: &Path, args: &compare::Args, outcomes: &[Outcome]) -> Result<()> {
    let settings = [
        ("rounds of each peer, in turn", args.rounds.to_string()),
        ("seconds of a round", args.seconds.to_string()),
        ("connections", args.connections.to_string()),
        (
            "MySQL durability",
            "innodb_flush_log_at_trx_commit=1, no binlog".to_owned(),
        ),
        (
            "Redis durability",
            "appendfsync everysec, its log never rewritten meanwhile".to_owned(),
        ),
        ("relay", "paused".to_owned()),
    ];
    let facts: Vec<(&str, String)> = settings.into_iter().chain(machine::facts()).collect();
    let mut text = "# Peers side by side\n\n![shares of the twin's rate](compare.svg)\n".to_owned();
    for outcome in outcomes {
        let _ = write!(text, "\n{}", outcome.markdown());
    }
    text.push_str("\n| setting | value |\n|---|---|\n");
    for (name, value) in &facts {
        let _ = writeln!(text, "| {name} | {value} |");
    }
    let named: BTreeMap<_, _> = facts.iter().cloned().collect();
    let json = json!({
        "workloads": outcomes.iter().map(Outcome::json).collect::<Vec<_>>(),
        "settings": named,
    });
    write_file(folder, "compare.md", &text)?;
    write_file(folder, "compare.json", &format!("{json:#}\n"))?;
    plot::write(folder, outcomes)
}

fn write_file(folder: &Path, name: &str, text: &str) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}
