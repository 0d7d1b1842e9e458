//! The part of Spin's manifest version 2 that this host supports. A key that it does not support is an error with file
//! and key; keys that only matter to other tools (`build`, `authors`, …) are ignored. What only matters to this host is
//! in `bounds`.

mod bounds;

use crate::startup::StartupError;
use crate::variables::{self, Declaration, Template};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use bounds::{Bounds, Breaker};

/// An application as its manifest describes it; templates are parsed but not yet rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file it was read from.
    pub file: PathBuf,
    /// `application.name`.
    pub name: String,
    /// `application.trigger.http.base`, `/` by default.
    pub base: String,
    /// The table `[variables]`.
    pub variables: BTreeMap<String, Declaration>,
    /// The entries `[[trigger.http]]` with a path, of the components that are kept.
    pub routes: Vec<Trigger>,
    /// `[component.ID]` of every component that a route names.
    pub components: Vec<Component>,
}

/// A route and the component behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// The route as written.
    pub route: String,
    /// Index into [`Manifest::components`].
    pub component: usize,
}

/// One component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// The key after `component.`.
    pub id: String,
    /// The Wasm file, relative to the working directory or absolute.
    pub source: PathBuf,
    /// Entries of `allowed_outbound_hosts`.
    pub allowed_outbound_hosts: Vec<Template>,
    /// What the component may read through `spin:variables`.
    pub variables: BTreeMap<String, Template>,
    /// Environment variables of the component.
    pub environment: BTreeMap<String, String>,
    /// Directories mounted read-only: host path, guest path.
    pub mounts: Vec<(PathBuf, String)>,
    /// Bounds on its requests.
    pub bounds: Bounds,
}

impl Manifest {
    /// Reads `path`, which may be a manifest or the folder of a `spin.toml`, and keeps the components named in
    /// `retain` (all of them if empty).
    pub fn load(path: &Path, retain: &[String]) -> Result<Self, StartupError> {
        let file = if path.is_dir() {
            path.join("spin.toml")
        } else {
            path.to_owned()
        };
        let text = std::fs::read_to_string(&file).map_err(|e| StartupError::new(&file, "", e))?;
        let manifest = Self::parse(&file, &text, retain)?;
        manifest.check_files()?;
        Ok(manifest)
    }

    /// As [`Manifest::load`], from `text`; looks at no other file.
    pub fn parse(file: &Path, text: &str, retain: &[String]) -> Result<Self, StartupError> {
        let raw: raw::Manifest = read(file, text)?;
        let fail = |key: String, reason: String| StartupError::new(file, key, reason);
        if raw.spin_manifest_version != 2 {
            return Err(fail(
                "spin_manifest_version".into(),
                "only version 2 is supported".into(),
            ));
        }
        let mut declared = BTreeMap::new();
        for (name, variable) in raw.variables {
            let key = format!("variables.{name}");
            variables::check_name(&name).map_err(|e| fail(key.clone(), e))?;
            if variable.required == variable.default.is_some() {
                let reason = "must either be required or have a default";
                return Err(fail(key, reason.into()));
            }
            declared.insert(
                name,
                Declaration {
                    default: variable.default,
                },
            );
        }
        let base = raw
            .application
            .trigger
            .http
            .base
            .unwrap_or_else(|| "/".into());
        if !base.starts_with('/') {
            return Err(fail(
                "application.trigger.http.base".into(),
                "must start with '/'".into(),
            ));
        }
        for id in retain {
            if !raw.component.contains_key(id) {
                return Err(StartupError::flag(
                    "--component-id",
                    format!("{id:?} is not a component of {}", file.display()),
                ));
            }
        }
        let mut manifest = Self {
            file: file.to_owned(),
            name: raw.application.name,
            base,
            variables: declared,
            routes: Vec::new(),
            components: Vec::new(),
        };
        for (index, trigger) in raw.trigger.http.into_iter().enumerate() {
            if !retain.is_empty() && !retain.contains(&trigger.component) {
                continue;
            }
            manifest.add_trigger(index, trigger, &raw.component)?;
        }
        if manifest.components.is_empty() {
            return Err(fail(
                "trigger.http".into(),
                "no route leads to a component".into(),
            ));
        }
        Ok(manifest)
    }

