//! One line of the report: what was checked, how much of it, what is broken. Work in flight looks broken for a moment,
//! so something wrong is a suspect until it was wrong in the same way for longer than anything is in flight.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Suspects of one finding that are kept to be checked again, the first ones found; more are only counted.
const SUSPECTS_MAX: usize = 100_000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// A hash of which thing is wrong, and how: of nothing that changes while other work goes on.
    way: u64,
    text: String,
}

impl Wrong {
    /// `way` identifies the thing and how it is wrong, and is equal when it is wrong in the same way later; `text` is
    /// for the report.
    pub fn new(way: impl Hash, text: String) -> Wrong {
        let mut hasher = DefaultHasher::new();
        way.hash(&mut hasher);
        Wrong {
            way: hasher.finish(),
            text,
        }
    }

    /// What is wrong, for the report.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// The result of checking one invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its number and text in the report.
    pub invariant: &'static str,
    /// The number of things checked.
    pub checked: u64,
    wrong: Vec<Wrong>,
    /// Further ones that were too many to keep.
    beyond: u64,
}

impl Finding {
    /// Nothing checked yet.
    pub fn new(invariant: &'static str) -> Finding {
        Finding {
            invariant,
            checked: 0,
            wrong: Vec::new(),
            beyond: 0,
        }
    }

    /// Counts one thing, and what is wrong with it, if anything.
    pub fn note(&mut self, wrong: Option<Wrong>) {
        self.checked += 1;
        if let Some(wrong) = wrong {
            self.add(wrong);
        }
    }

    /// Adds something wrong without counting a thing as checked.
    pub fn add(&mut self, wrong: Wrong) {
        if self.wrong.len() < SUSPECTS_MAX {
            self.wrong.push(wrong);
        } else {
            self.beyond += 1;
        }
    }

    /// The number of things wrong. Where all that were kept have become right, those beyond were in flight, too.
    pub fn broken(&self) -> u64 {
        match self.wrong.len() as u64 {
            0 => 0,
            kept => kept + self.beyond,
        }
    }

    /// The text of the first thing wrong.
    pub fn example(&self) -> Option<&str> {
        self.wrong.first().map(Wrong::text)
    }

    /// Keeps only what is wrong in the same way in `later`, a second check.
    pub fn again(&mut self, later: Finding) {
        let before: HashSet<u64> = self.wrong.iter().map(|wrong| wrong.way).collect();
        self.wrong = later.wrong;
        self.wrong.retain(|wrong| before.contains(&wrong.way));
        self.beyond = self.beyond.min(later.beyond);
    }
}

/// The report as a table.
pub fn table(findings: &[Finding]) -> String {
    let invariants = findings.iter().map(|finding| finding.invariant.len());
    let width = invariants.max().unwrap_or(0).max("invariant".len());
    let mut text = format!(
        "{:width$}  {:>9}  {:>7}  example\n",
        "invariant", "checked", "broken"
    );
    for finding in findings {
        let line = format!(
            "{:width$}  {:>9}  {:>7}  {}",
            finding.invariant,
            finding.checked,
            finding.broken(),
            finding.example().unwrap_or_default()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests;
