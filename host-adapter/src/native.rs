//! The ground components stand on, for a native program that is to be compared with them: the same manifest, variables
//! and listening sockets, the same pools with the same driver settings, bounds and clean-up. Nothing of WebAssembly.

use crate::allowed_hosts::AllowedHosts;
use crate::config;
use crate::manifest::Manifest;
use crate::metrics::Metrics;
use crate::startup::StartupError;
use crate::variables::{self, Sources, Values};
use crate::{mysql, redis};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub use crate::bindings::spin::mysql::mysql::Error as MysqlError;
pub use crate::bindings::spin::redis::redis::Error as RedisError;
pub use crate::mysql::Connection as Mysql;
pub use crate::redis::Connection as Redis;
pub use crate::server::listen::bind;

/// What a manifest says to a program that brings the components' code itself.
#[derive(Debug)]
pub struct Plan {
    /// Route and component, as written.
    pub routes: Vec<(String, String)>,
    /// The application's variables.
    pub variables: Values,
}

impl Plan {
    /// Reads a manifest; variables come from `environment` as the host's do.
    ///
    /// # Errors
    /// Where the host would not take it either, but for components that are not built.
    pub fn load(file: &Path, environment: HashMap<String, String>) -> Result<Self, StartupError> {
        let text = std::fs::read_to_string(file).map_err(|e| StartupError::new(file, "", e))?;
        let manifest = Manifest::parse(file, &text, &[])?;
        let sources = Sources {
            prefixes: vec!["SPIN_VARIABLE".to_owned()],
            environment,
            ..Sources::default()
        };
        let variables = variables::resolve(&manifest.variables, &sources)
            .map_err(|e| StartupError::new(file, "variables", e))?;
        let named = |component: usize| manifest.components[component].id.clone();
        let routes = manifest.routes.iter();
        Ok(Self {
            routes: routes
                .map(|trigger| (trigger.route.clone(), named(trigger.component)))
                .collect(),
            variables,
        })
    }
}

/// The pools and links of one thread.
#[derive(Debug)]
pub struct Reach {
    mysql: mysql::Access,
    redis: redis::Access,
    allowed: AllowedHosts,
}

impl Reach {
    /// The share of one of `threads` threads, within the host's default bounds.
    ///
    /// # Errors
    /// Where a metric has a bad name, which tests rule out.
    pub fn of_thread(threads: usize) -> Result<Self, StartupError> {
        let fail = |e: &dyn std::fmt::Display| StartupError::flag("--threads", e);
        let metrics = Arc::new(Metrics::new().map_err(|e| fail(&e))?);
        let limits = mysql::Limits::of_thread(&config::Mysql::default(), threads);
        let pools = mysql::Pools::new(limits, metrics.clone());
        let limits = redis::Limits::of_thread(&config::Redis::default(), threads);
        let links = redis::Links::new(limits, metrics);
        Ok(Self {
            mysql: mysql::Access::new(Arc::new(pools), true),
            redis: redis::Access::new(Arc::new(links)),
            allowed: AllowedHosts::parse(&["mysql://*:*", "redis://*:*"]).map_err(|e| fail(&e))?,
        })
    }

    /// A connection that takes a session at its first statement.
    ///
    /// # Errors
    /// Where the address is not acceptable.
    pub fn mysql(&self, address: &str) -> Result<Mysql, MysqlError> {
        let opened = self.mysql.open(address, &self.allowed);
        opened.map_err(MysqlError::ConnectionFailed)
    }

    /// A connection over the thread's link.
    ///
    /// # Errors
    /// Where the address is not acceptable.
    pub fn redis(&self, address: &str) -> Result<Redis, RedisError> {
        self.redis.open(address, &self.allowed)
    }
}
