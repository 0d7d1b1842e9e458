//! What a statement may leave behind in its session, judged by its text alone. Only statements known to leave nothing
//! are called clean, so a wrong guess costs a reset, never a leak.

/// What must happen before the next request may have the session. Ordered: the larger includes the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Residue {
    /// Nothing beyond a transaction, which the server's status flags tell.
    Transaction,
    /// Variables, locks, temporary tables: reset the session.
    Session,
    /// What a reset does not undo: close the connection.
    Connection,
}

/// Whether each statement is a transaction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is, as sessions begin.
    Automatic,
    /// COMMIT and ROLLBACK end them.
    Manual,
}

/// Statements that change rows or read them, and end transactions; all else counts as leaving something.
const CLEAN: [&str; 15] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "COMMIT", "ROLLBACK", "WITH", "SHOW",
    "EXPLAIN", "DESCRIBE", "DESC", "VALUES", "START", "BEGIN",
];

/// Judges `statement`.
pub fn residue(statement: &str) -> Residue {
    let Some(start) = skip_comments(statement) else {
        return Residue::Session;
    };
    let (keyword, rest) = split_word(start);
    let is = |word: &str| keyword.eq_ignore_ascii_case(word);
    if is("SET") {
        return if autocommit(rest).is_some() {
            Residue::Transaction
        } else {
            Residue::Session
        };
    }
    if is("USE") {
        return Residue::Connection;
    }
    // User variables, executable comments (their content is not looked at) and named locks.
    let suspicious = rest.contains('@')
        || rest.contains("/*!")
        || rest.contains("/*M!")
        || contains_ignoring_case(rest, b"GET_LOCK")
        || contains_ignoring_case(rest, b"SETVAL");
    match CLEAN.iter().any(|word| is(word)) && !suspicious {
        true => Residue::Transaction,
        false => Residue::Session,
    }
}

/// Whether `statement` is a block of several, which may begin a transaction and then fail in the midst of it. Only one
/// that is clean by its residue is looked at.
pub fn is_compound(statement: &str) -> bool {
    let start = skip_comments(statement).unwrap_or_default();
    let (keyword, rest) = split_word(start);
    let rest = rest.trim().trim_end_matches(';');
    keyword.eq_ignore_ascii_case("BEGIN") && !rest.is_empty() && !rest.eq_ignore_ascii_case("WORK")
}

/// `None` if a comment is executable or does not end.
fn skip_comments(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        text = if let Some(rest) = text.strip_prefix("/*") {
            if rest.starts_with('!') || rest.starts_with("M!") {
                return None;
            }
            rest.split_once("*/")?.1
        } else if text.starts_with('#') || text.starts_with("--") {
            text.split_once('\n')?.1
        } else {
            return Some(text);
        };
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// What follows SET in `SET autocommit=0`, with or without SESSION, and nothing after it: whether it turns it on.
fn autocommit(rest: &str) -> Option<bool> {
    let mut rest = rest.trim();
    for prefix in ["@@session.", "@@", "session "] {
        if let Some(start) = rest.get(..prefix.len())
            && start.eq_ignore_ascii_case(prefix)
        {
            rest = rest[prefix.len()..].trim_start();
            break;
        }
    }
    let (name, value) = split_word(rest);
    let value = value
        .trim_start()
        .trim_start_matches(':')
        .trim_start_matches('=')
        .trim();
    match value {
        _ if !name.eq_ignore_ascii_case("autocommit") => None,
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

/// A statement that concerns nothing but transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// Puts its session in a mode.
    Mode(Mode),
    /// Commits or rolls back.
    End,
}

/// What `statement` says of transactions, if that is all it does.
pub fn word(statement: &str) -> Option<Word> {
    let (keyword, rest) = split_word(statement.trim());
    let is = |word: &str| keyword.eq_ignore_ascii_case(word);
    if is("COMMIT") || is("ROLLBACK") {
        return rest.trim().is_empty().then_some(Word::End);
    }
    if !is("SET") {
        return None;
    }
    let mode = |on| if on { Mode::Automatic } else { Mode::Manual };
    autocommit(rest).map(|on| Word::Mode(mode(on)))
}

fn contains_ignoring_case(text: &str, upper: &[u8]) -> bool {
    text.as_bytes()
        .windows(upper.len())
        .any(|window| window.eq_ignore_ascii_case(upper))
}

#[cfg(test)]
mod tests {
    use super::Residue::{Connection, Session, Transaction};
    use super::*;

    #[test]
    fn words() {
        for (statement, want) in [
            ("SET autocommit=0", Some(Word::Mode(Mode::Manual))),
            (
                " set session autocommit = 1 ",
                Some(Word::Mode(Mode::Automatic)),
            ),
            ("set @@autocommit=0", Some(Word::Mode(Mode::Manual))),
            ("commit", Some(Word::End)),
            ("ROLLBACK ", Some(Word::End)),
            ("ROLLBACK TO SAVEPOINT a", None),
            ("COMMIT AND CHAIN", None),
            ("SET autocommit=0, sql_mode=''", None),
            ("SET autocommit=DEFAULT", None),
            ("SELECT 1", None),
            ("", None),
        ] {
            assert_eq!(word(statement), want, "{statement}");
        }
    }

    #[test]
    fn blocks() {
        for (statement, want) in [
            ("BEGIN NOT ATOMIC SELECT 1; END", true),
            ("/* one */ begin not atomic select 1; end", true),
            ("BEGIN", false),
            ("begin work", false),
            ("BEGIN;", false),
            ("SELECT 1", false),
            ("/*! BEGIN NOT ATOMIC */", false),
        ] {
            assert_eq!(is_compound(statement), want, "{statement}");
        }
    }

    #[test]
    fn verdicts() {
        for (statement, want) in [
            ("SELECT id FROM t WHERE id=?", Transaction),
            ("  select 1", Transaction),
            ("(SELECT 1) UNION (SELECT 2)", Transaction),
            ("/* hint */ -- more\n INSERT INTO t VALUES(?)", Transaction),
            ("SELECT ROW_COUNT()", Transaction),
            ("SELECT id FROM t FOR UPDATE SKIP LOCKED", Transaction),
            ("SET autocommit=0", Transaction),
            ("SET SESSION autocommit = 1", Transaction),
            ("set @@autocommit=0", Transaction),
            ("COMMIT", Transaction),
            ("ROLLBACK", Transaction),
            ("SET autocommit=0, sql_mode=''", Session),
            ("SET @x = 1", Session),
            ("SET SESSION sql_mode=''", Session),
            ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", Session),
            ("SELECT @x := 1", Session),
            ("SELECT 1 INTO @x", Session),
            ("SELECT GET_LOCK('a', 1)", Session),
            ("SELECT get_lock('a', 1)", Session),
            ("SELECT /*! SQL_NO_CACHE */ 1", Session),
            ("/*! SET @x = 1 */", Session),
            ("/*M!100100 SET @x = 1 */", Session),
            ("CREATE TEMPORARY TABLE t (a INT)", Session),
            ("LOCK TABLES t WRITE", Session),
            ("CALL place_order(?)", Session),
            ("PREPARE s FROM 'SELECT 1'", Session),
            ("", Session),
            ("-- nothing", Session),
            ("USE other", Connection),
        ] {
            assert_eq!(residue(statement), want, "{statement}");
        }
    }
}
