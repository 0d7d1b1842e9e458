//! Application variables: `{{ name }}` templates, the sources of values, and what each component may read. All are
//! resolved before the host listens, so a guest's `get` is a lookup.

use std::collections::HashMap;

/// A text with `{{ name }}` placeholders, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
}

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    /// Where a `{{` has no `}}`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find("{{") {
            if start > 0 {
                parts.push(Part::Text(rest[..start].to_owned()));
            }
            let inner = &rest[start + 2..];
            let Some(end) = inner.find("}}") else {
                return Err("a `{{` has no `}}`".to_owned());
            };
            parts.push(Part::Name(inner[..end].trim().to_owned()));
            rest = &inner[end + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text with each name replaced by its value.
    ///
    /// # Errors
    /// Where `values` has no such name.
    pub fn render(&self, values: &Values) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Name(name) => text.push_str(
                    values
                        .get(name)
                        .ok_or_else(|| format!("unknown variable {name:?}"))?,
                ),
            }
        }
        Ok(text)
    }
}

/// The resolved value of every variable of the application. Its debug output shows no value: some are secrets.
#[derive(Clone, Default)]
pub struct Values(HashMap<String, String>);

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    /// The value of `name`; `None` where it is not declared.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// Sets a value, replacing an earlier one of the name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }
}

/// A variable of the manifest: required, or with a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The value where no source has one; `None` where it is required.
    pub default: Option<String>,
}

/// The sources of values; the first that has a name wins, the environment last.
#[derive(Default)]
pub struct Sources {
    /// Values of `--variable NAME=VALUE`, by name.
    pub flags: HashMap<String, String>,
    /// Static values of the runtime configuration file, by name.
    pub file: HashMap<String, String>,
    /// Prefixes of environment variables, the first wins: those of the runtime configuration file, then
    /// `SPIN_VARIABLE`.
    pub prefixes: Vec<String>,
    /// The process' environment variables: `PREFIX_NAME`, the name in upper case.
    pub environment: HashMap<String, String>,
}

impl Sources {
    fn find(&self, name: &str) -> Option<&String> {
        self.flags
            .get(name)
            .or_else(|| self.file.get(name))
            .or_else(|| {
                let upper = name.to_ascii_uppercase();
                self.prefixes
                    .iter()
                    .find_map(|prefix| self.environment.get(&format!("{prefix}_{upper}")))
            })
    }
}

/// Finds a value for every declaration.
///
/// # Errors
/// Where variables have none; the text names them all.
pub fn resolve<'a>(
    declared: impl IntoIterator<Item = (&'a String, &'a Declaration)>,
    sources: &Sources,
) -> Result<Values, String> {
    let mut values = Values::default();
    let mut missing = Vec::new();
    for (name, declaration) in declared {
        match sources.find(name).or(declaration.default.as_ref()) {
            Some(value) => values.set(name, value),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(values);
    }
    missing.sort_unstable();
    Err(format!(
        "required but not given: {} (set SPIN_VARIABLE_{} or pass --variable)",
        missing.join(", "),
        missing[0].to_ascii_uppercase()
    ))
}

/// Checks that `name` is a legal variable name: lower-case letters, digits and single underscores between them.
///
/// # Errors
/// Why it is not.
pub fn check_name(name: &str) -> Result<(), String> {
    let reason = if name.is_empty() {
        "must not be empty".to_owned()
    } else if let Some(bad) = name
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_'))
    {
        format!(
            "invalid character {bad:?}: only lower-case letters, digits and underscores are allowed"
        )
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        "must start with a lower-case letter".to_owned()
    } else if name.ends_with('_') {
        "must end with a letter or digit".to_owned()
    } else if name.contains("__") {
        "must not contain two underscores in a row".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("{name:?}: {reason}"))
}

#[cfg(test)]
mod tests;
