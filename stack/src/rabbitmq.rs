//! A private RabbitMQ with a user and a random password that stays in its folder. The node has its own name server
//! (epmd) and cookie, listens on 127.0.0.1 only, and reads none of the machine's configuration; no plugin is loaded.

use crate::home::{Home, write_private};
use crate::password::password;
use crate::port::free_port;
use crate::process::{Launch, Process};
use crate::program;
use crate::redis::connect;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

const USER: &str = "flashorder";
/// The real server script: the one on PATH requires the system's user and folders.
const SCRIPT: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// Bytes of the largest message that a node takes.
const MESSAGE_BYTES_MAX: u32 = 16_777_216;

/// A running RabbitMQ node.
pub struct RabbitMq {
    /// To pause, kill or restart it.
    pub process: Process,
    port: u16,
    password: String,
    /// The name server of Erlang nodes; outlives the node, as on any machine.
    _names: Process,
}

impl RabbitMq {
    /// Starts one on `port` of 127.0.0.1, or on a free one, with its data in `home`.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or does not get ready.
    pub fn start(home: &Home, port: Option<u16>) -> Result<Self> {
        Self::start_taking(home, port, MESSAGE_BYTES_MAX)
    }

    /// As [`Self::start`]; the node takes no message with more bytes.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_taking(home: &Home, port: Option<u16>, bytes_max: u32) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        ensure!(Path::new(SCRIPT).is_file(), "RabbitMQ is not installed");
        let dir = home.dir("rabbitmq")?;
        let password = password(&dir.join("password"))?;
        write_private(
            &dir.join("rabbitmq.conf"),
            &settings(port, &password, bytes_max),
        )?;
        fs::write(dir.join("enabled_plugins"), "[].\n")?;
        let names_port = free_port()?;
        let names = Launch::new(home, "rabbitmq-names", program::find("epmd")?)?
            .args(["-address", "127.0.0.1", "-port", &names_port.to_string()])
            .ready(Duration::from_secs(10), move || {
                connect(names_port).map(drop)
            })
            .start()?;
        let process = environment(Launch::new(home, "rabbitmq", SCRIPT)?, &dir, names_port)?
            .ready(Duration::from_secs(60), move || greeting(port))
            .start()?;
        Ok(Self {
            process,
            port,
            password,
            _names: names,
        })
    }

    /// `amqp://USER:PASSWORD@127.0.0.1:PORT/%2f`. A secret: not to be printed.
    pub fn url(&self) -> String {
        format!(
            "amqp://{USER}:{}@127.0.0.1:{}/%2f",
            self.password, self.port
        )
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn settings(port: u16, password: &str, bytes_max: u32) -> String {
    format!(
        "listeners.tcp.default = 127.0.0.1:{port}\n\
         default_user = {USER}\n\
         default_pass = {password}\n\
         log.console = true\n\
         log.console.level = warning\n\
         disk_free_limit.absolute = 50MB\n\
         vm_memory_high_watermark.absolute = 256MB\n\
         max_message_size = {bytes_max}\n"
    )
}

fn environment(launch: Launch, dir: &Path, names_port: u16) -> Result<Launch> {
    let launch = [
        // Erlang keeps its cookie there, and creates a missing one.
        ("HOME", "."),
        ("RABBITMQ_CONFIG_FILE", "rabbitmq"),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced"),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
        ("RABBITMQ_MNESIA_BASE", "data"),
        ("RABBITMQ_LOG_BASE", "log"),
    ]
    .into_iter()
    .fold(launch, |launch, (key, name)| {
        launch.env(key, dir.join(name))
    });
    Ok(launch
        .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
        .env("RABBITMQ_NODENAME", "flashorder@localhost")
        .env("RABBITMQ_DIST_PORT", free_port()?.to_string())
        .env("RABBITMQ_LOGS", "-")
        .env("ERL_EPMD_PORT", names_port.to_string())
        .env("ERL_EPMD_ADDRESS", "127.0.0.1")
        .env("ERL_MAX_PORTS", "1024")
        // Small, and without busy waiting.
        .env(
            "RABBITMQ_SERVER_ERL_ARGS",
            "+S 2:2 +P 65536 +sbwt none +sbwtdcpu none +sbwtdio none",
        )
        .env(
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            "-kernel inet_dist_use_interface {127,0,0,1}",
        )
        // The script then becomes the node, instead of staying its parent.
        .env("RUNNING_UNDER_SYSTEMD", "true"))
}

/// Sends the protocol header; the answer is a method frame of channel 0: `connection.start`.
fn greeting(port: u16) -> Result<()> {
    const HELLO: [u8; 8] = *b"AMQP\0\0\x09\x01";
    const START: [u8; 4] = [0, 10, 0, 10];
    let mut stream = connect(port)?;
    stream.write_all(&HELLO)?;
    let mut frame = [0; 11];
    stream.read_exact(&mut frame).context("no greeting yet")?;
    ensure!(
        frame[..3] == [1, 0, 0] && frame[7..] == START,
        "the greeting is not a RabbitMQ server's"
    );
    Ok(())
}
