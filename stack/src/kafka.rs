//! A real Kafka, small enough for a laptop: one process that is broker and controller (KRaft), or some brokers with a
//! separate controller, so that tests can stop brokers one by one.

use crate::home::Home;
use crate::jars;
use crate::port::free_port;
use crate::process::{Launch, Process};
use crate::redis::connect;
use crate::wait::wait_ok;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const START_MAX: Duration = Duration::from_secs(60);
/// Any 16 bytes in base64, the same for all brokers of a cluster.
const CLUSTER_ID: &str = "Zmxhc2hvcmRlci1sb2NhbA";
/// Options for a short-lived program on a small machine: start quickly, stay small.
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

/// The role and the addresses of one process of a cluster.
struct Node {
    id: u16,
    roles: &'static str,
    /// The port for clients; `None` for a controller.
    port: Option<u16>,
    /// The port that it advertises to clients, if another.
    advertised: Option<u16>,
    controller: (u16, u16),
}

impl Kafka {
    /// Starts one on `port` of 127.0.0.1, or on a free one, with its data in `home`. Its jars are downloaded the first
    /// time.
    ///
    /// # Errors
    /// When Java or Maven is missing, or it does not get ready.
    pub fn start(home: &Home, port: Option<u16>) -> Result<Self> {
        Self::start_behind(home, port, None)
    }

    /// The same, behind a proxy on the port `advertised`.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_behind(home: &Home, port: Option<u16>, advertised: Option<u16>) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        let node = Node {
            id: 1,
            roles: "broker,controller",
            port: Some(port),
            advertised,
            controller: (1, free_port()?),
        };
        let ready = move || registered(port, 1);
        let process = launch(home, "kafka", &node)?
            .ready(START_MAX, ready)
            .start()?;
        Ok(Self { process, port })
    }

    /// The bootstrap server: `127.0.0.1:PORT`.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

/// Brokers that share the partitions of each topic, without replicas, and a controller that outlives them.
pub struct KafkaCluster {
    pub brokers: Vec<Kafka>,
    _controller: Process,
}

impl KafkaCluster {
    /// # Errors
    /// As `Kafka::start`.
    pub fn start(home: &Home, count: u16) -> Result<Self> {
        let controller = (1_000, free_port()?);
        let head = Node {
            id: controller.0,
            roles: "controller",
            port: None,
            advertised: None,
            controller,
        };
        let listens = move || connect(controller.1).map(|_| ());
        let head = launch(home, "kafka-controller", &head)?
            .ready(START_MAX, listens)
            .start()?;
        let mut brokers = Vec::new();
        for id in 1..=count {
            let port = free_port()?;
            let node = Node {
                id,
                roles: "broker",
                port: Some(port),
                advertised: None,
                controller,
            };
            // A broker that restarts sees the others or itself.
            let ready = move || registered(port, 1);
            let process = launch(home, &format!("kafka-{id}"), &node)?
                .ready(START_MAX, ready)
                .start()?;
            brokers.push(Kafka { process, port });
        }
        let last = brokers.last().map_or(0, |broker| broker.port);
        wait_ok(START_MAX, "all Kafka brokers", || {
            registered(last, usize::from(count))
        })?;
        Ok(Self {
            brokers,
            _controller: head,
        })
    }

    /// The bootstrap servers: all brokers, comma-separated.
    pub fn bootstrap(&self) -> String {
        let all: Vec<String> = self.brokers.iter().map(Kafka::brokers).collect();
        all.join(",")
    }
}

fn launch(home: &Home, name: &str, node: &Node) -> Result<Launch> {
    let (java, jars) = (jars::java()?, jars::kafka()?);
    let classes = format!("{}/*", jars.display());
    let dir = home.dir(name)?;
    let properties = dir.join("server.properties");
    fs::write(&properties, configuration(node, &dir))?;
    if !dir.join("data/meta.properties").exists() {
        format(&java, &classes, &properties)?;
    }
    let launch = Launch::new(home, name, java)?
        .args(JVM)
        .args(["-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"])
        .args([
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-cp",
            &classes,
            "kafka.Kafka",
        ])
        .args([&properties]);
    Ok(launch)
}

fn configuration(node: &Node, dir: &Path) -> String {
    let (head, controller) = node.controller;
    let inner = format!("CONTROLLER://127.0.0.1:{controller}");
    let outer = node
        .port
        .map(|port| format!("PLAINTEXT://127.0.0.1:{port}"));
    let listeners: Vec<&str> = [outer.as_deref(), (node.id == head).then_some(&*inner)]
        .into_iter()
        .flatten()
        .collect();
    let for_clients = node.advertised.or(node.port).map_or(String::new(), |port| {
        format!("advertised.listeners=PLAINTEXT://127.0.0.1:{port}\ninter.broker.listener.name=PLAINTEXT\n")
    });
    format!(
        "process.roles={}\n\
         node.id={}\n\
         controller.quorum.voters={head}@127.0.0.1:{controller}\n\
         listeners={}\n\
         {for_clients}\
         controller.listener.names=CONTROLLER\n\
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
        node.roles,
        node.id,
        listeners.join(","),
        dir.join("data").display()
    )
}

/// Formats the data folder, once.
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

/// Asks for the metadata of no topic (API 3, version 1): the answer lists the brokers, and a broker lists itself only
/// once the controller has registered it.
fn registered(port: u16, brokers: usize) -> Result<()> {
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
    // The correlation id (4 bytes), then the number of brokers.
    ensure!(
        answer[..4] == REQUEST[8..12],
        "the answer is not to this request"
    );
    let count = u32::from_be_bytes([answer[4], answer[5], answer[6], answer[7]]);
    ensure!(
        usize::try_from(count)? >= brokers,
        "{count} of {brokers} brokers are registered yet"
    );
    Ok(())
}
