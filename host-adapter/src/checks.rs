//! What cannot work is refused before anything listens, in one line that names the flag and what to do.

use crate::config::{Span, Up};
use crate::limits;
use crate::startup::StartupError;
use pools::limits::{MYSQL_CONNECTIONS_MAX, REDIS_PRIVATE_CONNECTIONS_MAX};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Threads beyond any machine's use.
const THREADS_MAX: usize = 1024;
/// No time of a flag is longer: timers count in ms, and who waits a day waits for nothing.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const MEMORY_BYTES: RangeInclusive<usize> = 1024 * 1024..=4 * 1024 * 1024 * 1024;
/// Files a process has open beside its connections: logs, components, event queues, and some to spare.
const OTHER_FILES: usize = 128;
/// Databases and Redis addresses that are counted on, each with connections of its own.
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
    times("--idle-instance-timeout", up.idle_instance_timeout)?;
    // None at all is a way to stop, too.
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

/// Raises the number of files this process may open to what its connections need, as far as the system lets it.
pub fn open_files(up: &Up, threads: usize) -> Result<(), StartupError> {
    let outbound = ADDRESSES * (MYSQL_CONNECTIONS_MAX + REDIS_PRIVATE_CONNECTIONS_MAX);
    let own = threads * (up.listen.len() + 8) + OTHER_FILES;
    let needed = up.max_connections.saturating_add(own + outbound) as u64;
    let limit = getrlimit(Resource::Nofile);
    // No limit is no number.
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
mod tests {
    use super::*;
    use crate::config::{Cli, Command};
    use clap::Parser;

    fn up(flags: &[&str]) -> Up {
        let all = ["host-adapter", "up"].iter().chain(flags);
        let Command::Up(up) = Cli::try_parse_from(all).unwrap().command;
        *up
    }

    #[test]
    fn the_defaults_work() {
        flags(&up(&[])).unwrap();
        open_files(&up(&[]), 2).unwrap();
    }

    #[test]
    fn what_cannot_work_names_its_flag() {
        for (flag, value, reason) in [
            ("--threads", "0", "must be at least 1, not 0"),
            ("--threads", "5000", "must be at most 1024, not 5000"),
            ("--max-requests", "0", "must be at least 1, not 0"),
            ("--max-component-requests", "0", "must be at least 1, not 0"),
            ("--max-connections", "0", "must be at least 1, not 0"),
            (
                "--max-connections-per-address",
                "0",
                "must be at least 1, not 0",
            ),
            ("--max-body-bytes", "0", "must be at least 1, not 0"),
            (
                "--http1-max-buf-size",
                "100",
                "must be at least 8192, not 100",
            ),
            (
                "--max-instance-memory",
                "65536",
                "must be at least 1048576, not 65536",
            ),
            (
                "--header-read-timeout",
                "0",
                "must be from 1ms to 86400s, not 0ns",
            ),
            (
                "--body-read-timeout",
                "0ms",
                "must be from 1ms to 86400s, not 0ns",
            ),
            (
                "--request-timeout",
                "0",
                "must be from 1ms to 86400s, not 0ns",
            ),
            (
                "--request-timeout",
                "0..5",
                "must be from 1ms to 86400s, not 0ns",
            ),
            (
                "--request-cpu-time",
                "10us",
                "must be from 1ms to 86400s, not 10µs",
            ),
            (
                "--idle-instance-timeout",
                "100000",
                "must be from 1ms to 86400s, not 100000s",
            ),
            (
                "--drain-timeout",
                "100000",
                "must be from 1ms to 86400s, not 100000s",
            ),
        ] {
            let error = flags(&up(&[flag, value])).unwrap_err().to_string();
            assert_eq!(error, format!("command line: {flag}: {reason}"));
        }
        let error = open_files(&up(&["--max-connections", "4000000000"]), 2).unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("command line: --max-connections: 4000000000 connections need"),
            "{error}"
        );
        assert!(
            error.ends_with("raise `ulimit -n` or ask for fewer"),
            "{error}"
        );
    }
}
