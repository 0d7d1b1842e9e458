//! The functions' ports, implemented with the host's own pools. Values are passed on unchanged; only their enum types
//! are converted.

mod mysql;
mod redis;

use crate::manifest::Manifest;
use anyhow::{Result, anyhow, ensure};
use guest::host::{self, Ports, Soon};
use pools::allowed_hosts::AllowedHosts;
use pools::config;
use pools::metrics::Metrics;
use prometheus::Registry;
use std::sync::Arc;
use std::time::Duration;

/// The limits of each thread's outbound connections: the host's defaults.
#[derive(Clone)]
pub struct Outbound {
    mysql: pools::mysql::Limits,
    redis: pools::redis::Limits,
    allowed: AllowedHosts,
    metrics: Arc<Metrics>,
}

/// The ports of one thread.
pub struct NativePorts {
    mysql: pools::mysql::Access,
    redis: pools::redis::Access,
    allowed: AllowedHosts,
    manifest: Arc<Manifest>,
}

impl Outbound {
    /// The share of one of `threads` threads.
    ///
    /// # Errors
    /// Where a metric has a bad name, which tests rule out.
    pub fn of_thread(threads: usize) -> Result<Self> {
        let allowed = AllowedHosts::parse(&["mysql://*:*", "redis://*:*"]);
        let breakers = pools::breaker::Breakers::new(&config::CircuitBreaker::default());
        Ok(Self {
            mysql: pools::mysql::Limits::of_thread(&config::Mysql::default(), threads, &breakers),
            redis: pools::redis::Limits::of_thread(&config::Redis::default(), threads, &breakers),
            allowed: allowed.map_err(|reason| anyhow!(reason))?,
            metrics: Arc::new(Metrics::register(&Registry::new())?),
        })
    }
}

impl NativePorts {
    /// Sets this thread's ports.
    ///
    /// # Errors
    /// Where they are set already.
    pub fn fill(outbound: &Outbound, manifest: Arc<Manifest>) -> Result<()> {
        let Outbound {
            mysql,
            redis,
            allowed,
            metrics,
        } = outbound.clone();
        let pools = Arc::new(pools::mysql::Pools::new(mysql, metrics.clone()));
        let links = Arc::new(pools::redis::Links::new(redis, metrics));
        let filled = host::fill(Box::new(NativePorts {
            mysql: pools::mysql::Access::new(pools, true),
            redis: pools::redis::Access::new(links),
            allowed,
            manifest,
        }));
        ensure!(filled, "the thread has ports already");
        Ok(())
    }
}

impl Ports for NativePorts {
    fn redis(&self, url: &str) -> Result<Box<dyn host::redis::Port>, host::redis::Error> {
        let link = self.redis.open(url, &self.allowed);
        Ok(Box::new(redis::Link(link.map_err(redis::error)?)))
    }

    fn mysql(&self, url: &str) -> Result<Box<dyn host::mysql::Port>, host::mysql::Failure> {
        let session = self.mysql.open(url, &self.allowed);
        Ok(Box::new(mysql::Session(session.map_err(mysql::error)?)))
    }

    fn variable(&self, name: &str) -> Option<String> {
        self.manifest.variables.get(name).cloned()
    }

    fn sleep(&self, duration: Duration) -> Soon<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}
