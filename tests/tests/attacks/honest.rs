//! Well-behaved clients and what they measure. Each sends requests at fixed times, and latency counts from when a
//! request was due: a stall also counts for the requests that it delays.

use anyhow::Result;
use platform::client::Client;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two requests of one client. Long enough that on a slow machine, whose cores are all busy with the attack,
/// one is answered before the next is due: otherwise what is measured is how long the attack lasts.
const PACE: Duration = Duration::from_millis(120);
/// Failures that are reported in full.
const TOLD_MAX: usize = 5;

/// One client: sends the request with this number and checks the reply.
pub type Turn = Box<dyn FnMut(u64) -> Result<()> + Send>;

/// Some clients keep their connection, others open one for each request.
pub fn clients(base: &str, make: impl Fn(Client) -> Turn) -> Vec<Turn> {
    const KEPT: usize = 5;
    const UNKEPT: usize = 2;
    let kept = (0..KEPT).map(|_| make(Client::new(base)));
    let unkept = (0..UNKEPT).map(|_| make(Client::unkept(base)));
    kept.chain(unkept).collect()
}

/// Results of all clients of a measurement.
#[derive(Debug, Default)]
pub struct Figures {
    pub requests: usize,
    pub failed: usize,
    /// The texts of the first failures.
    pub failures: Vec<String>,
    /// The 99th percentile of the good replies' latency.
    pub p99: Duration,
    pub slowest: Duration,
}

/// Runs the clients while `meanwhile` runs.
pub fn measure<T>(turns: Vec<Turn>, meanwhile: impl FnOnce() -> T) -> (T, Figures) {
    let end = End::default();
    let count = turns.len().max(1) as u32;
    thread::scope(|scope| {
        let clients: Vec<_> = (0..)
            .zip(turns)
            .map(|(index, turn)| {
                let first = Instant::now() + PACE * index / count;
                let end = &end;
                scope.spawn(move || ask(turn, first, end))
            })
            .collect();
        let given = meanwhile();
        end.come();
        let outcomes = clients.into_iter().filter_map(|client| client.join().ok());
        (given, Figures::of(outcomes.collect()))
    })
}

#[derive(Default)]
struct Told {
    latencies: Vec<Duration>,
    failures: Vec<String>,
}

fn ask(mut turn: Turn, first: Instant, end: &End) -> Told {
    let mut outcome = Told::default();
    for number in 0_u32.. {
        let due = first + PACE * number;
        if end.is_here_by(due) {
            break;
        }
        match turn(number.into()) {
            Ok(()) => outcome.latencies.push(due.elapsed()),
            Err(error) => outcome.failures.push(format!("{error:#}")),
        }
    }
    outcome
}

impl Figures {
    fn of(outcomes: Vec<Told>) -> Figures {
        let mut figures = Figures::default();
        let mut latencies = Vec::new();
        for mut client in outcomes {
            figures.failed += client.failures.len();
            latencies.append(&mut client.latencies);
            figures.failures.append(&mut client.failures);
        }
        figures.failures.truncate(TOLD_MAX);
        figures.requests = latencies.len() + figures.failed;
        latencies.sort_unstable();
        let rank = latencies.len().saturating_sub(1 + latencies.len() / 100);
        figures.p99 = latencies.get(rank).copied().unwrap_or_default();
        figures.slowest = latencies.last().copied().unwrap_or_default();
        figures
    }
}

/// The end of a measurement; clients wait for it between their requests.
#[derive(Default)]
struct End {
    is_here: Mutex<bool>,
    changed: Condvar,
}

impl End {
    fn come(&self) {
        *self.is_here.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Waits for the end until `due`; whether it has come.
    fn is_here_by(&self, due: Instant) -> bool {
        let is_here = self.is_here.lock().unwrap_or_else(PoisonError::into_inner);
        let left = due.saturating_duration_since(Instant::now());
        let waited = self
            .changed
            .wait_timeout_while(is_here, left, |is_here| !*is_here);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
