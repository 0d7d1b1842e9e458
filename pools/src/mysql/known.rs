//! The numbers that a statement leaves behind: `SELECT ROW_COUNT()` and `SELECT LAST_INSERT_ID()` after it are answered
//! without the server, and need no session.

/// What the last statement of a connection left.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    affected_rows: Option<u64>,
    insert_id: Option<u64>,
}

/// The single value of such an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// Rows that the statement before changed.
    AffectedRows(u64),
    /// The last id that a statement of this connection generated.
    InsertId(u64),
}

/// Matched in any case.
const ROW_COUNT: &str = "SELECT ROW_COUNT()";
/// Matched in any case.
const LAST_INSERT_ID: &str = "SELECT LAST_INSERT_ID()";

impl Known {
    /// The answer to `statement`, if that is all it asks for.
    pub fn answer(&self, statement: &str) -> Option<Number> {
        let is = |text: &str| statement.trim().eq_ignore_ascii_case(text);
        if is(ROW_COUNT) {
            return self.affected_rows.map(Number::AffectedRows);
        }
        let id = self.insert_id.filter(|_| is(LAST_INSERT_ID));
        id.map(Number::InsertId)
    }

    /// Notes how many rows a statement changed, where that is known, and the id it generated.
    pub fn note(&mut self, changed: Option<u64>, insert_id: Option<u64>) {
        self.affected_rows = changed;
        self.insert_id = insert_id.or(self.insert_id);
    }
}

impl Number {
    /// The value itself.
    pub fn value(self) -> u64 {
        match self {
            Self::AffectedRows(number) | Self::InsertId(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_left_is_answered() {
        let mut known = Known::default();
        assert_eq!(known.answer("SELECT ROW_COUNT()"), None);
        known.note(Some(3), Some(17));
        let rows = known.answer(" select row_count() ");
        assert_eq!(rows, Some(Number::AffectedRows(3)));
        assert_eq!(known.answer("SELECT ROW_COUNT(), 1"), None);
        known.note(None, None);
        assert_eq!(known.answer("SELECT ROW_COUNT()"), None);
        let id = known.answer("SELECT LAST_INSERT_ID()");
        assert_eq!(
            id,
            Some(Number::InsertId(17)),
            "an id outlives its statement"
        );
    }
}
