//! The time from a host's start to its first answer by a component, with compiled code cached on disk; and its memory
//! with every component loaded and many connections open.

use crate::compare::Args;
use crate::peer::{Kind, Peer};
use crate::report::Report;
use crate::sample::Median;
use crate::wire;
use crate::world::World;
use anyhow::{Context, Result, ensure};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

/// Starts measured for each peer.
const STARTS: usize = 11;
/// A start that takes longer has failed.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// Between two attempts; a figure may be too long by this much.
const STEP: Duration = Duration::from_micros(500);
/// Connections open while memory is measured.
const CONNECTIONS: usize = 1_000;
/// Idle connections held open.
const IDLE_CONNECTIONS: usize = 10_000;

/// Measures each peer in `args.peers`, except `Wasmtime` and `HostCached`.
///
/// # Errors
/// Where one does not answer.
pub fn run(args: &Args) -> Result<Report> {
    let world = World::new()?;
    let home = stack::Home::temporary()?;
    let mut report = Report {
        title: "Cold start, memory and idle connections".to_owned(),
        settings: vec![
            ("starts of each", STARTS.to_string()),
            ("compiled components", "on disk".to_owned()),
        ],
        rows: Vec::new(),
    };
    for kind in &args.peers {
        if matches!(kind, Kind::Wasmtime | Kind::HostCached) {
            continue;
        }
        let Some(peer) = Peer::start(*kind, &world, &home)? else {
            continue;
        };
        let name = kind.name();
        let starts = (0..STARTS)
            .map(|_| first_answer(&peer))
            .collect::<Result<Vec<_>>>()?;
        let times = Median::of(starts.iter().map(|time| time.as_secs_f64() * 1e3));
        let note = format!("{:.0} - {:.0} ms", times.low, times.high);
        report.row(
            format!("{name}: start to first answer"),
            times.middle,
            "ms",
            note,
        );
        let loaded = with_connections(&peer, &world)?;
        let note = format!("every component asked, {CONNECTIONS} connections that sent requests");
        report.row(
            format!("{name}: resident memory"),
            mebibytes(loaded),
            "MiB",
            note,
        );
        // The other peers are not configured for this many.
        if *kind == Kind::Host {
            idle(&peer, &world, &mut report)?;
        }
    }
    Ok(report)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn first_answer(peer: &Peer) -> Result<Duration> {
    let process = peer.process().context("not ours to start")?;
    process.kill();
    let begin = Instant::now();
    thread::scope(|scope| {
        let starting = scope.spawn(|| process.start());
        let answered = loop {
            if ask(&peer.address, "/noop").is_ok() {
                break begin.elapsed();
            }
            ensure!(
                begin.elapsed() < STARTED_WITHIN,
                "{} did not start",
                peer.name
            );
            thread::park_timeout(STEP);
        };
        match starting.join() {
            Ok(started) => started.map(|()| answered),
            Err(_) => Err(anyhow::anyhow!("starting {} panicked", peer.name)),
        }
    })
}

fn ask(address: &str, path: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address)?;
    send(&mut stream, path)
}

/// Sends a GET and reads the beginning of the reply, whatever its status.
fn send(stream: &mut TcpStream, path: &str) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&wire::get(path))?;
    let mut head = [0; 4_096];
    let read = stream.read(&mut head)?;
    ensure!(head[..read].starts_with(b"HTTP/1.1 "), "no reply");
    Ok(())
}

/// Memory after requests to every component and on many connections that stay open.
fn with_connections(peer: &Peer, world: &World) -> Result<u64> {
    for path in [
        "/v1/order/list?user_id=1",
        "/v1/order/create",
        "/v1/order/1/cancel",
        "/v1/order/1/pay",
        "/api/v1/products/1",
        "/api/v1/seckill/activities",
        "/api/v1/seckill/buy",
        "/api/v1/failures",
        "/api/v1/stats/orders",
        "/health",
        "/noop",
    ] {
        ask(&peer.address, path).context(path)?;
    }
    let (_, order) = world.hot_orders[0];
    let path = format!("/v1/order/{order}");
    let mut open = connect(&peer.address, CONNECTIONS)?;
    for stream in &mut open {
        send(stream, &path)?;
    }
    Ok(peer.memory_bytes())
}

fn connect(address: &str, count: usize) -> Result<Vec<TcpStream>> {
    (0..count)
        .map(|_| TcpStream::connect(address).context("a connection"))
        .collect()
}

/// The cost of many idle connections, and whether an answer takes longer beside them.
fn idle(peer: &Peer, world: &World, report: &mut Report) -> Result<()> {
    let (_, order) = world.hot_orders[0];
    let path = format!("/v1/order/{order}");
    let answer = |count: usize| -> Result<f64> {
        let mut stream = TcpStream::connect(&peer.address)?;
        stream.set_nodelay(true)?;
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begin = Instant::now();
            send(&mut stream, &path)?;
            times.push(begin.elapsed().as_secs_f64() * 1e6);
        }
        Ok(Median::of(times).middle)
    };
    const ASKED: usize = 2_000;
    let (before, alone) = (peer.memory_bytes(), answer(ASKED)?);
    let open = connect(&peer.address, IDLE_CONNECTIONS)?;
    let (after, beside) = (peer.memory_bytes(), answer(ASKED)?);
    drop(open);
    let name = &peer.name;
    let each = (after.saturating_sub(before)) as f64 / IDLE_CONNECTIONS as f64 / 1_024.0;
    let note = format!(
        "{IDLE_CONNECTIONS} of them, {:.0} MiB in all",
        mebibytes(after)
    );
    report.row(format!("{name}: an idle connection"), each, "KiB", note);
    let note = format!("p50 of one order, {alone:.0} µs without them");
    report.row(format!("{name}: an answer beside them"), beside, "µs", note);
    Ok(())
}
