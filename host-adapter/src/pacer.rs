//! Busy guests: how long each has kept its thread busy, and turns for those that do. A guest that has used up its tick
//! goes on only after others have had the thread for as long, and only one busy guest of a thread goes on at a time: so
//! others wait one tick, however many are busy.
//!
//! The engine's epochs pass by wall-clock time, whoever runs. A guest that runs at an epoch need not be busy: it may
//! have begun just before, or its thread may have waited for a processor. The thread's CPU time decides.

use crate::limits;
use rustix::time::{ClockId, clock_gettime};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// How long a guest has kept its thread busy for one request.
#[derive(Debug)]
pub struct Busy {
    run: Arc<Run>,
    used: Duration,
    /// It has not rested since it was made.
    fresh: bool,
}

/// Whether a guest is running, and since when. Shared with the code that sees it stop and go on; all on one thread.
#[derive(Debug)]
pub struct Run {
    phase: AtomicU8,
    /// In ns of its thread's CPU time, which is read only when needed, see [`UNKNOWN`].
    since: AtomicU64,
    /// See [`Run::rouse`].
    roused: AtomicBool,
}

/// In place of a time: the guest began to run within the last epoch, and the time was not read, which has a price. Most
/// guests rest before the next epoch.
const UNKNOWN: u64 = u64::MAX;

/// The guest runs, and has not rested since the last epoch.
const RUNNING: u8 = 0;
/// The guest has waited for something since the last epoch.
const RESTED: u8 = 1;
/// The guest waits for its turn.
const PACED: u8 = 2;

/// What happens to a guest that runs at an epoch.
#[derive(Debug, PartialEq, Eq)]
pub enum Met {
    /// It has not used up its tick.
    GoOn,
    /// It has used up its tick, and waits for its turn.
    Wait,
    /// It has used up the CPU time of a request.
    Over,
}

impl Busy {
    /// The state of a guest that begins to run.
    pub fn begin() -> Self {
        Self {
            run: Arc::new(Run {
                phase: AtomicU8::new(RUNNING),
                since: AtomicU64::new(thread_time()),
                roused: AtomicBool::new(false),
            }),
            used: Duration::ZERO,
            fresh: true,
        }
    }

    /// See [`Run`].
    pub fn run(&self) -> &Arc<Run> {
        &self.run
    }

    /// Resets the time used, for another request.
    pub fn forget(&mut self) {
        self.used = Duration::ZERO;
    }

    /// Notes that the guest, which may be busy for `max`, runs at an epoch. Where others are `waiting` for a turn, a
    /// new guest's first tick is only an epoch long: many new ones would hold up their thread one after the other.
    pub fn met(&mut self, max: Duration, waiting: bool) -> Met {
        self.met_at(thread_time, max, waiting)
    }

    fn met_at(&mut self, now: impl FnOnce() -> u64, max: Duration, waiting: bool) -> Met {
        if self.run.phase.swap(RUNNING, Relaxed) != RUNNING {
            self.fresh = false;
            self.run.since.store(UNKNOWN, Relaxed);
            return Met::GoOn;
        }
        let (now, since) = (now(), self.run.since.load(Relaxed));
        if since == UNKNOWN {
            self.run.since.store(now, Relaxed);
            return Met::GoOn;
        }
        let ran = Duration::from_nanos(now.saturating_sub(since));
        let tick = match self.fresh && waiting {
            true => limits::EPOCH_TICK,
            false => limits::BUSY_TICK,
        };
        if ran < tick {
            return Met::GoOn;
        }
        self.used += ran;
        if self.used > max {
            return Met::Over;
        }
        self.run.since.store(now, Relaxed);
        self.run.phase.store(PACED, Relaxed);
        Met::Wait
    }
}

impl Run {
    /// Notes that the guest lets others run by itself; does nothing where it waits for its turn.
    pub fn rests(&self) {
        let _ = self
            .phase
            .compare_exchange(RUNNING, RESTED, Relaxed, Relaxed);
    }

    /// Asks for one more poll of its instance: the library handles only one of the requests that have ended at a time,
    /// and the next when something else happens.
    pub fn rouse(&self) {
        self.roused.store(true, Relaxed);
    }

    /// Whether that was asked for since the last call.
    pub fn is_roused(&self) -> bool {
        self.roused.load(Relaxed) && self.roused.swap(false, Relaxed)
    }

    /// Notes that the guest runs on from here.
    pub fn goes_on(&self) {
        self.since.store(thread_time(), Relaxed);
        self.phase.store(RUNNING, Relaxed);
    }
}

fn thread_time() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The turns of one thread.
#[derive(Debug, Default)]
pub struct Pacer {
    waiting: Mutex<VecDeque<oneshot::Sender<()>>>,
    joined: Notify,
}

impl Pacer {
    /// Queues the guest of `run`; the future ends when it has its turn.
    pub fn turn(self: &Arc<Self>, run: &Arc<Run>) -> impl Future<Output = ()> + Send + 'static {
        let (sender, turn) = oneshot::channel();
        let run = run.clone();
        self.lock().push_back(sender);
        self.joined.notify_one();
        async move {
            // An error means that the thread is stopping, and there are no turns any more.
            let _ = turn.await;
            run.goes_on();
        }
    }

    /// Whether a guest waits for its turn.
    pub fn is_waited_for(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Gives turns for as long as the thread runs.
    pub async fn run(self: Arc<Self>) {
        loop {
            if self.lock().is_empty() {
                self.joined.notified().await;
                continue;
            }
            // Others get the thread for a whole tick: their work takes several polls, and a busy guest between each two
            // would make them crawl.
            tokio::time::sleep(limits::BUSY_TICK).await;
            self.give_one();
            // The guest runs here; the next pause begins when it has given the thread back.
            tokio::task::yield_now().await;
        }
    }

    fn give_one(&self) {
        let mut waiting = self.lock();
        while let Some(next) = waiting.pop_front() {
            // An error means that the guest has gone meanwhile.
            if next.send(()).is_ok() {
                break;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<oneshot::Sender<()>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
