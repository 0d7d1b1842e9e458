//! Application variables: `{{ name }}` templates, the sources values come from, and what each component may read.
//! All of them are resolved before the host listens, so a guest's `get` is a lookup.

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
    /// Parses `text`. The error says what is wrong with it.
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
    /// The value of `name`, if the manifest declares it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    /// Adds a value, replacing any before it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }
}

/// A declared variable: `required`, or with a default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The value where no source has one; `None` means it is required.
    pub default: Option<String>,
}

/// Where values come from, in order of precedence.
#[derive(Default)]
pub struct Sources {
    /// `--variable NAME=VALUE`.
    pub flags: HashMap<String, String>,
    /// Static values of the runtime configuration file.
    pub file: HashMap<String, String>,
    /// Prefixes of environment variables: `SPIN_VARIABLE` always, more by the runtime configuration file.
    pub prefixes: Vec<String>,
    /// The environment.
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

/// Finds a value for every declaration, or names the variables that have none.
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

/// Whether `name` is a legal variable name; the error says why not.
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
mod tests {
    use super::*;

    fn values() -> Values {
        let mut values = Values::default();
        values.set("host", "db");
        values.set("port", "3306");
        values
    }

    #[test]
    fn templates_render() {
        for (text, want) in [
            ("", ""),
            ("plain", "plain"),
            ("mysql://{{ host }}:{{port}}/x", "mysql://db:3306/x"),
            ("{{host}}{{ port }}", "db3306"),
            ("a } b", "a } b"),
        ] {
            let template = Template::parse(text).unwrap();
            assert_eq!(template.render(&values()).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn templates_refuse_what_they_cannot_render() {
        assert!(Template::parse("{{ host").is_err());
        let unknown = Template::parse("{{ user }}").unwrap();
        assert_eq!(
            unknown.render(&values()),
            Err("unknown variable \"user\"".to_owned())
        );
    }

    #[test]
    fn sources_have_an_order() {
        let declared = HashMap::from([
            ("a".to_owned(), Declaration::default()),
            (
                "b".to_owned(),
                Declaration {
                    default: Some("default".into()),
                },
            ),
            (
                "c_d".to_owned(),
                Declaration {
                    default: Some("default".into()),
                },
            ),
        ]);
        let sources = Sources {
            flags: HashMap::from([("a".into(), "flag".into())]),
            file: HashMap::from([("a".into(), "file".into())]),
            prefixes: vec!["SPIN_VARIABLE".into()],
            environment: HashMap::from([("SPIN_VARIABLE_C_D".into(), "env".into())]),
        };
        let values = resolve(&declared, &sources).unwrap();
        assert_eq!(values.get("a"), Some("flag"));
        assert_eq!(values.get("b"), Some("default"));
        assert_eq!(values.get("c_d"), Some("env"));
        let missing = resolve(&declared, &Sources::default()).unwrap_err();
        assert!(missing.contains("SPIN_VARIABLE_A"), "{missing}");
        assert!(
            !format!("{values:?}").contains("flag"),
            "a value in debug output"
        );
    }

    #[test]
    fn names_are_checked() {
        for good in ["a", "order_url", "x1_y2"] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in ["", "A", "1a", "_a", "a_", "a__b", "a-b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
