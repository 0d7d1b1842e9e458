//! One attack beside honest clients on a host process, and what must hold meanwhile and afterwards: every honest
//! request is answered well and soon, memory is bounded, and the host comes to rest.

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

/// How long the honest clients are alone with the host first.
const QUIET: Duration = Duration::from_millis(600);
/// The honest clients' slowest hundredth may take so many times what it took then, and always so long: on two cores,
/// which attackers and databases share, thousands of connections at once take the kernel alone a part of that.
const SLOWER_MAX: u32 = 10;
const P99_FLOOR: Duration = Duration::from_millis(1_000);
/// Memory of the host process.
const MEMORY_MB_MAX: u64 = 400;
/// An attack that takes more is ended, for the sake of the machine.
const RUNAWAY_MB: u64 = 1_500;
/// "At once" after an attack.
const AT_ONCE: Duration = Duration::from_secs(1);
/// How long work that the attack left may go on, by default.
pub const REST_WITHIN: Duration = Duration::from_secs(10);

/// What an attack is aimed at. It ends by itself when its time is over, and lets go of its connections.
#[derive(Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    pub until: Instant,
}

impl Target {
    pub fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Until the time is over.
    pub async fn hold(&self) {
        until(self.until).await;
    }
}

/// Waits for a moment of the attack's plan.
pub async fn until(moment: Instant) {
    let never = std::future::pending::<()>();
    let _ = tokio::time::timeout_at(moment.into(), never).await;
}

/// A host under siege.
pub struct Siege<'a> {
    pub process: &'a Process,
    pub metrics: &'a Client,
    pub port: u16,
    /// The honest clients, each time anew.
    pub honest: &'a dyn Fn() -> Vec<Turn>,
    /// How long the host may take to come to rest.
    pub rest_within: Duration,
}

/// How long an attack lasts; `ATTACK_SECONDS` says otherwise.
pub fn attack_lasts() -> Duration {
    const SECONDS: f64 = 2.0;
    const SECONDS_MAX: f64 = 3600.0;
    let said = std::env::var("ATTACK_SECONDS").ok();
    let seconds = said.and_then(|text| text.parse::<f64>().ok());
    Duration::from_secs_f64(seconds.unwrap_or(SECONDS).clamp(0.5, SECONDS_MAX))
}

impl Siege<'_> {
    /// Runs an attack, which fails where it was not answered as it must be.
    ///
    /// # Panics
    /// With everything that did not hold.
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

    /// The attack, on a thread that leaves the processors to those who would not share them with an attacker; ended
    /// early where the host grows without end.
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

/// Work that no request in flight stands for: then nothing bounds it.
#[derive(Default)]
struct Uncounted {
    since: Option<Instant>,
}

impl Uncounted {
    /// An idle instance is let go after a second; this leaves it some more.
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

/// Whatever becomes of an attack, the honest clients have its time to notice.
async fn in_full(target: Target, attack: impl Future<Output = Result<()>>) -> Result<()> {
    let outcome = attack.await;
    target.hold().await;
    outcome
}

/// Ends the attack where the host takes all memory. Returns with the attack.
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
