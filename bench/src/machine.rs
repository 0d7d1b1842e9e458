//! The machine that figures were measured on: cores, memory, versions.

use std::fs;
use std::process::Command;
use std::thread;

/// Name and value of everything that a reader needs to judge a figure.
pub fn facts() -> Vec<(&'static str, String)> {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    vec![
        ("cores", cores.to_string()),
        ("processor", field("/proc/cpuinfo", "model name")),
        ("memory", field("/proc/meminfo", "MemTotal")),
        ("MariaDB", first_line("mariadbd", "--version")),
        ("Redis", first_line("redis-server", "--version")),
    ]
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(|| "?".to_owned(), |(_, value)| value.trim().to_owned())
}

fn first_line(program: &str, flag: &str) -> String {
    let output = Command::new(program).arg(flag).output();
    let text = output.map_or_else(
        |_| "?".into(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    );
    // Local paths mean nothing to a reader.
    let line = text.lines().next().unwrap_or_default();
    line.rsplit('/').next().unwrap_or(line).trim().to_owned()
}
