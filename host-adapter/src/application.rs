//! The application as it runs: the manifest with every template rendered and every address and route parsed.

use crate::config::{RuntimeConfig, Up, VariablesProvider};
use crate::manifest::{Bounds, Manifest};
use crate::router::Router;
use crate::startup::StartupError;
use crate::variables::{self, Sources};
use http_rules::caller;
use http_rules::origin::{self, Origins};
use pools::allowed_hosts::AllowedHosts;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// The application, shared by all threads.
#[derive(Debug)]
pub struct Application {
    /// `application.name` of the manifest.
    pub name: String,
    /// Path before every route.
    pub base: String,
    /// From route to index in `guests`.
    pub router: Router,
    /// The components.
    pub guests: Vec<Arc<Guest>>,
    /// Web pages that may read the host's own answers, by the variable `cors_origins`; `None` where the application
    /// declares no such variable.
    pub origins: Option<Origins>,
}

/// A component, and what it may see and reach.
#[derive(Debug)]
pub struct Guest {
    /// Its id in the manifest.
    pub id: String,
    /// Its Wasm file.
    pub source: PathBuf,
    /// Addresses it may connect to.
    pub allowed_hosts: AllowedHosts,
    /// Values that `spin:variables` gives it.
    pub variables: variables::Values,
    /// Its environment variables: name, value.
    pub environment: Vec<(String, String)>,
    /// Folders it may read: host path, guest path.
    pub mounts: Vec<(PathBuf, String)>,
    /// Whether its output is dropped (`--quiet`).
    pub quiet: bool,
    /// Bounds on its requests.
    pub bounds: Bounds,
}

impl Application {
    /// Resolves `manifest` with the flags, the runtime configuration and the environment.
    pub fn resolve(
        manifest: &Manifest,
        up: &Up,
        config: &RuntimeConfig,
        environment: HashMap<String, String>,
    ) -> Result<Self, StartupError> {
        let sources = sources(manifest, up, config, environment)?;
        let values = variables::resolve(&manifest.variables, &sources)
            .map_err(|e| StartupError::new(&manifest.file, "variables", e))?;
        let guests = manifest
            .components
            .iter()
            .map(|component| guest(manifest, component, &values, up).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let origins = values.get(origin::VARIABLE).map(Origins::parse).transpose();
        let origins = origins.map_err(|reason| {
            let reason = format!("{}: {reason}", origin::VARIABLE);
            StartupError::new(&manifest.file, "variables", reason)
        })?;
        let mode = values.get(caller::VARIABLE);
        let mode = mode.map(|text| callers(text, &up.listen)).transpose();
        mode.map_err(|reason| {
            let reason = format!("{}: {reason}", caller::VARIABLE);
            StartupError::new(&manifest.file, "variables", reason)
        })?;
        Ok(Self {
            name: manifest.name.clone(),
            base: manifest.base.clone(),
            router: routes(manifest)?,
            guests,
            origins,
        })
    }

    /// Every MySQL address in the components' variables that its component may open. A variable may hold several,
    /// separated by commas.
    pub fn databases(&self) -> impl Iterator<Item = Url> {
        self.guests.iter().flat_map(|guest| {
            let values = guest.variables.iter().flat_map(|value| value.split(','));
            let urls = values.filter_map(|text| Url::parse(text.trim()).ok());
            urls.filter(|url| url.scheme() == "mysql" && guest.allowed_hosts.allows_url(url))
        })
    }
}

/// Checks how callers are known: where a request is trusted, only this machine may send one.
fn callers(mode: &str, listen: &[SocketAddr]) -> Result<(), String> {
    let mode = caller::Mode::parse(mode).ok_or("must be strict or compat")?;
    let open = listen.iter().find(|address| !address.ip().is_loopback());
    match (mode, open) {
        (caller::Mode::Compat, Some(address)) => Err(format!(
            "compat trusts every request, so it cannot listen on {address}: use strict, or loopback addresses"
        )),
        _ => Ok(()),
    }
}

/// The routing table of `manifest`.
pub fn routes(manifest: &Manifest) -> Result<Router, StartupError> {
    let routes = manifest
        .routes
        .iter()
        .map(|t| (t.route.as_str(), t.component));
    Router::build(&manifest.base, routes).map_err(|(route, reason)| {
        StartupError::new(
            &manifest.file,
            format!("trigger.http.route {route:?}"),
            reason,
        )
    })
}

fn sources(
    manifest: &Manifest,
    up: &Up,
    config: &RuntimeConfig,
    environment: HashMap<String, String>,
) -> Result<Sources, StartupError> {
    let mut sources = Sources {
        environment,
        ..Sources::default()
    };
    for (name, value) in &up.variable {
        if !manifest.variables.contains_key(name) {
            let reason = format!("{name:?} is not declared in {}", manifest.file.display());
            return Err(StartupError::flag("--variable", reason));
        }
        sources.flags.insert(name.clone(), value.clone());
    }
    for provider in &config.variables_provider {
        match provider {
            VariablesProvider::Env { prefix } => sources.prefixes.extend(prefix.clone()),
            VariablesProvider::Static { values } => sources.file.extend(values.clone()),
        }
    }
    sources.prefixes.push("SPIN_VARIABLE".to_owned());
    Ok(sources)
}

fn guest(
    manifest: &Manifest,
    component: &crate::manifest::Component,
    values: &variables::Values,
    up: &Up,
) -> Result<Guest, StartupError> {
    let fail = |key: &str, reason: String| {
        StartupError::new(
            &manifest.file,
            format!("component.{}.{key}", component.id),
            reason,
        )
    };
    let hosts = component
        .allowed_outbound_hosts
        .iter()
        .map(|template| template.render(values))
        .collect::<Result<Vec<_>, _>>()
        .and_then(|hosts| AllowedHosts::parse(&hosts))
        .map_err(|e| fail("allowed_outbound_hosts", e))?;
    let mut own = variables::Values::default();
    for (name, template) in &component.variables {
        let value = template.render(values).map_err(|e| fail("variables", e))?;
        own.set(name, value);
    }
    let mut environment = component.environment.clone();
    environment.extend(up.env.iter().cloned());
    Ok(Guest {
        id: component.id.clone(),
        source: component.source.clone(),
        allowed_hosts: hosts,
        variables: own,
        environment: environment.into_iter().collect(),
        mounts: component.mounts.clone(),
        quiet: up.quiet,
        bounds: component.bounds,
    })
}
