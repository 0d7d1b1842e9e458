//! Busy guests: how long each has kept its thread busy, and turns for those that do. One that has used up its tick goes
//! on only after its thread has been others' for as long, and of all busy guests of the thread one goes on at a time:
//! so others wait one tick, however many are busy.
//!
//! The engine's epochs pass by the clock on the wall, whoever runs. A guest that is met by one is not busy for that: it
//! may have begun to run just now, or its thread may have waited for a processor. The thread's own time decides.

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
    /// It has not rested yet.
    fresh: bool,
}

/// Whether a guest is running, and since when. Shared with those who see it stop and go on; all on one thread.
#[derive(Debug)]
pub struct Run {
    phase: AtomicU8,
    /// In ns of its thread's time; not asked for before it is of use, see [`UNKNOWN`].
    since: AtomicU64,
    /// See [`Run::rouse`].
    roused: AtomicBool,
}

/// It has run since the epoch before this, or for less: most guests rest before the next, and asking has its price.
const UNKNOWN: u64 = u64::MAX;

/// It runs, and did at the last epoch.
const RUNNING: u8 = 0;
/// It has waited for something since the last epoch.
const RESTED: u8 = 1;
/// It waits for its turn.
const PACED: u8 = 2;

/// What becomes of a guest that an epoch met.
#[derive(Debug, PartialEq, Eq)]
pub enum Met {
    /// It is not busy for long.
    GoOn,
    /// It had its tick.
    Wait,
    /// It had all that a request may have.
    Over,
}

impl Busy {
    /// Of a guest that begins to run.
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

    /// Begins anew, for another request.
    pub fn forget(&mut self) {
        self.used = Duration::ZERO;
    }

    /// Notes that an epoch met the guest, which may be busy for `max`. Where others are `waiting` for a turn, one that
    /// is new has no tick of its own before: many new ones would hold up their thread one after the other.
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
    /// Notes that the guest lets others run, unless it was made to.
    pub fn rests(&self) {
        let _ = self
            .phase
            .compare_exchange(RUNNING, RESTED, Relaxed, Relaxed);
    }

    /// Asks for one more look at what its requests have come to: the library sees to one of those that end at a time,
    /// and to the next when something else happens.
    pub fn rouse(&self) {
        self.roused.store(true, Relaxed);
    }

    /// Whether that was asked for since it was last looked at.
    pub fn is_roused(&self) -> bool {
        self.roused.load(Relaxed) && self.roused.swap(false, Relaxed)
    }

    /// Notes that it runs on from here.
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
    /// Queues up; the future ends when it is the turn of the guest of `run`.
    pub fn turn(self: &Arc<Self>, run: &Arc<Run>) -> impl Future<Output = ()> + Send + 'static {
        let (sender, turn) = oneshot::channel();
        let run = run.clone();
        self.lock().push_back(sender);
        self.joined.notify_one();
        async move {
            // An error means that the thread is stopping: nobody is left to wait for.
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
            // Whatever others ask for meanwhile takes several turns of theirs: with a tick before each, they would
            // crawl.
            tokio::time::sleep(limits::BUSY_TICK).await;
            self.give_one();
            // It runs now; the next pause begins when its thread is back.
            tokio::task::yield_now().await;
        }
    }

    fn give_one(&self) {
        let mut waiting = self.lock();
        while let Some(next) = waiting.pop_front() {
            // Otherwise it has gone meanwhile.
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
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    #[tokio::test]
    async fn busy_guests_take_turns_and_others_run_between_them() {
        let pacer = Arc::new(Pacer::default());
        let pacing = tokio::spawn(pacer.clone().run());
        let others = Arc::new(AtomicUsize::new(0));
        let counting = others.clone();
        let other = tokio::spawn(async move {
            loop {
                counting.fetch_add(1, Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let busy = (0..3).map(|_| {
            let (pacer, others) = (pacer.clone(), others.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    let before = others.load(Relaxed);
                    pacer.turn(Busy::begin().run()).await;
                    assert!(others.load(Relaxed) > before, "nobody else ran");
                }
            })
        });
        futures::future::try_join_all(busy).await.unwrap();
        pacing.abort();
        other.abort();
    }

    #[test]
    fn a_guest_is_busy_for_what_it_ran_without_a_rest() {
        const TICK: u64 = limits::BUSY_TICK.as_nanos() as u64;
        let max = 2 * limits::BUSY_TICK;
        let mut busy = Busy::begin();
        busy.run.rests();
        let met = |busy: &mut Busy, at: u64| busy.met_at(|| at, max, false);
        assert_eq!(met(&mut busy, 9 * TICK), Met::GoOn, "it began just now");
        assert_eq!(met(&mut busy, 9 * TICK), Met::GoOn, "it is asked for now");
        assert_eq!(met(&mut busy, 10 * TICK - 1), Met::GoOn, "no whole tick");
        busy.run.rests();
        assert_eq!(met(&mut busy, 20 * TICK), Met::GoOn, "it rested between");
        assert_eq!(met(&mut busy, 20 * TICK), Met::GoOn);
        assert_eq!(met(&mut busy, 21 * TICK), Met::Wait);
        busy.run.rests();
        busy.run.goes_on();
        busy.run.since.store(30 * TICK, Relaxed);
        assert_eq!(met(&mut busy, 31 * TICK), Met::Wait, "a turn is no rest");
        busy.run.goes_on();
        busy.run.since.store(40 * TICK, Relaxed);
        assert_eq!(met(&mut busy, 41 * TICK), Met::Over);
    }

    #[test]
    fn new_guests_queue_behind_those_that_wait() {
        const EPOCH: u64 = limits::EPOCH_TICK.as_nanos() as u64;
        let max = limits::BUSY_TICK;
        let met = |busy: &mut Busy, at, waiting| busy.met_at(|| at, max, waiting);
        let mut busy = Busy::begin();
        busy.run.since.store(0, Relaxed);
        assert_eq!(met(&mut busy, EPOCH, false), Met::GoOn);
        assert_eq!(met(&mut busy, EPOCH, true), Met::Wait);
        busy.run.goes_on();
        busy.run.rests();
        assert_eq!(met(&mut busy, 9 * EPOCH, true), Met::GoOn);
        assert_eq!(met(&mut busy, 9 * EPOCH, true), Met::GoOn);
        assert_eq!(met(&mut busy, 10 * EPOCH, true), Met::GoOn, "not new");
    }
}
