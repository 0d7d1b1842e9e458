//! The command line of `up` and the runtime configuration file. Flags that `spin up` has mean the same here.

use crate::limits;
use crate::manifest::read;
use crate::startup::StartupError;
use clap::{Args, Parser, Subcommand};
use pools::config::{CircuitBreaker, Mysql, Redis};
use serde::Deserialize;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Serves Spin applications: WebAssembly components over HTTP, with pooled MySQL and Redis.
#[derive(Debug, Parser)]
#[command(name = "host-adapter", version, about)]
pub struct Cli {
    /// What the program does.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start an application and serve it until SIGTERM or SIGINT.
    Up(Box<Up>),
}

/// The flags of `up`.
#[derive(Debug, Clone, Args)]
pub struct Up {
    /// The application's manifest, or the folder of a spin.toml.
    #[arg(
        short = 'f',
        long = "from",
        alias = "file",
        value_name = "FILE",
        default_value = "spin.toml"
    )]
    pub from: PathBuf,
    /// Serve this component only; may be given several times.
    #[arg(
        short = 'c',
        long = "component-id",
        value_name = "ID",
        env = "SPIN_COMPONENTS_TO_RETAIN",
        value_delimiter = ','
    )]
    pub component_id: Vec<String>,
    /// Address and port to listen on; may be given several times.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        env = "SPIN_HTTP_LISTEN_ADDR",
        default_value = "127.0.0.1:3000",
        value_delimiter = ','
    )]
    pub listen: Vec<SocketAddr>,
    /// Address and port for Prometheus metrics at /metrics; none by default.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
    /// Limits of the outbound connections and sources of variables, as TOML.
    #[arg(long, value_name = "FILE", env = "RUNTIME_CONFIG_FILE")]
    pub runtime_config_file: Option<PathBuf>,
    /// Set an environment variable of every component.
    #[arg(short = 'e', long = "env", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub env: Vec<(String, String)>,
    /// Set an application variable; SPIN_VARIABLE_NAME in the environment does the same.
    #[arg(long = "variable", value_name = "NAME=VALUE", value_parser = parse_pair)]
    pub variable: Vec<(String, String)>,

    /// The certificate to serve HTTPS with, in PEM format.
    #[arg(
        long,
        value_name = "FILE",
        env = "SPIN_TLS_CERT",
        requires = "tls_key",
        help_heading = "TLS"
    )]
    pub tls_cert: Option<PathBuf>,
    /// Its private key, in PEM format.
    #[arg(
        long,
        value_name = "FILE",
        env = "SPIN_TLS_KEY",
        requires = "tls_cert",
        help_heading = "TLS"
    )]
    pub tls_key: Option<PathBuf>,

    /// Requests an instance serves before it is replaced: a number, or a range like 64..256 to draw from.
    /// [default: 1024, or 1 for WASI 0.2 components]
    #[arg(long, value_name = "COUNT", value_parser = parse_count, help_heading = "Instances")]
    pub max_instance_reuse_count: Option<Span<usize>>,
    /// Requests an instance serves at a time; WASI 0.2 components always serve one. [default: 16]
    #[arg(long, value_name = "COUNT", value_parser = parse_count, help_heading = "Instances")]
    pub max_instance_concurrent_reuse_count: Option<Span<usize>>,
    /// How long a component may take to begin its answer: seconds, or with a suffix ms, us, ns. [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "Instances")]
    pub request_timeout: Option<Span<Duration>>,
    /// How long a component may keep a processor busy for one request; then its instance is stopped.
    #[arg(long, value_name = "TIME", default_value = limits::REQUEST_CPU_TIME, value_parser = parse_single_time, help_heading = "Instances")]
    pub request_cpu_time: Duration,
    /// How long a request that changes something may take a component with a circuit breaker, in place of what its
    /// manifest says.
    #[arg(long, value_name = "TIME", value_parser = parse_single_time, help_heading = "Instances")]
    pub breaker_timeout: Option<Duration>,
    /// How long an idle instance is kept for reuse.
    #[arg(long, value_name = "TIME", default_value = limits::IDLE_INSTANCE_TIMEOUT, value_parser = parse_time, help_heading = "Instances")]
    pub idle_instance_timeout: Span<Duration>,
    /// Bytes of linear memory one instance may have.
    #[arg(long, value_name = "BYTES", env = "SPIN_MAX_INSTANCE_MEMORY", default_value_t = limits::INSTANCE_MEMORY_BYTES_MAX, help_heading = "Instances")]
    pub max_instance_memory: usize,
    /// Bytes of linear memory all instances may have together; those of one component may have half of it.
    /// [default: 268435456, or twice --max-instance-memory where that is more]
    #[arg(long, value_name = "BYTES", help_heading = "Instances")]
    pub max_guest_memory: Option<usize>,
    /// Instances alive at a time, over all components.
    #[arg(long, value_name = "COUNT", default_value_t = limits::INSTANCES_MAX, value_parser = clap::value_parser!(u32).range(1..=100_000), help_heading = "Instances")]
    pub max_instances: u32,

    /// Requests handled at a time; one more is answered 503.
    #[arg(long, value_name = "COUNT", default_value_t = limits::REQUESTS_MAX, help_heading = "Server")]
    pub max_requests: usize,
    /// Requests one component handles at a time; one more is answered 503. [default: a quarter of --max-requests]
    #[arg(long, value_name = "COUNT", help_heading = "Server")]
    pub max_component_requests: Option<usize>,
    /// Client connections open at a time; one more takes the place of one that has had no request for long, or is
    /// answered 503 and closed.
    #[arg(long, value_name = "COUNT", default_value_t = limits::CONNECTIONS_MAX, help_heading = "Server")]
    pub max_connections: usize,
    /// Client connections open at a time from one address. [default: three quarters of --max-connections]
    #[arg(long, value_name = "COUNT", help_heading = "Server")]
    pub max_connections_per_address: Option<usize>,
    /// Bytes of the largest request body; a larger one is answered 413.
    #[arg(long, value_name = "BYTES", default_value_t = limits::BODY_BYTES_MAX, help_heading = "Server")]
    pub max_body_bytes: u64,
    /// How long a client may take to send its headers, and how long an idle connection is kept.
    #[arg(long, value_name = "TIME", default_value = limits::HEADER_READ_TIMEOUT, value_parser = parse_single_time, help_heading = "Server")]
    pub header_read_timeout: Duration,
    /// How long a client may pause within a request body.
    #[arg(long, value_name = "TIME", default_value = limits::BODY_READ_TIMEOUT, value_parser = parse_single_time, help_heading = "Server")]
    pub body_read_timeout: Duration,
    /// Read buffer of an HTTP/1 connection, hence the largest head.
    #[arg(long, value_name = "BYTES", env = "SPIN_HTTP1_MAX_BUF_SIZE", default_value_t = limits::HEAD_BYTES_MAX, help_heading = "Server")]
    pub http1_max_buf_size: usize,
    /// How long requests in flight may go on after SIGTERM.
    #[arg(long, value_name = "TIME", default_value = limits::DRAIN_TIMEOUT, value_parser = parse_single_time, help_heading = "Server")]
    pub drain_timeout: Duration,
    /// Threads that serve, each with its own connections. [default: one per core]
    #[arg(long, value_name = "COUNT", help_heading = "Server")]
    pub threads: Option<usize>,

    /// Bytes of replies to keep in front of the components; 0 switches the cache off.
    #[arg(long, value_name = "BYTES", default_value_t = limits::CACHE_BYTES, help_heading = "Cache")]
    pub cache_bytes: u64,
    /// The Redis over which hosts notify each other of what is stale, as redis://[USER:PASSWORD@]HOST:PORT. Without one
    /// nothing is kept.
    #[arg(
        long,
        value_name = "URL",
        env = "CACHE_CHANNEL_URL",
        hide_env_values = true,
        help_heading = "Cache"
    )]
    pub cache_channel: Option<Url>,

    /// Do not keep compiled components on disk.
    #[arg(long, env = "DISABLE_WASMTIME_CACHE", help_heading = "Compilation")]
    pub disable_cache: bool,
    /// Where compiled components are kept. [default: the user's cache folder]
    #[arg(
        long,
        value_name = "FOLDER",
        conflicts_with = "disable_cache",
        help_heading = "Compilation"
    )]
    pub cache_dir: Option<PathBuf>,
    /// Tell Linux' `perf` the names of components' functions, in /tmp/perf-PID.map.
    #[arg(long, help_heading = "Compilation")]
    pub perf_map: bool,

    /// Silence what components print.
    #[arg(short = 'q', long, help_heading = "Logs")]
    pub quiet: bool,
}

