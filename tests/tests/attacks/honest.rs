//! Clients who mean well, and what they get. Each asks at fixed times, and its latency counts from when a request was
//! due: a stall is not hidden by the requests it holds up.

use anyhow::Result;
use platform::client::Client;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Between two requests of one client.
const PACE: Duration = Duration::from_millis(40);
/// Failures that are told in full.
const TOLD_MAX: usize = 5;

/// One client: the request of its turn, whose reply must be right.
pub type Turn = Box<dyn FnMut(u64) -> Result<()> + Send>;

/// Some who keep their connection, and some who do not.
pub fn clients(base: &str, make: impl Fn(Client) -> Turn) -> Vec<Turn> {
    const KEPT: usize = 5;
    const UNKEPT: usize = 2;
    let kept = (0..KEPT).map(|_| make(Client::new(base)));
    let unkept = (0..UNKEPT).map(|_| make(Client::unkept(base)));
    kept.chain(unkept).collect()
}

/// What the clients of a measurement got.
#[derive(Debug, Default)]
pub struct Figures {
    pub requests: usize,
    pub failed: usize,
    /// The first of them, in words.
    pub failures: Vec<String>,
    /// The slowest hundredth of the good replies began here.
    pub p99: Duration,
    pub slowest: Duration,
}

/// Lets the clients ask while `meanwhile` runs.
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
        let told = clients.into_iter().filter_map(|client| client.join().ok());
        (given, Figures::of(told.collect()))
    })
}

#[derive(Default)]
struct Told {
    latencies: Vec<Duration>,
    failures: Vec<String>,
}

fn ask(mut turn: Turn, first: Instant, end: &End) -> Told {
    let mut told = Told::default();
    for number in 0_u32.. {
        let due = first + PACE * number;
        if end.is_here_by(due) {
            break;
        }
        match turn(number.into()) {
            Ok(()) => told.latencies.push(due.elapsed()),
            Err(error) => told.failures.push(format!("{error:#}")),
        }
    }
    told
}

impl Figures {
    fn of(told: Vec<Told>) -> Figures {
        let mut figures = Figures::default();
        let mut latencies = Vec::new();
        for mut client in told {
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

/// The end of a measurement, which all clients wait for between their requests.
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

    /// Waits for it until `due`.
    fn is_here_by(&self, due: Instant) -> bool {
        let is_here = self.is_here.lock().unwrap_or_else(PoisonError::into_inner);
        let left = due.saturating_duration_since(Instant::now());
        let waited = self
            .changed
            .wait_timeout_while(is_here, left, |is_here| !*is_here);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
