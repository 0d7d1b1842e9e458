//! One line of the report: what was checked, how much of it, what is broken. Work in flight looks broken for a moment,
//! so what is wrong is a suspect until it was wrong in the same way for longer than anything is in flight.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is wrong at one time and kept to be looked at again, oldest first; more is only counted.
const SUSPECTS_MAX: usize = 100_000;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which thing, and in which way: what work that goes on around it does not change.
    way: u64,
    text: String,
}

impl Wrong {
    pub fn new(way: impl Hash, text: String) -> Wrong {
        let mut hasher = DefaultHasher::new();
        way.hash(&mut hasher);
        Wrong {
            way: hasher.finish(),
            text,
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub invariant: &'static str,
    pub checked: u64,
    wrong: Vec<Wrong>,
    /// Wrong too, and too many to be kept.
    beyond: u64,
}

impl Finding {
    pub fn new(invariant: &'static str) -> Finding {
        Finding {
            invariant,
            checked: 0,
            wrong: Vec::new(),
            beyond: 0,
        }
    }

    /// Counts one thing; `wrong` says what is wrong with it, where something is.
    pub fn note(&mut self, wrong: Option<Wrong>) {
        self.checked += 1;
        if let Some(wrong) = wrong {
            self.add(wrong);
        }
    }

    /// What is wrong with a thing that is counted already, or is none.
    pub fn add(&mut self, wrong: Wrong) {
        if self.wrong.len() < SUSPECTS_MAX {
            self.wrong.push(wrong);
        } else {
            self.beyond += 1;
        }
    }

    /// How much is wrong. Where all that was kept was mended, what came behind it was in flight like it.
    pub fn broken(&self) -> u64 {
        match self.wrong.len() as u64 {
            0 => 0,
            kept => kept + self.beyond,
        }
    }

    /// The first one.
    pub fn example(&self) -> Option<&str> {
        self.wrong.first().map(Wrong::text)
    }

    /// What is still wrong in the same way when it is looked at again.
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
mod tests {
    use super::*;

    fn order(number: u64, version: u32) -> Wrong {
        Wrong::new((number, version), format!("order {number} at {version}"))
    }

    #[test]
    fn the_first_broken_one_is_shown() {
        let mut finding = Finding::new("nothing is lost");
        finding.note(None);
        finding.note(Some(order(7, 1)));
        finding.note(Some(order(8, 1)));
        let text = table(&[finding, Finding::new("x")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "nothing is lost          3        2  order 7 at 1"
        );
        assert_eq!(lines[2], "x                        0        0");
    }

    #[test]
    fn only_what_stays_wrong_in_the_same_way_is_broken() {
        let finding = |wrong: &[Wrong]| {
            let mut finding = Finding::new("x");
            wrong.iter().for_each(|one| finding.note(Some(one.clone())));
            finding
        };
        let mut first = finding(&[order(1, 1), order(2, 1), order(3, 1)]);
        // The first was mended, the second goes on and lags behind anew, the fourth is new.
        first.again(finding(&[order(2, 2), order(3, 1), order(4, 1)]));
        assert_eq!((first.broken(), first.example()), (1, Some("order 3 at 1")));
        first.again(finding(&[]));
        assert_eq!((first.broken(), first.example()), (0, None));
    }

    #[test]
    fn a_crowd_in_flight_is_not_broken() {
        let crowd = |from: u64| {
            let mut finding = Finding::new("x");
            for number in from..from + SUSPECTS_MAX as u64 + 5 {
                finding.note(Some(order(number, 1)));
            }
            finding
        };
        let mut first = crowd(0);
        assert_eq!(first.broken(), SUSPECTS_MAX as u64 + 5);
        first.again(crowd(1_000_000));
        assert_eq!(first.broken(), 0);
    }
}