impl Up {
    /// Connections one address may have.
    pub fn connections_per_address_max(&self) -> usize {
        let others = self.max_connections / limits::CONNECTIONS_FOR_OTHERS_SHARE;
        self.max_connections_per_address
            .unwrap_or(self.max_connections - others)
    }

    /// Bytes of linear memory all instances may have.
    pub fn guest_memory_max(&self) -> usize {
        let of_one = self
            .max_instance_memory
            .saturating_mul(limits::COMPONENT_MEMORY_SHARE);
        self.max_guest_memory
            .unwrap_or(of_one.max(limits::GUEST_MEMORY_BYTES_MAX))
    }

    /// Bytes of linear memory all instances of one component may have.
    pub fn component_memory_max(&self) -> usize {
        self.guest_memory_max() / limits::COMPONENT_MEMORY_SHARE
    }

    /// Requests one component may have in flight.
    pub fn component_requests_max(&self) -> usize {
        let share = self.max_requests / limits::COMPONENT_REQUESTS_SHARE;
        self.max_component_requests.unwrap_or(share.max(1))
    }
}

/// A value, or a range (its end excluded) that each instance draws its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span<T> {
    /// Always this.
    Value(T),
    /// At least the first, below the second.
    Bounds(T, T),
}

impl Span<usize> {
    /// A value of the span.
    pub fn draw(self) -> usize {
        match self {
            Self::Value(value) => value,
            Self::Bounds(start, end) => fastrand::usize(start..end),
        }
    }
}

