//! Tests of `checks`.

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
    open_files(&up(&[]), &RuntimeConfig::default(), 2).unwrap();
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
    let defaults = RuntimeConfig::default();
    let many = up(&["--max-connections", "4000000000"]);
    let error = open_files(&many, &defaults, 2).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("command line: --max-connections: 4000000000 connections need"),
        "{error}"
    );
    assert!(
        error.ends_with("raise `ulimit -n` or ask for fewer"),
        "{error}"
    );
    let mut config = RuntimeConfig::default();
    config.outbound_mysql.max_connections = usize::MAX;
    assert!(open_files(&up(&[]), &config, 2).is_err());
}
