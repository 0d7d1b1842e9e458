//! One attack on a host process beside honest clients, and what must hold meanwhile and afterwards: every honest
//! request is answered correctly and soon, memory is bounded, and the host comes to rest.

use crate::honest::{self, Figures, Turn};
use crate::vitals::{CONNECTIONS, IN_FLIGHT, INSTANCES, Memory, Metrics};
use anyhow::{Context, Result, ensure};
use platform::client::Client;
use stack::{Process, wait_for, wait_ok};
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long the honest clients run before the attack, to measure a baseline.
const QUIET: Duration = Duration::from_millis(600);
/// Under attack the honest clients' 99th percentile may be this many times the baseline, and always as long as the
/// floor below: on two slow cores shared with attackers and databases, the kernel alone needs part of that for
/// thousands of connections, and a burst of long pages half of it.
const SLOWER_MAX: u32 = 10;
const P99_FLOOR: Duration = Duration::from_millis(2_000);
/// Most memory the host process may take.
const MEMORY_MB_MAX: u64 = 400;
/// An attack that makes the host take more is ended, to protect the machine.
const RUNAWAY_MB: u64 = 1_500;
/// How soon the host must answer after an attack.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long work that the attack left may go on, by default.
pub const REST_WITHIN: Duration = Duration::from_secs(10);

/// Target of an attack. The attack ends by itself when its time is over, and closes its connections.
#[derive(Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    pub until: Instant,
}

impl Target {
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Waits until the time is over.
    pub async fn hold(&self) {
        until(self.until).await;
    }
}

/// Waits until this moment.
pub async fn until(moment: Instant) {
    let never = std::future::pending::<()>();
    let _ = tokio::time::timeout_at(moment.into(), never).await;
}

/// A host under siege.
pub struct Siege<'a> {
    pub process: &'a Process,
    pub metrics: &'a Client,
    pub port: u16,
    /// Makes the honest clients, once for each measurement.
    pub honest: &'a dyn Fn() -> Vec<Turn>,
    /// How long the host may take to come to rest.
    pub rest_within: Duration,
}

/// How long an attack lasts: `ATTACK_SECONDS`, or a default.
pub fn attack_lasts() -> Duration {
    const SECONDS: f64 = 2.0;
    const SECONDS_MAX: f64 = 3600.0;
    let said = std::env::var("ATTACK_SECONDS").ok();
    let seconds = said.and_then(|text| text.parse::<f64>().ok());
    Duration::from_secs_f64(seconds.unwrap_or(SECONDS).clamp(0.5, SECONDS_MAX))
}