impl Span<Duration> {
    /// A value of the span, to the nanosecond.
    pub fn draw(self) -> Duration {
        match self {
            Self::Value(value) => value,
            Self::Bounds(start, end) => {
                let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                Duration::from_nanos(fastrand::u64(nanos(start)..nanos(end)))
            }
        }
    }
}

impl<T: PartialOrd + Copy> Span<T> {
    fn parse(text: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Self, String> {
        let Some((start, end)) = text.split_once("..") else {
            return one(text).map(Self::Value);
        };
        let (start, end) = (one(start)?, one(end)?);
        if start < end {
            Ok(Self::Bounds(start, end))
        } else {
            Err(format!("the range {text:?} is empty"))
        }
    }
}

/// Processors that this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn parse_count(text: &str) -> Result<Span<usize>, String> {
    Span::parse(text, |one| match one.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err(format!(
            "expected a number or a range like 1..8, got {text:?}"
        )),
    })
}

fn parse_time(text: &str) -> Result<Span<Duration>, String> {
    Span::parse(text, parse_single_time)
}

fn parse_single_time(text: &str) -> Result<Duration, String> {
    type Unit = fn(u64) -> Duration;
    let units: [(&str, Unit); 5] = [
        ("ms", Duration::from_millis),
        ("us", Duration::from_micros),
        ("μs", Duration::from_micros),
        ("ns", Duration::from_nanos),
        ("s", Duration::from_secs),
    ];
    let (digits, unit) = units
        .iter()
        .find_map(|(suffix, unit)| text.strip_suffix(suffix).map(|digits| (digits, *unit)))
        .unwrap_or((text, Duration::from_secs));
    u64::from_str(digits)
        .map(unit)
        .map_err(|_| format!("expected a time like 30, 30s, 250ms, 10us or 10ns, got {text:?}"))
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The runtime configuration file. `[outbound_mysql]` and `[outbound_redis]` take Spin's `max_connections`
/// and, beyond Spin, times in milliseconds; `[circuit_breaker]` is this host's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeConfig {
    /// The table `[outbound_mysql]`.
    pub outbound_mysql: Mysql,
    /// The table `[outbound_redis]`.
    pub outbound_redis: Redis,
    /// The table `[circuit_breaker]`.
    pub circuit_breaker: CircuitBreaker,
    /// Further sources of variables.
    #[serde(alias = "config_provider")]
    pub variables_provider: Vec<VariablesProvider>,
}

/// An entry of `[[variables_provider]]`, by its `type`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum VariablesProvider {
    /// Environment variables `PREFIX_NAME`.
    Env {
        /// `None`: `SPIN_VARIABLE`.
        prefix: Option<String>,
    },
    /// Values in the file itself.
    Static {
        /// From name to value.
        values: HashMap<String, String>,
    },
}

impl RuntimeConfig {
    /// Reads `file`.
    ///
    /// # Errors
    /// Where the file cannot be read, has a key that is unknown or of the wrong type, or a number cannot be.
    pub fn load(file: &Path) -> Result<Self, StartupError> {
        let text = std::fs::read_to_string(file).map_err(|e| StartupError::new(file, "", e))?;
        let config: Self = read(file, &text)?;
        let positive = [
            (
                "outbound_mysql.max_connections",
                config.outbound_mysql.max_connections as u64,
            ),
            (
                "outbound_mysql.max_statements",
                config.outbound_mysql.max_statements as u64,
            ),
            (
                "outbound_mysql.wait_timeout_ms",
                config.outbound_mysql.wait_timeout_ms,
            ),
            (
                "outbound_mysql.connect_timeout_ms",
                config.outbound_mysql.connect_timeout_ms,
            ),
            (
                "outbound_mysql.query_timeout_ms",
                config.outbound_mysql.query_timeout_ms,
            ),
            (
                "outbound_redis.max_connections",
                config.outbound_redis.max_connections as u64,
            ),
            (
                "outbound_redis.connect_timeout_ms",
                config.outbound_redis.connect_timeout_ms,
            ),
            (
                "outbound_redis.reply_timeout_ms",
                config.outbound_redis.reply_timeout_ms,
            ),
        ];
        for (key, value) in positive {
            if value == 0 {
                return Err(StartupError::new(file, key, "must be at least 1"));
            }
        }
        config.circuit_breaker.check().map_err(|(key, reason)| {
            StartupError::new(file, format!("circuit_breaker.{key}"), reason)
        })?;
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
