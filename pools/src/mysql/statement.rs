//! What a statement may leave behind in its session, judged by its text alone. Only statements known to leave nothing
//! are called clean, so a wrong guess costs a reset, never a leak.

/// What must happen before the next request may have the session. Ordered: the larger includes the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Residue {
    /// Nothing beyond a transaction, which the server's status flags show.
    Transaction,
    /// Variables, locks, temporary tables: reset the session.
    Session,
    /// What a reset does not undo: close the connection.
    Connection,
}

/// Whether each statement is a transaction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It is (`autocommit=1`), as in a new session.
    Automatic,
    /// It is not (`autocommit=0`): COMMIT or ROLLBACK ends a transaction.
    Manual,
}

/// Statements that read or change rows, or begin or end transactions; all others count as leaving something.
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
    // User variables, executable comments (whose content is not read) and named locks.
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

/// Whether `statement` is a block of several, which may begin a transaction and then fail before its end. Only looks
/// for BEGIN: other blocks have a [`Residue`] that resets the session.
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

/// For the text after SET in `SET autocommit=0`, with or without SESSION: whether that turns it on. `None` for others.
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
    /// Switches the session to a mode.
    Mode(Mode),
    /// Commits or rolls back.
    End,
}

/// The effect of `statement` on transactions, if it has no other.
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
mod tests;
