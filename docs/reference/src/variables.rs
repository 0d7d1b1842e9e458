//! The application's variables, with the comments they have in the manifest.

use crate::{code, head, row};
use anyhow::{Context, Result};

/// The table of `[variables]` in `manifest`.
///
/// # Errors
/// Where the manifest has none.
pub fn of_manifest(manifest: &str) -> Result<String> {
    let parsed: toml::Table = manifest.parse()?;
    let declared = parsed.get("variables").and_then(toml::Value::as_table);
    let declared = declared.context("spin.toml has no variables")?;
    let mut lines = manifest.lines().skip_while(|line| *line != "[variables]");
    lines.next();
    let (mut rows, mut meaning) = (String::new(), String::new());
    for line in lines.take_while(|line| !line.starts_with('[')) {
        if let Some(comment) = line.strip_prefix("# ") {
            meaning = comment.to_owned();
        } else if let Some((name, _)) = line.split_once(" = ") {
            let variable = declared
                .get(name)
                .context("a variable without a declaration")?;
            let default = variable.get("default").and_then(toml::Value::as_str);
            let default = match default {
                None => "required".to_owned(),
                Some("") => "empty".to_owned(),
                Some(text) => code(text),
            };
            let environment = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
            rows.push_str(&row([&code(name), &code(&environment), &default, &meaning]));
        }
    }
    Ok(head(["variable", "in the environment", "default", "meaning"]) + &rows)
}
