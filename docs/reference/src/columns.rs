//! Tables and views, as migrated databases have them.

use crate::{code, head, row};
use anyhow::{Result, ensure};
use platform::Platform;
use std::fmt::Write as _;

const DATABASES: [(&str, &str); 2] = [
    ("order_0", "each order shard"),
    ("inventory", "the inventory database"),
];

/// The columns of all tables and views, but for the migrations' own.
///
/// # Errors
/// What the server says.
pub fn of_databases(platform: &Platform) -> Result<String> {
    let mut text = String::new();
    for (database, shown) in DATABASES {
        let columns = platform.sql(&format!(
            "SELECT table_name, column_name, column_type, IF(is_nullable = 'YES', 'NULL', ''), column_comment \
             FROM information_schema.columns WHERE table_schema = '{database}' AND table_name <> 'schema_migrations' \
             ORDER BY table_name, ordinal_position"
        ))?;
        ensure!(!columns.is_empty(), "{database} has no tables");
        let mut table = "";
        for line in columns.lines() {
            let mut cells = line.split('\t');
            let mut next = || cells.next().unwrap_or_default();
            let (name, column, kind, null, comment) = (next(), next(), next(), next(), next());
            if name != table {
                table = name;
                let _ = write!(text, "\n### `{table}` in {shown}\n");
                text.push_str(&head(["column", "type", "meaning"]));
            }
            let kind = format!("{kind} {null}");
            text.push_str(&row([&code(column), &code(kind.trim()), comment]));
        }
    }
    Ok(text)
}
