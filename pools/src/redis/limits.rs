//! The bounds of one thread's links.

use crate::breaker::Breakers;
use crate::config;
use std::sync::Arc;
use std::time::Duration;

/// Bounds of every link of one thread.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Private connections per address and thread.
    pub private_max: usize,
    /// Connect and log in.
    pub connect: Duration,
    /// One reply.
    pub reply: Duration,
    /// Circuit breakers, shared by all threads.
    pub(super) breakers: Arc<Breakers>,
}

impl Limits {
    /// The share of one of `threads` threads.
    pub fn of_thread(config: &config::Redis, threads: usize, breakers: &Arc<Breakers>) -> Self {
        Self {
            breakers: breakers.clone(),
            private_max: config.max_connections.div_ceil(threads).max(1),
            connect: Duration::from_millis(config.connect_timeout_ms),
            reply: Duration::from_millis(config.reply_timeout_ms),
        }
    }
}
