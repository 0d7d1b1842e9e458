//! The only place that reads MySQL's error number out of a host's error text. Hosts pass the driver's error on as text,
//! in its Debug or in its Display form.

/// What an error number means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1062: a unique key holds the value already.
    Duplicate,
    /// 1048: a column refused NULL; `INSERT_ORDER` uses it as its deadline.
    NullRefused,
    /// 1213 deadlock, 1205 lock wait: the transaction may be tried again.
    Retry,
    /// Another number: the server refuses the statement. 0 where the host refused it.
    Other(u16),
    /// No number, or one that is of the server's state: the connection failed, not the statement.
    Connection,
}

/// The kind of an error by its text.
pub fn kind(text: &str) -> Kind {
    match number(text) {
        Some(1062) => Kind::Duplicate,
        Some(1048) => Kind::NullRefused,
        Some(1213 | 1205) => Kind::Retry,
        // Server shutting down, too many connections, read only, killed: the server, not the statement.
        Some(
            1040
            | 1053
            | 1152..=1161
            | 1203
            | 1226
            | 1290
            | 1317
            | 1836
            | 1927
            | 1969
            | 2002..=2099
            | 3024,
        ) => Kind::Connection,
        Some(code) => Kind::Other(code),
        None => Kind::Connection,
    }
}

/// Whether it is unknown if a sent statement took effect: the server did not answer, or was interrupted.
pub fn is_of_a_lost_answer(text: &str) -> bool {
    match number(text) {
        // Shutting down, errors of the wire, interrupted, killed, out of time (MariaDB, MySQL).
        Some(code) => {
            matches!(code, 1053 | 1152..=1161 | 1317 | 1927 | 1969 | 2002..=2099 | 3024)
        }
        None => true,
    }
}

/// Whether this is an error of the connection itself, not one that the server sent.
pub fn is_of_the_link(text: &str) -> bool {
    number(text).is_none()
}

/// The number in `ServerError { code: 1062, …` or `ERROR 23000 (1062): …`.
fn number(text: &str) -> Option<u16> {
    let digits_after = |marker: &str| {
        let rest = &text[text.find(marker)? + marker.len()..];
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        rest[..end].parse().ok()
    };
    let debug_form = text.contains("ServerError") || text.contains("Server(");
    if let Some(code) = debug_form.then(|| digits_after("code: ")).flatten() {
        return Some(code);
    }
    let after = &text[text.find("ERROR ")? + "ERROR ".len()..];
    let inside = &after[after.find('(')? + 1..];
    inside[..inside.find(')')?].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_neither() {
        let debug = r#"Server(ServerError { code: 1062, message: "Duplicate entry '7' for key 'PRIMARY'", state: "23000" })"#;
        let display = "Server error: `ERROR 23000 (1062): Duplicate entry '7' for key 'PRIMARY''";
        assert_eq!(kind(debug), Kind::Duplicate);
        assert_eq!(kind(display), Kind::Duplicate);
        assert_eq!(
            kind("Server error: `ERROR 40001 (1213): Deadlock found (try again)'"),
            Kind::Retry
        );
        assert_eq!(
            kind("ERROR HY000 (1205): Lock wait timeout exceeded"),
            Kind::Retry
        );
        assert_eq!(
            kind("ERROR 23000 (1048): Column 'created_at' cannot be null"),
            Kind::NullRefused
        );
        assert_eq!(
            kind("ERROR 42S02 (1146): Table 'x' doesn't exist"),
            Kind::Other(1146)
        );
        assert_eq!(
            kind(
                "Io(Io(Os { code: 111, kind: ConnectionRefused, message: \"Connection refused\" }))"
            ),
            Kind::Connection
        );
        assert_eq!(
            kind("Input/output error: connection closed"),
            Kind::Connection
        );
        assert!(is_of_the_link("Input/output error: connection closed"));
        let shutdown = "Server error: `ERROR 08S01 (1053): Server shutdown in progress'";
        assert_eq!(kind(shutdown), Kind::Connection);
        assert!(!is_of_the_link(shutdown));
    }
}
