//! The bounds that an operator may set: tables of the runtime configuration file.

use crate::limits;
use serde::{Deserialize, Serialize};

/// The table `[outbound_mysql]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mysql {
    /// Connections per address and process.
    pub max_connections: usize,
    /// Prepared statements at one server, over all connections of the process.
    pub max_statements: usize,
    /// How long a statement waits for a free connection, in ms.
    pub wait_timeout_ms: u64,
    /// How long connecting may take, in ms.
    pub connect_timeout_ms: u64,
    /// How long a statement may take up to its first rows, and between further ones, in ms.
    pub query_timeout_ms: u64,
    /// How long a transaction may wait for its next statement before the server (MariaDB) ends it; 0: no limit.
    pub idle_transaction_seconds: u32,
    /// How long a statement may wait for a row that another transaction has locked; 0: the server's own limit.
    pub lock_wait_seconds: u32,
}

impl Default for Mysql {
    fn default() -> Self {
        Self {
            max_connections: limits::MYSQL_CONNECTIONS_MAX,
            max_statements: limits::MYSQL_STATEMENTS_MAX,
            wait_timeout_ms: limits::MYSQL_WAIT_TIMEOUT.as_millis() as u64,
            connect_timeout_ms: limits::MYSQL_CONNECT_TIMEOUT.as_millis() as u64,
            query_timeout_ms: limits::MYSQL_QUERY_TIMEOUT.as_millis() as u64,
            idle_transaction_seconds: limits::MYSQL_IDLE_TRANSACTION_SECONDS,
            lock_wait_seconds: limits::MYSQL_LOCK_WAIT_SECONDS,
        }
    }
}

/// The table `[outbound_redis]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redis {
    /// Private connections for guests that use stateful commands, per address and process.
    pub max_connections: usize,
    /// How long connecting may take, in ms.
    pub connect_timeout_ms: u64,
    /// How long a reply may take, in ms.
    pub reply_timeout_ms: u64,
}

/// The table `[circuit_breaker]`: for each address of a database or of Redis.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CircuitBreaker {
    /// How long calls are counted, from a failure on, in ms.
    pub interval_ms: u64,
    /// With fewer calls in that time it stays closed.
    pub requests_min: u64,
    /// It opens where this part of the calls has failed, in percent.
    pub errors_percent: u64,
    /// It opens where so many calls in a row have failed.
    pub consecutive_errors_max: u64,
    /// How long it stays open where the server does not answer before, in ms.
    pub open_ms: u64,
    /// Calls that are tried before it closes again.
    pub half_open_requests_max: u64,
    /// How often the server is asked meanwhile whether it answers, in ms.
    pub probe_ms: u64,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            interval_ms: limits::BREAKER_INTERVAL.as_millis() as u64,
            requests_min: limits::BREAKER_REQUESTS_MIN,
            errors_percent: limits::BREAKER_ERRORS_PERCENT,
            consecutive_errors_max: limits::BREAKER_CONSECUTIVE_ERRORS_MAX,
            open_ms: limits::BREAKER_OPEN.as_millis() as u64,
            half_open_requests_max: limits::BREAKER_HALF_OPEN_REQUESTS_MAX,
            probe_ms: limits::BREAKER_PROBE_EVERY.as_millis() as u64,
        }
    }
}

impl CircuitBreaker {
    /// Checks that it can work.
    ///
    /// # Errors
    /// The first key whose value cannot be, and why.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let positive = [
            ("interval_ms", self.interval_ms),
            ("requests_min", self.requests_min),
            ("errors_percent", self.errors_percent),
            ("consecutive_errors_max", self.consecutive_errors_max),
            ("open_ms", self.open_ms),
            ("half_open_requests_max", self.half_open_requests_max),
            ("probe_ms", self.probe_ms),
        ];
        match positive.into_iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => Err((key, "must be at least 1")),
            None if self.errors_percent > 100 => Err(("errors_percent", "must be at most 100")),
            None => Ok(()),
        }
    }
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            max_connections: limits::REDIS_PRIVATE_CONNECTIONS_MAX,
            connect_timeout_ms: limits::REDIS_CONNECT_TIMEOUT.as_millis() as u64,
            reply_timeout_ms: limits::REDIS_REPLY_TIMEOUT.as_millis() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breaker_that_cannot_work_is_refused() {
        let breaker = CircuitBreaker::default();
        assert_eq!(breaker.check(), Ok(()));
        let never = CircuitBreaker {
            half_open_requests_max: 0,
            ..breaker.clone()
        };
        assert_eq!(
            never.check(),
            Err(("half_open_requests_max", "must be at least 1"))
        );
        let more = CircuitBreaker {
            errors_percent: 101,
            ..breaker
        };
        assert_eq!(more.check(), Err(("errors_percent", "must be at most 100")));
    }
}
