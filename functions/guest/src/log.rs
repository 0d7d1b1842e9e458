//! The log: one JSON object per line, whatever a fault's text contains.

use serde_json::{Map, Value};

/// Severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A backend is away, or something is to be settled later.
    Warn,
    /// What should not happen.
    Error,
}

/// Writes a line to stderr; `fields` are further texts, such as a trace or an order id.
pub fn write(level: Level, message: &str, fields: &[(&str, &str)]) {
    eprintln!("{}", line(crate::clock::now(), level, message, fields));
}

fn line(now: domain::Ms, level: Level, message: &str, fields: &[(&str, &str)]) -> Value {
    let level = match level {
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    let mut line = Map::new();
    line.insert("timestamp".into(), domain::calendar::rfc3339(now).into());
    line.insert("level".into(), level.into());
    line.insert("message".into(), message.into());
    for (name, value) in fields {
        line.insert((*name).to_owned(), (*value).into());
    }
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_object_whatever_it_says() {
        let message = "mysql: near \"'\" at line 1\n\u{1b}[31m\u{0}{\"level\":\"OK\"}\\";
        let text = line(
            1_700_000_000_000,
            Level::Warn,
            message,
            &[("order_id", "7\"")],
        )
        .to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["message"], message);
        assert_eq!(
            (&read["level"], &read["order_id"]),
            (&"WARN".into(), &"7\"".into())
        );
    }
}
