//! Load on one address from one thread: a closed loop for throughput, an open loop at a fixed rate for latency. In the
//! open loop latency counts from when a request was due, so that a stall also counts for the requests that it delays.

use crate::wire::{Connection, Reply};
use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// Each connection sends its next request after the reply to the last.
    Closed,
    /// A fixed number of requests a second, whatever the replies do. Latencies during the warm-up are not recorded: a
    /// round starts on all connections at once, with a server that has removed its idle instances.
    Open { per_second: u32, warm_up: Duration },
}

/// One measurement.
pub struct Load<'a> {
    /// `host:port`
    pub address: &'a str,
    pub connections: usize,
    pub pace: Pace,
    pub lasts: Duration,
}

/// Results of a measurement.
#[derive(Clone, Debug)]
pub struct Seen {
    pub elapsed: Duration,
    /// Replies that `judge` accepted.
    pub good: u64,
    /// Replies that it did not accept, and connections that broke.
    pub bad: u64,
    /// Of good replies, in microseconds.
    pub latency: Histogram<u64>,
}

impl Seen {
    /// Good replies a second.
    pub fn rate(&self) -> f64 {
        self.good as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency in milliseconds that this share of the good replies did not exceed.
    pub fn quantile_ms(&self, share: f64) -> f64 {
        self.latency.value_at_quantile(share) as f64 / 1_000.0
    }
}

/// Sends the requests of `next` until the time is over or there are no more; `judge` decides whether a reply is good.
///
/// # Errors
/// Where no connection can be opened at the start.
pub fn run(
    load: &Load<'_>,
    next: impl FnMut() -> Option<Vec<u8>> + 'static,
    judge: impl FnMut(&[u8], &Reply<'_>) -> bool + 'static,
) -> Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let latency = Histogram::new_with_bounds(1, 60_000_000, 3).context("a histogram")?;
    let shared = Rc::new(Shared {
        next: RefCell::new(Box::new(next)),
        judge: RefCell::new(Box::new(judge)),
        latency: RefCell::new(latency),
        good: Cell::new(0),
        bad: Cell::new(0),
        due: Cell::new(0),
        begin: Cell::new(Instant::now()),
        pace: load.pace,
        lasts: load.lasts,
    });
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let mut connections = Vec::with_capacity(load.connections);
        for _ in 0..load.connections {
            connections.push(Connection::open(load.address).await?);
        }
        shared.begin.set(Instant::now());
        let tasks: Vec<_> = connections
            .into_iter()
            .map(|connection| {
                let (shared, address) = (shared.clone(), load.address.to_owned());
                tokio::task::spawn_local(async move { shared.drive(connection, &address).await })
            })
            .collect();
        for task in tasks {
            task.await?;
        }
        anyhow::Ok(())
    })?;
    Ok(Seen {
        elapsed: shared.begin.get().elapsed(),
        good: shared.good.get(),
        bad: shared.bad.get(),
        latency: shared.latency.borrow().clone(),
    })
}

type Next = Box<dyn FnMut() -> Option<Vec<u8>>>;
type Judge = Box<dyn FnMut(&[u8], &Reply<'_>) -> bool>;

struct Shared {
    next: RefCell<Next>,
    judge: RefCell<Judge>,
    latency: RefCell<Histogram<u64>>,
    good: Cell<u64>,
    bad: Cell<u64>,
    /// Number of requests started in the open loop.
    due: Cell<u64>,
    begin: Cell<Instant>,
    pace: Pace,
    lasts: Duration,
}

impl Shared {
    async fn drive(&self, mut connection: Connection, address: &str) {
        while let Some(since) = self.turn().await {
            let request = (self.next.borrow_mut())();
            let Some(request) = request else {
                return;
            };
            match connection.send(&request).await {
                Ok(reply) if (self.judge.borrow_mut())(&request, &reply) => {
                    self.good.set(self.good.get() + 1);
                    if since.duration_since(self.begin.get()) >= self.warm_up() {
                        let micros = since.elapsed().as_micros() as u64;
                        self.latency.borrow_mut().saturating_record(micros.max(1));
                    }
                }
                Ok(_) => self.bad.set(self.bad.get() + 1),
                Err(_) => {
                    self.bad.set(self.bad.get() + 1);
                    match Connection::open(address).await {
                        Ok(fresh) => connection = fresh,
                        Err(_) => return,
                    }
                }
            }
        }
    }

    fn warm_up(&self) -> Duration {
        match self.pace {
            Pace::Closed => Duration::ZERO,
            Pace::Open { warm_up, .. } => warm_up,
        }
    }

    /// Waits until the next request is due; that moment, or `None` at the end.
    async fn turn(&self) -> Option<Instant> {
        let begin = self.begin.get();
        let due = match self.pace {
            Pace::Closed => Instant::now(),
            Pace::Open { per_second, .. } => {
                let at = self.due.get();
                self.due.set(at + 1);
                begin + Duration::from_secs_f64(at as f64 / f64::from(per_second))
            }
        };
        if due.duration_since(begin) >= self.lasts {
            return None;
        }
        if due > Instant::now() {
            tokio::time::sleep_until(due.into()).await;
        }
        Some(due)
    }
}