impl Siege<'_> {
    /// Runs an attack; an answer that the attack does not accept fails it too.
    ///
    /// # Panics
    /// With a list of everything that did not hold.
    pub fn run<F>(&self, attack: impl FnOnce(Target) -> F + Send)
    where
        F: Future<Output = Result<()>>,
    {
        let wrong = self.observe(attack);
        let wrong = wrong.unwrap_or_else(|error| vec![format!("{error:#}")]);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn observe<F>(&self, attack: impl FnOnce(Target) -> F + Send) -> Result<Vec<String>>
    where
        F: Future<Output = Result<()>>,
    {
        let memory = Memory(self.process.pid().context("the host has ended")?);
        let connections = Metrics::of(self.metrics)?.sum(CONNECTIONS);
        let idle = || wait_for(QUIET, "the end of the quiet time", || false);
        let (_, quiet) = honest::measure((self.honest)(), idle);
        memory.forget_peak();
        let begin = memory.now()?;
        let (outcome, besieged) = honest::measure((self.honest)(), || self.assault(memory, attack));
        let mut wrong = Vec::new();
        wrong.extend(outcome.err().map(|error| format!("the attack: {error:#}")));
        judge(&quiet, &besieged, &mut wrong);
        let peak = memory.peak().unwrap_or(0);
        if peak >= MEMORY_MB_MAX {
            wrong.push(format!("the host took {peak} MB"));
        }
        wrong.extend(self.aftermath(connections).err().map(|e| format!("{e:#}")));
        println!(
            "{}: {} honest requests, p99 {:?} (quiet {:?}), slowest {:?}, {begin} to {peak} MB",
            thread::current().name().unwrap_or_default(),
            besieged.requests,
            besieged.p99,
            quiet.p99,
            besieged.slowest,
        );
        Ok(wrong)
    }

    /// Runs the attack on a thread of low priority, and ends it early where the host's memory grows without bound.
    fn assault<F>(&self, memory: Memory, attack: impl FnOnce(Target) -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>>,
    {
        let target = Target {
            address: (Ipv4Addr::LOCALHOST, self.port).into(),
            until: Instant::now() + attack_lasts(),
        };
        let enough = Arc::new(Notify::new());
        thread::scope(|scope| {
            let stop = enough.clone();
            let attacker = scope.spawn(move || {
                stack::give_way()?;
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let outcome = runtime.block_on(async {
                    tokio::select! {
                        outcome = in_full(target, attack(target)) => outcome,
                        () = stop.notified() => anyhow::bail!("ended early, at {RUNAWAY_MB} MB"),
                    }
                });
                runtime.shutdown_background();
                outcome
            });
            watch(memory, &attacker, &enough);
            attacker
                .join()
                .unwrap_or_else(|_| anyhow::bail!("it panicked"))
        })
    }

    /// What must hold when the attack is over.
    fn aftermath(&self, connections: f64) -> Result<()> {
        let asked = Instant::now();
        let fresh = Client::unkept(format!("http://127.0.0.1:{}", self.port));
        fresh.get("/.well-known/spin/health")?.expect(200)?;
        let took = asked.elapsed();
        ensure!(took <= AT_ONCE, "afterwards the host answered in {took:?}");
        let mut uncounted = Uncounted::default();
        wait_ok(self.rest_within, "the host at rest", || {
            let metrics = Metrics::of(self.metrics)?;
            if let Err(wrong) = uncounted.look(&metrics) {
                return Ok(Err(wrong));
            }
            metrics.rest(connections).map(Ok)
        })?
    }
}

fn judge(quiet: &Figures, besieged: &Figures, wrong: &mut Vec<String>) {
    if quiet.failed > 0 || quiet.requests == 0 {
        wrong.push(format!("before the attack: {quiet:?}"));
    }
    if besieged.failed > 0 || besieged.requests == 0 {
        wrong.push(format!(
            "honest clients: {} of {} failed: {:#?}",
            besieged.failed, besieged.requests, besieged.failures
        ));
    }
    let allowed = (quiet.p99 * SLOWER_MAX).max(P99_FLOOR);
    if besieged.p99 > allowed {
        wrong.push(format!(
            "honest clients: p99 {:?} (slowest {:?}) where {allowed:?} is allowed, quiet {:?}",
            besieged.p99, besieged.slowest, quiet.p99
        ));
    }
}

/// Instances that work while no request is in flight: such work is not bounded by anything.
#[derive(Default)]
struct Uncounted {
    since: Option<Instant>,
}

impl Uncounted {
    /// An idle instance is removed after a second; this allows for some more.
    const IDLE_MAX: Duration = Duration::from_millis(2_500);

    fn look(&mut self, metrics: &Metrics) -> Result<()> {
        let instances = metrics.sum(INSTANCES);
        if metrics.sum(IN_FLIGHT) > 0.0 || instances == 0.0 {
            self.since = None;
            return Ok(());
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        ensure!(
            since.elapsed() <= Self::IDLE_MAX,
            "{instances} instances work on, and no request is in flight"
        );
        Ok(())
    }
}

/// Lasts as long as the attack was planned, even where it ends early, so that the honest clients are measured for all
/// of that time.
async fn in_full(target: Target, attack: impl Future<Output = Result<()>>) -> Result<()> {
    let outcome = attack.await;
    target.hold().await;
    outcome
}

/// Ends the attack where the host takes too much memory. Returns when the attack has ended.
fn watch<T>(memory: Memory, attacker: &ScopedJoinHandle<'_, T>, enough: &Notify) {
    const LOOK_EVERY: Duration = Duration::from_millis(50);
    while !attacker.is_finished() {
        let over = || attacker.is_finished();
        if wait_for(LOOK_EVERY, "the attack", over).is_err()
            && memory.now().is_ok_and(|now| now > RUNAWAY_MB)
        {
            enough.notify_one();
        }
    }
}
