//! A real Kafka: one process that is broker and controller (KRaft), small enough for a laptop.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::home::Home;
use crate::jars;
use crate::port::free_port;
use crate::process::{Launch, Process};
use crate::redis::connect;

/// Any 16 bytes in base64: the brokers of one cluster must agree on it, and here is one.
const CLUSTER_ID: &str = "Zmxhc2hvcmRlci1sb2NhbA";
/// A short-lived program on a small machine: start quickly, stay small.
pub(crate) const JVM: [&str; 6] = [
    "-Xms64m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
];

/// A running Kafka broker.
pub struct Kafka {
    /// To pause, kill or restart it.
    pub process: Process,
    port: u16,
}

impl Kafka {
    /// Starts one on `port` of 127.0.0.1, or on a free one, with its data in `home`. Its jars are
    /// fetched the first time.
    ///
    /// # Errors
    /// When Java or Maven is missing, or it does not get ready.
    pub fn start(home: &Home, port: Option<u16>) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        let (java, jars) = (jars::java()?, jars::kafka()?);
        let classes = format!("{}/*", jars.display());
        let dir = home.dir("kafka")?;
        let properties = dir.join("server.properties");
        fs::write(&properties, configuration(port, free_port()?, &dir))?;
        if !dir.join("data/meta.properties").exists() {
            format(&java, &classes, &properties)?;
        }
        let process = Launch::new(home, "kafka", java)?
            .args(JVM)
            .args(["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
            .args([
                "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-cp",
                &classes,
                "kafka.Kafka",
            ])
            .args([&properties])
            .ready(Duration::from_secs(60), move || one_broker(port))
            .start()?;
        Ok(Self { process, port })
    }

    /// `127.0.0.1:PORT`, what clients call the bootstrap servers.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

fn configuration(port: u16, controller: u16, dir: &Path) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n\
         num.partitions=4\n\
         default.replication.factor=1\n\
         min.insync.replicas=1\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         group.initial.rebalance.delay.ms=0\n\
         num.network.threads=2\n\
         num.io.threads=2\n\
         background.threads=2\n\
         num.recovery.threads.per.data.dir=1\n\
         log.cleaner.dedupe.buffer.size=4194304\n\
         log.segment.bytes=16777216\n\
         broker.heartbeat.interval.ms=500\n\
         broker.session.timeout.ms=3000\n",
        dir.join("data").display()
    )
}

/// Gives the data folder its identity, once.
fn format(java: &Path, classes: &str, properties: &Path) -> Result<()> {
    let output = Command::new(java)
        .args(JVM)
        .args([
            "-cp",
            classes,
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER_ID,
            "-c",
        ])
        .arg(properties)
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        bail!(
            "Kafka's storage cannot be made:\n{}",
            String::from_utf8_lossy(&said).trim()
        );
    }
    Ok(())
}

/// Asks for the metadata of no topic (API 3, version 1): its answer lists the brokers, and the
/// broker lists itself only once the controller lets it serve.
fn one_broker(port: u16) -> Result<()> {
    const REQUEST: [u8; 18] = [0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, 7, 0xff, 0xff, 0, 0, 0, 0];
    const ANSWER_MAX: usize = 4096;
    let mut stream = connect(port)?;
    stream.write_all(&REQUEST)?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).context("no answer yet")?;
    let length = usize::try_from(u32::from_be_bytes(head))?;
    ensure!(
        (8..=ANSWER_MAX).contains(&length),
        "an answer of {length} bytes is not Kafka's"
    );
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer)?;
    // The request's number (4 bytes), then the count of brokers.
    ensure!(
        answer[..4] == REQUEST[8..12],
        "the answer is not to this request"
    );
    ensure!(
        answer[4..8] == [0, 0, 0, 1],
        "the broker is not registered yet"
    );
    Ok(())
}
