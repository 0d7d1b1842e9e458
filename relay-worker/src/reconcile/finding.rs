//! One line of the report: what was checked, how much of it, what is broken.

use std::fmt::Write as _;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub invariant: &'static str,
    pub checked: u64,
    pub broken: u64,
    /// The first broken one.
    pub example: Option<String>,
}

impl Finding {
    pub fn new(invariant: &'static str) -> Finding {
        Finding {
            invariant,
            checked: 0,
            broken: 0,
            example: None,
        }
    }

    /// Counts one thing; `wrong` says what is wrong with it, where something is.
    pub fn note(&mut self, wrong: Option<String>) {
        self.checked += 1;
        if let Some(wrong) = wrong {
            self.broken += 1;
            self.example.get_or_insert(wrong);
        }
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
            finding.broken,
            finding.example.as_deref().unwrap_or_default()
        );
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_broken_one_is_shown() {
        let mut finding = Finding::new("nothing is lost");
        finding.note(None);
        finding.note(Some("order 7".to_owned()));
        finding.note(Some("order 8".to_owned()));
        let text = table(&[finding, Finding::new("x")]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "nothing is lost          3        2  order 7");
        assert_eq!(lines[2], "x                        0        0");
    }
}
