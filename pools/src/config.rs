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

impl Default for Redis {
    fn default() -> Self {
        Self {
            max_connections: limits::REDIS_PRIVATE_CONNECTIONS_MAX,
            connect_timeout_ms: limits::REDIS_CONNECT_TIMEOUT.as_millis() as u64,
            reply_timeout_ms: limits::REDIS_REPLY_TIMEOUT.as_millis() as u64,
        }
    }
}
