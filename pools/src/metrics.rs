//! What the pools count, by address, and circuit breakers by name.

use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
    register_histogram_vec_with_registry, register_int_counter_vec_with_registry,
    register_int_gauge_vec_with_registry,
};

/// Upper bounds of the wait histogram's buckets, in seconds.
const WAIT_BUCKETS: [f64; 8] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.2, 1.0];

/// The metrics of all pools of a process.
#[derive(Debug)]
pub struct Metrics {
    databases: Databases,
    redis: RedisServers,
    breakers: Breakers,
}

/// The metrics of one circuit breaker.
#[derive(Debug, Clone)]
pub struct BreakerMetrics {
    /// 0 closed, 1 half-open, 2 open.
    pub state: IntGauge,
    /// Calls refused.
    pub refused: IntCounter,
}

/// The metrics of one database address.
#[derive(Debug, Clone)]
pub struct DatabaseMetrics {
    /// Connections that a component holds, or that are being cleaned after one.
    pub in_use: IntGauge,
    /// Connections allowed, over all threads.
    pub max: IntGauge,
    /// Connections logged in, idle ones included.
    pub open: IntGauge,
    /// Statements waiting for a connection.
    pub waiters: IntGauge,
    /// How long those waited, in seconds; a statement that finds a free connection is not counted.
    pub wait: Histogram,
    /// Statements stopped at their deadline.
    pub timeouts: IntCounter,
    /// Sessions rolled back or reset before the next request.
    pub cleaned: IntCounter,
}

/// The metrics of one Redis address.
#[derive(Debug, Clone)]
pub struct RedisMetrics {
    /// Commands waiting for their reply.
    pub in_flight: IntGauge,
    /// Shared connections that are open; private ones are not counted.
    pub connected: IntGauge,
    /// Commands that failed, also those refused because Redis is away.
    pub errors: IntCounter,
}

#[derive(Debug)]
struct Databases {
    in_use: IntGaugeVec,
    max: IntGaugeVec,
    open: IntGaugeVec,
    waiters: IntGaugeVec,
    wait: HistogramVec,
    timeouts: IntCounterVec,
    cleaned: IntCounterVec,
}

#[derive(Debug)]
struct Breakers {
    state: IntGaugeVec,
    refused: IntCounterVec,
}

#[derive(Debug)]
struct RedisServers {
    in_flight: IntGaugeVec,
    connected: IntGaugeVec,
    errors: IntCounterVec,
}

impl Metrics {
    /// Registers every metric of the pools.
    ///
    /// # Errors
    /// Where `registry` already has a metric of one of the names.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            databases: Databases::register(registry)?,
            redis: RedisServers::register(registry)?,
            breakers: Breakers::register(registry)?,
        })
    }

    /// The metrics of the database at `address`, which must hold no secret.
    pub fn database(&self, address: &str) -> DatabaseMetrics {
        let Databases {
            in_use,
            max,
            open,
            waiters,
            wait,
            timeouts,
            cleaned,
        } = &self.databases;
        let label = &[address];
        DatabaseMetrics {
            in_use: in_use.with_label_values(label),
            max: max.with_label_values(label),
            open: open.with_label_values(label),
            waiters: waiters.with_label_values(label),
            wait: wait.with_label_values(label),
            timeouts: timeouts.with_label_values(label),
            cleaned: cleaned.with_label_values(label),
        }
    }

    /// The metrics of the Redis at `address`, which must hold no secret.
    pub fn redis(&self, address: &str) -> RedisMetrics {
        let label = &[address];
        RedisMetrics {
            in_flight: self.redis.in_flight.with_label_values(label),
            connected: self.redis.connected.with_label_values(label),
            errors: self.redis.errors.with_label_values(label),
        }
    }

    /// The metrics of the circuit breaker of this name, which must hold no secret.
    pub fn breaker(&self, name: &str) -> BreakerMetrics {
        BreakerMetrics {
            state: self.breakers.state.with_label_values(&[name]),
            refused: self.breakers.refused.with_label_values(&[name]),
        }
    }
}

impl Breakers {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            state: register_int_gauge_vec_with_registry!(
                "circuit_breaker_state",
                "0 while calls are made, 1 while few are tried, 2 while all are refused.",
                &["name"],
                registry
            )?,
            refused: register_int_counter_vec_with_registry!(
                "circuit_breaker_refused_total",
                "Calls that a circuit breaker refused.",
                &["name"],
                registry
            )?,
        })
    }
}

impl Databases {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let gauges = |name: &str, help: &str| gauges(registry, name, help);
        let counters = |name: &str, help: &str| counters(registry, name, help);
        Ok(Self {
            in_use: gauges(
                "db_connections_in_use",
                "Database connections held by requests.",
            )?,
            max: gauges("db_connections_max", "Database connections allowed.")?,
            open: gauges("db_connections_open", "Database connections there are.")?,
            waiters: gauges(
                "db_connection_waiters",
                "Statements waiting for a connection.",
            )?,
            wait: register_histogram_vec_with_registry!(
                "db_connection_wait_seconds",
                "How long statements waited for a connection.",
                &["address"],
                WAIT_BUCKETS.to_vec(),
                registry
            )?,
            timeouts: counters(
                "db_statement_timeouts_total",
                "Statements stopped at their deadline.",
            )?,
            cleaned: counters(
                "db_sessions_cleaned_total",
                "Sessions cleaned before reuse.",
            )?,
        })
    }
}

impl RedisServers {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            in_flight: gauges(
                registry,
                "redis_commands_in_flight",
                "Redis commands waiting for a reply.",
            )?,
            connected: gauges(
                registry,
                "redis_connections_open",
                "Redis connections there are.",
            )?,
            errors: counters(
                registry,
                "redis_errors_total",
                "Redis commands that failed.",
            )?,
        })
    }
}

fn gauges(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGaugeVec> {
    register_int_gauge_vec_with_registry!(name, help, &["address"], registry)
}

fn counters(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounterVec> {
    register_int_counter_vec_with_registry!(name, help, &["address"], registry)
}
