//! Refuses flags that cannot work before anything listens, in one line that names the flag and what to do.

use crate::config::{RuntimeConfig, Span, Up};
use crate::limits;
use crate::startup::StartupError;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Serving threads, at most.
const THREADS_MAX: usize = 1024;
/// The longest time that a flag may give.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Values of `--max-instance-memory`, in bytes.
const MEMORY_BYTES: RangeInclusive<usize> = 1024 * 1024..=4 * 1024 * 1024 * 1024;
/// Files that a process has open besides its connections: logs, components, event queues, and some to spare.
const OTHER_FILES: usize = 128;
/// Databases, and Redis addresses, that open files are reserved for.
const ADDRESSES: usize = 4;

/// Checks every bound that the command line gives.
pub fn flags(up: &Up) -> Result<(), StartupError> {
    let most = usize::MAX / 2;
    within("--threads", up.threads.unwrap_or(1), 1..=THREADS_MAX)?;
    within("--max-requests", up.max_requests, 1..=most)?;
    within(
        "--max-component-requests",
        up.component_requests_max(),
        1..=most,
    )?;
    within("--max-connections", up.max_connections, 1..=most)?;
    within(
        "--max-connections-per-address",
        up.connections_per_address_max(),
        1..=most,
    )?;
    within("--max-body-bytes", up.max_body_bytes, 1..=u64::MAX / 2)?;
    within(
        "--http1-max-buf-size",
        up.http1_max_buf_size,
        limits::HEAD_BYTES_MAX_RANGE,
    )?;
    within(
        "--max-instance-memory",
        up.max_instance_memory,
        MEMORY_BYTES,
    )?;
    if up.component_memory_max() < up.max_instance_memory {
        let needed = up
            .max_instance_memory
            .saturating_mul(limits::COMPONENT_MEMORY_SHARE);
        let reason = format!(
            "must be at least {needed}, twice --max-instance-memory, not {}",
            up.guest_memory_max()
        );
        return Err(StartupError::flag("--max-guest-memory", reason));
    }
    time("--header-read-timeout", up.header_read_timeout)?;
    time("--body-read-timeout", up.body_read_timeout)?;
    time("--request-cpu-time", up.request_cpu_time)?;
    if let Some(limit) = up.request_timeout {
        times("--request-timeout", limit)?;
    }
    if let Some(limit) = up.breaker_timeout {
        time("--breaker-timeout", limit)?;
    }
    times("--idle-instance-timeout", up.idle_instance_timeout)?;
    // Zero is allowed: it stops at once.
    if up.drain_timeout > TIME_MAX {
        time("--drain-timeout", up.drain_timeout)?;
    }
    Ok(())
}

fn within<T: PartialOrd + Display>(
    flag: &str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), StartupError> {
    if range.contains(&value) {
        return Ok(());
    }
    let reason = match value < *range.start() {
        true => format!("must be at least {}, not {value}", range.start()),
        false => format!("must be at most {}, not {value}", range.end()),
    };
    Err(StartupError::flag(flag, reason))
}

fn time(flag: &str, value: Duration) -> Result<(), StartupError> {
    if value < Duration::from_millis(1) || value > TIME_MAX {
        let reason = format!("must be from 1ms to {}s, not {value:?}", TIME_MAX.as_secs());
        return Err(StartupError::flag(flag, reason));
    }
    Ok(())
}

fn times(flag: &str, value: Span<Duration>) -> Result<(), StartupError> {
    match value {
        Span::Value(value) => time(flag, value),
        Span::Bounds(start, end) => time(flag, start).and_then(|()| time(flag, end)),
    }
}

/// Raises the limit of open files to what the connections need. Fails where the system does not allow that.
pub fn open_files(up: &Up, config: &RuntimeConfig, threads: usize) -> Result<(), StartupError> {
    let (mysql, redis) = (&config.outbound_mysql, &config.outbound_redis);
    let per_address = mysql.max_connections.saturating_add(redis.max_connections);
    let outbound = ADDRESSES.saturating_mul(per_address);
    let own = threads * (up.listen.len() + 8) + OTHER_FILES;
    let needed = up
        .max_connections
        .saturating_add(own)
        .saturating_add(outbound) as u64;
    let limit = getrlimit(Resource::Nofile);
    // `None` is no limit.
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if enough(limit.current) {
        return Ok(());
    }
    let allowed = limit.maximum;
    if enough(allowed) {
        let raised = Rlimit {
            current: Some(needed),
            maximum: allowed,
        };
        return setrlimit(Resource::Nofile, raised).map_err(|e| {
            StartupError::flag(
                "--max-connections",
                format!("the limit of open files cannot be raised to {needed}: {e}"),
            )
        });
    }
    let allowed = allowed.unwrap_or_default();
    let reason = format!(
        "{} connections need {needed} open files and the system allows {allowed}: raise `ulimit -n` or ask for fewer",
        up.max_connections
    );
    Err(StartupError::flag("--max-connections", reason))
}

#[cfg(test)]
mod tests;
