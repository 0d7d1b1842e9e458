//! A transaction whose statements are known before it begins, and which of them must find their row.

use crate::mysql::Value;
use contract::store::sql;
use std::borrow::Cow;

/// Statements of one transaction, in order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(super) steps: Vec<Step>,
    /// One of its inserts takes more than one statement.
    pub(super) is_long: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub text: Cow<'static, str>,
    pub values: Vec<Value>,
    /// It must change exactly one row, or the transaction is rolled back.
    pub changes_one: bool,
}

impl Plan {
    /// A plan without statements.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// Place of the next statement, from 0, as [`Stop::Unmet`](super::Stop::Unmet) names it.
    pub fn next_place(&self) -> usize {
        self.steps.len()
    }

    /// Adds a statement, whatever number of rows it changes.
    pub fn execute(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Value>) {
        self.push(text.into(), values, false);
    }

    /// Adds a statement that must change exactly one row.
    pub fn change_one(&mut self, text: impl Into<Cow<'static, str>>, values: Vec<Value>) {
        self.push(text.into(), values, true);
    }

    /// Adds an insert of rows with `width` values each, and the SQL `ending` of each row. Many rows take several
    /// statements.
    pub fn insert(&mut self, head: &str, width: usize, ending: &str, values: Vec<Value>) {
        let mut rest = values.into_iter();
        let place = self.next_place();
        for rows in sql::row_counts(rest.len() / width) {
            let part = rest.by_ref().take(rows * width).collect();
            let text = format!("{head}{}", sql::rows_ending(rows, width, ending));
            self.execute(text, part);
        }
        self.is_long |= self.next_place() > place + 1;
    }

    fn push(&mut self, text: Cow<'static, str>, values: Vec<Value>, changes_one: bool) {
        self.steps.push(Step {
            text,
            values,
            changes_one,
        });
    }
}
