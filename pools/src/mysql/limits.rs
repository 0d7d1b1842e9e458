//! The bounds of one thread's sessions, and how each session is set up.

use super::budget::Budgets;
use crate::breaker::Breakers;
use crate::config;
use std::sync::Arc;
use std::time::Duration;

/// Bounds of every pool of one thread.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections per address and thread.
    pub connections_max: usize,
    /// Budgets of prepared statements, shared by all threads.
    pub(super) budgets: Arc<Budgets>,
    /// Circuit breakers, shared by all threads.
    pub(super) breakers: Arc<Breakers>,
    /// Wait for a free connection.
    pub wait: Duration,
    /// Connect and log in.
    pub connect: Duration,
    /// One statement, up to its first rows, and between further ones.
    pub query: Duration,
    /// Statements that each session runs when it is new, and again after a reset.
    pub setup: Vec<String>,
}

impl Limits {
    /// The share of one of `threads` threads. Clone it for the others: they share the budget of prepared statements.
    pub fn of_thread(config: &config::Mysql, threads: usize, breakers: &Arc<Breakers>) -> Self {
        Self {
            budgets: Budgets::new(config.max_statements),
            breakers: breakers.clone(),
            connections_max: config.max_connections.div_ceil(threads).max(1),
            wait: Duration::from_millis(config.wait_timeout_ms),
            connect: Duration::from_millis(config.connect_timeout_ms),
            query: Duration::from_millis(config.query_timeout_ms),
            setup: setup(config),
        }
    }
}

/// How long the server waits for this program. An idle transaction, an unread reply and an incomplete statement hold
/// locks, and a frozen program would hold them for hours. MySQL has no limit for idle transactions and reads that
/// setting as a comment. Waits for locks are bounded, too: the waiting statements of a frozen program would otherwise
/// get a lock one after the other, each for as long as a transaction may be idle.
fn setup(config: &config::Mysql) -> Vec<String> {
    let mut setup = Vec::new();
    let seconds = config.idle_transaction_seconds;
    if seconds > 0 {
        setup.push(format!(
            "SET SESSION /*M! idle_transaction_timeout = {seconds}, */ net_write_timeout = {seconds}, \
             net_read_timeout = {seconds}"
        ));
    }
    if config.lock_wait_seconds > 0 {
        let seconds = config.lock_wait_seconds;
        setup.push(format!("SET SESSION innodb_lock_wait_timeout = {seconds}"));
    }
    setup
}