    fn add_trigger(
        &mut self,
        index: usize,
        trigger: raw::Trigger,
        components: &BTreeMap<String, raw::Component>,
    ) -> Result<(), StartupError> {
        let key = format!("trigger.http[{index}]");
        let Some(component) = components.get(&trigger.component) else {
            let reason = format!("there is no [component.{}]", trigger.component);
            return Err(StartupError::new(
                &self.file,
                format!("{key}.component"),
                reason,
            ));
        };
        let route = match trigger.route {
            raw::Route::Path(route) => route,
            raw::Route::Private { private: true } => return Ok(()),
            raw::Route::Private { private: false } => {
                let reason = "must be a path or { private = true }";
                return Err(StartupError::new(
                    &self.file,
                    format!("{key}.route"),
                    reason,
                ));
            }
        };
        if route.starts_with("/.well-known/spin/") {
            let reason = "/.well-known/spin/ is answered by the host itself";
            return Err(StartupError::new(
                &self.file,
                format!("{key}.route"),
                reason,
            ));
        }
        let known = self
            .components
            .iter()
            .position(|own| own.id == trigger.component);
        let component = match known {
            Some(position) => position,
            None => {
                let component = self.component(&trigger.component, component)?;
                self.components.push(component);
                self.components.len() - 1
            }
        };
        self.routes.push(Trigger { route, component });
        Ok(())
    }

    fn component(&self, id: &str, raw: &raw::Component) -> Result<Component, StartupError> {
        let fail = |key: &str, reason: String| {
            StartupError::new(&self.file, format!("component.{id}.{key}"), reason)
        };
        let folder = self.file.parent().unwrap_or(Path::new(""));
        let template = |key: &str, text: &str| {
            let template = Template::parse(text).map_err(|e| fail(key, e))?;
            // Rendering with every declared name finds the unknown ones.
            let mut all = variables::Values::default();
            self.variables.keys().for_each(|name| all.set(name, ""));
            template.render(&all).map_err(|e| fail(key, e))?;
            Ok::<_, StartupError>(template)
        };
        let mut variables = BTreeMap::new();
        for (name, text) in &raw.variables {
            variables::check_name(name).map_err(|e| fail("variables", e))?;
            variables.insert(name.clone(), template(&format!("variables.{name}"), text)?);
        }
        let mut mounts = Vec::new();
        for file in &raw.files {
            match file {
                raw::Files::Placement {
                    source,
                    destination,
                } if destination.starts_with('/') => {
                    mounts.push((folder.join(source), destination.clone()));
                }
                raw::Files::Placement { destination, .. } => {
                    return Err(fail(
                        "files",
                        format!("destination {destination:?} must start with '/'"),
                    ));
                }
                raw::Files::Pattern(pattern) => {
                    let hint = "use { source = DIRECTORY, destination = PATH }";
                    return Err(fail(
                        "files",
                        format!("patterns like {pattern:?} are not supported: {hint}"),
                    ));
                }
            }
        }
        Ok(Component {
            id: id.to_owned(),
            source: folder.join(&raw.source),
            allowed_outbound_hosts: raw
                .allowed_outbound_hosts
                .iter()
                .map(|text| template("allowed_outbound_hosts", text))
                .collect::<Result<_, _>>()?,
            variables,
            environment: raw.environment.clone(),
            mounts,
            bounds: raw.tool.host_adapter,
        })
    }

