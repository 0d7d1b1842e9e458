//! What can be seen of a host process from outside: its memory, and the gauges that must come to rest.

use anyhow::{Context, Result, ensure};
use platform::client::Client;
use std::fs;

/// Gauges that are 0 on a host with nothing to do. Connections are checked apart: a client may keep one.
const AT_REST: [&str; 5] = [
    IN_FLIGHT,
    INSTANCES,
    "db_connections_in_use",
    "db_connection_waiters",
    "redis_commands_in_flight",
];
/// Client connections open.
pub const CONNECTIONS: &str = "http_connections_open";

/// Requests in flight.
pub const IN_FLIGHT: &str = "http_requests_in_flight";
/// Component instances alive.
pub const INSTANCES: &str = "wasm_instances";

/// The memory of a process, in MB.
#[derive(Clone, Copy)]
pub struct Memory(pub u32);

impl Memory {
    /// Resets the peak.
    pub fn forget_peak(self) {
        // Where that is not allowed, the peak includes what came before.
        let _ = fs::write(format!("/proc/{}/clear_refs", self.0), "5");
    }

    pub fn now(self) -> Result<u64> {
        self.read("VmRSS:")
    }

    pub fn peak(self) -> Result<u64> {
        self.read("VmHWM:")
    }

    fn read(self, name: &str) -> Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.0))
            .context("the host is no longer there")?;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next());
        let kilobytes: u64 = kilobytes.context("the host has ended")?.parse()?;
        Ok(kilobytes / 1024)
    }
}

/// The metrics' text at one moment.
pub struct Metrics(String);

impl Metrics {
    pub fn of(client: &Client) -> Result<Metrics> {
        Ok(Metrics(client.get("/metrics")?.expect(200)?.text))
    }

    /// The sum of a metric over all its labels.
    pub fn sum(&self, name: &str) -> f64 {
        let values = self.0.lines().filter_map(|line| {
            let (labels, value) = line.strip_prefix(name)?.rsplit_once(' ')?;
            let is_whole = labels.is_empty() || labels.starts_with('{');
            is_whole.then(|| value.parse::<f64>().ok())?
        });
        values.sum()
    }

    /// Fails unless all gauges are at rest and no more than `connections` are open.
    pub fn rest(&self, connections: f64) -> Result<()> {
        let open = self.sum(CONNECTIONS);
        ensure!(open <= connections, "{CONNECTIONS} {open}");
        for name in AT_REST {
            let value = self.sum(name);
            ensure!(value == 0.0, "{name} {value}");
        }
        Ok(())
    }
}
