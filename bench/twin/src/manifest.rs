//! The parts of a Spin manifest that the twin needs: routes and variables.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A manifest, with a value for each of its variables.
pub struct Manifest {
    /// Route and component, as written.
    pub routes: Vec<(String, String)>,
    /// The application's variables by name.
    pub variables: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    trigger: Triggers,
}

#[derive(Deserialize)]
struct Variable {
    default: Option<String>,
}

#[derive(Deserialize)]
struct Triggers {
    http: Vec<Trigger>,
}

#[derive(Deserialize)]
struct Trigger {
    route: String,
    component: String,
}

impl Manifest {
    /// Reads `file`; `variable` looks up the environment, where `SPIN_VARIABLE_NAME` overrides a default.
    ///
    /// # Errors
    /// Where the file is no manifest, or a required variable has no value.
    pub fn load(file: &Path, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let raw: Raw = toml::from_str(&text).with_context(|| file.display().to_string())?;
        let mut variables = HashMap::new();
        for (name, declared) in raw.variables {
            let in_environment = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
            let Some(value) = variable(&in_environment).or(declared.default) else {
                bail!("the variable {name:?} is required: set {in_environment}");
            };
            variables.insert(name, value);
        }
        let routes = raw.trigger.http.into_iter();
        Ok(Self {
            routes: routes
                .map(|trigger| (trigger.route, trigger.component))
                .collect(),
            variables,
        })
    }
}
