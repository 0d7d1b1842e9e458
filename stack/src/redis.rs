//! A private Redis with an append-only file, as the platform needs it: killed, it loses at most the last second.

use crate::clock::Clock;
use crate::home::Home;
use crate::port::free_port;
use crate::process::{Launch, Process};
use crate::program;
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// A running Redis server.
pub struct Redis {
    /// To pause, kill or restart it.
    pub process: Process,
    port: u16,
}

impl Redis {
    /// Starts one on `port` of 127.0.0.1, or on a free one, with its data in `home`.
    ///
    /// # Errors
    /// When `redis-server` is not installed or does not get ready.
    pub fn start(home: &Home, port: Option<u16>) -> Result<Self> {
        Self::start_by_clock(home, port, None)
    }

    /// The same, with its own wall clock.
    ///
    /// # Errors
    /// As `start`.
    pub fn start_by_clock(home: &Home, port: Option<u16>, clock: Option<&Clock>) -> Result<Self> {
        let port = port.map_or_else(free_port, Ok)?;
        let program = program::find("redis-server")?;
        let process = Launch::new(home, "redis", program)?
            .clock(clock)
            .args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--daemonize",
                "no",
            ])
            .args([
                "--appendonly",
                "yes",
                "--appendfsync",
                "everysec",
                "--save",
                "",
            ])
            .args(["--maxmemory-policy", "noeviction", "--databases", "64"])
            .ready(Duration::from_secs(30), move || ping(port))
            .start()?;
        Ok(Self { process, port })
    }

    /// `redis://127.0.0.1:PORT/0`.
    pub fn url(&self) -> String {
        self.url_of(0)
    }

    /// The URL of one of its 64 databases.
    pub fn url_of(&self, database: u8) -> String {
        format!("redis://127.0.0.1:{}/{database}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Sends a PING, which must be answered with PONG; while the server loads its file, that is an error.
pub(crate) fn ping(port: u16) -> Result<()> {
    let mut stream = connect(port)?;
    stream.write_all(b"PING\r\n")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer[..length]);
    ensure!(answer == "+PONG\r\n", "PING was answered with {answer:?}");
    Ok(())
}

/// A connection for a probe: connecting, reading and writing take a second each at most.
pub(crate) fn connect(port: u16) -> Result<TcpStream> {
    const WITHIN: Duration = Duration::from_secs(1);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, WITHIN)
        .with_context(|| format!("nothing answers on {address}"))?;
    stream.set_read_timeout(Some(WITHIN))?;
    stream.set_write_timeout(Some(WITHIN))?;
    Ok(stream)
}