    fn check_files(&self) -> Result<(), StartupError> {
        for component in &self.components {
            let fail = |key: &str, path: &Path, what: &str| {
                let key = format!("component.{}.{key}", component.id);
                StartupError::new(&self.file, key, format!("{} {what}", path.display()))
            };
            if !component.source.is_file() {
                return Err(fail(
                    "source",
                    &component.source,
                    "does not exist (is the component built?)",
                ));
            }
            for (folder, _) in &component.mounts {
                if !folder.is_dir() {
                    return Err(fail("files", folder, "is not a directory"));
                }
            }
        }
        Ok(())
    }
}

/// Reads TOML into `T`; the error names the key by its whole path.
pub(crate) fn read<'de, T: Deserialize<'de>>(
    file: &Path,
    text: &'de str,
) -> Result<T, StartupError> {
    let deserializer =
        toml::Deserializer::parse(text).map_err(|e| StartupError::new(file, "", e))?;
    serde_path_to_error::deserialize(deserializer).map_err(|e| {
        let path = e.path().to_string();
        let key = if path == "." { String::new() } else { path };
        StartupError::new(file, key, e.inner().message())
    })
}

/// The file's shape, as serde reads it.
mod raw {
    use serde::Deserialize;
    use serde::de::IgnoredAny;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Manifest {
        pub spin_manifest_version: u32,
        pub application: Application,
        #[serde(default)]
        pub variables: BTreeMap<String, Variable>,
        pub trigger: Triggers,
        #[serde(default)]
        pub component: BTreeMap<String, Component>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Application {
        pub name: String,
        #[serde(default)]
        pub trigger: GlobalTriggers,
        #[serde(default, rename = "version")]
        _version: IgnoredAny,
        #[serde(default, rename = "description")]
        _description: IgnoredAny,
        #[serde(default, rename = "authors")]
        _authors: IgnoredAny,
        #[serde(default, rename = "targets")]
        _targets: IgnoredAny,
        #[serde(default, rename = "tool")]
        _tool: IgnoredAny,
    }

    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    pub struct GlobalTriggers {
        #[serde(default)]
        pub http: GlobalHttp,
    }

    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    pub struct GlobalHttp {
        pub base: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Variable {
        pub default: Option<String>,
        #[serde(default)]
        pub required: bool,
        // No value of any variable is ever logged, so a secret one is treated like the rest.
        #[serde(default, rename = "secret")]
        _secret: bool,
        #[serde(default, rename = "description")]
        _description: IgnoredAny,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Triggers {
        #[serde(default)]
        pub http: Vec<Trigger>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Trigger {
        pub route: Route,
        pub component: String,
        #[serde(default, rename = "id")]
        _id: IgnoredAny,
        #[serde(default, rename = "executor")]
        _executor: Executor,
    }

    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    pub struct Executor {
        #[serde(rename = "type")]
        _kind: ExecutorKind,
    }

    #[derive(Deserialize, Default)]
    #[serde(rename_all = "lowercase")]
    pub enum ExecutorKind {
        #[default]
        #[serde(alias = "spin")]
        Http,
    }

    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a path or { private = true }")]
    pub enum Route {
        Path(String),
        Private { private: bool },
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub struct Component {
        pub source: String,
        #[serde(default)]
        pub allowed_outbound_hosts: Vec<String>,
        #[serde(default)]
        pub variables: BTreeMap<String, String>,
        #[serde(default)]
        pub environment: BTreeMap<String, String>,
        #[serde(default)]
        pub files: Vec<Files>,
        #[serde(default, rename = "description")]
        _description: IgnoredAny,
        #[serde(default, rename = "build")]
        _build: IgnoredAny,
        #[serde(default)]
        pub tool: Tools,
        #[serde(default, rename = "targets")]
        _targets: IgnoredAny,
        #[serde(default, rename = "profile")]
        _profile: IgnoredAny,
    }

    /// The tables of other tools are ignored.
    #[derive(Deserialize, Default)]
    pub struct Tools {
        #[serde(default, rename = "host-adapter")]
        pub host_adapter: super::Bounds,
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    pub enum Files {
        Pattern(String),
        Placement { source: String, destination: String },
    }
}

#[cfg(test)]
mod tests;
