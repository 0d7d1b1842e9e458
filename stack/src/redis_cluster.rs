//! A private Redis Cluster of three masters without replicas: the slots of a killed one are away, the others are
//! served.

use crate::home::Home;
use crate::port::free_port;
use crate::process::{Launch, Process};
use crate::program;
use crate::redis::{connect, ping};
use crate::wait::wait_ok;
use anyhow::{Context, Result, bail, ensure};
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

const SLOTS: [RangeInclusive<u16>; 3] = [0..=5460, 5461..=10922, 10923..=16383];
const FORMED_WITHIN: Duration = Duration::from_secs(30);

/// A running cluster.
pub struct RedisCluster {
    /// Its masters.
    pub masters: [Master; 3],
}

/// One of the three.
pub struct Master {
    /// To pause, kill or restart it.
    pub process: Process,
    /// The slots it serves.
    pub slots: RangeInclusive<u16>,
    port: u16,
    /// The port of the cluster bus.
    bus: u16,
}

impl RedisCluster {
    /// Starts three servers on free ports of 127.0.0.1 with their data in `home`, and makes them a cluster.
    ///
    /// # Errors
    /// When `redis-server` is not installed, or the cluster is not complete in time.
    pub fn start(home: &Home) -> Result<Self> {
        let [a, b, c] = SLOTS;
        let cluster = Self {
            masters: [
                Master::start(home, 1, a)?,
                Master::start(home, 2, b)?,
                Master::start(home, 3, c)?,
            ],
        };
        let meets: Vec<String> = cluster
            .masters
            .iter()
            .skip(1)
            .map(|other| format!("CLUSTER MEET 127.0.0.1 {} {}", other.port, other.bus))
            .collect();
        for meet in meets {
            ask(cluster.masters[0].port, &meet)?;
        }
        cluster.wait_whole()?;
        Ok(cluster)
    }

    /// `redis://127.0.0.1:PORT` of each master; a client finds the others from any.
    pub fn urls(&self) -> [String; 3] {
        self.masters.each_ref().map(Master::url)
    }

    /// Waits until every master sees three, and all slots served: after the start, or after a killed one was restarted.
    ///
    /// # Errors
    /// After half a minute, with the answer of one of them.
    pub fn wait_whole(&self) -> Result<()> {
        wait_ok(FORMED_WITHIN, "a whole cluster", || {
            self.masters.iter().try_for_each(Master::sees_all)
        })
    }
}

impl Master {
    fn start(home: &Home, number: u16, slots: RangeInclusive<u16>) -> Result<Self> {
        let (port, bus) = (free_port()?, free_port()?);
        let program = program::find("redis-server")?;
        let (port_text, bus_text) = (port.to_string(), bus.to_string());
        let process = Launch::new(home, &format!("redis-{number}"), program)?
            .args(["--port", &port_text, "--bind", "127.0.0.1"])
            .args(["--cluster-enabled", "yes", "--cluster-port", &bus_text])
            .args(["--cluster-node-timeout", "2000"])
            // A slot that is away does not affect the others.
            .args(["--cluster-require-full-coverage", "no"])
            .args(["--appendonly", "yes", "--appendfsync", "everysec"])
            .args(["--save", "", "--maxmemory-policy", "noeviction"])
            .ready(Duration::from_secs(30), move || ping(port))
            .start()?;
        // A new server has no slots: with distinct epochs the masters have no conflict later.
        if ask(port, "CLUSTER INFO")?.contains("cluster_slots_assigned:0\r\n") {
            ask(port, &format!("CLUSTER SET-CONFIG-EPOCH {number}"))?;
            let range = format!("CLUSTER ADDSLOTSRANGE {} {}", slots.start(), slots.end());
            ask(port, &range)?;
        }
        Ok(Self {
            process,
            slots,
            port,
            bus,
        })
    }

    /// `redis://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    fn sees_all(&self) -> Result<()> {
        const WHOLE: [&str; 3] = [
            "cluster_state:ok",
            "cluster_slots_ok:16384",
            "cluster_known_nodes:3",
        ];
        let info = ask(self.port, "CLUSTER INFO")?;
        for line in WHOLE {
            ensure!(info.lines().any(|have| have == line), "not {line}:\n{info}");
        }
        Ok(())
    }
}

/// Sends an inline command whose answer is a status or a text.
fn ask(port: u16, command: &str) -> Result<String> {
    const ANSWER_MAX: u64 = 64 << 10;
    let mut stream = connect(port)?;
    write!(stream, "{command}\r\n")?;
    let mut answer = BufReader::new(stream.take(ANSWER_MAX));
    let mut head = String::new();
    answer.read_line(&mut head)?;
    match head.trim_end().split_at_checked(1) {
        Some(("+", status)) => Ok(status.to_owned()),
        Some(("$", length)) => {
            let mut text = vec![0; length.parse().context("an odd answer")?];
            answer.read_exact(&mut text)?;
            Ok(String::from_utf8(text)?)
        }
        _ => bail!("{command} was answered with {head:?}"),
    }
}
