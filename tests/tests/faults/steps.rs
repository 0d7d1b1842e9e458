//! The host and the relay are killed, or lose a reply, at each named step of theirs: a proxy before MySQL, Redis or
//! Kafka stops them there. Every request is repeated under its key, and then all of it must be as if nothing had
//! happened. `STEPS_ROUNDS` says how often each step is met; the gate meets each once (`cargo xtask soak steps`).

pub mod errand;
pub mod table;

use crate::{alone, audit, number};
use anyhow::{Context, Result, ensure};
use errand::{Errand, Shop, UNITS, Work};
use platform::client::Client;
use platform::sale::ORDINARY;
use platform::{Options, Platform, soon};
use stack::Process;
use stack::steps::{Action, Protocol, Step, Steps};
use std::thread;
use std::time::{Duration, Instant};
use table::{BLOCKS, BUS, Doors, HOST, RELAY, Request, STOCK};
use tests::topics::Listener;

pub const STEP_WITHIN: Duration = Duration::from_secs(40);

/// How often each step is met.
pub fn rounds() -> usize {
    number("STEPS_ROUNDS", 1)
}

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// The server never sees the request.
    KilledBefore,
    /// The server has done it, and its client does not see the reply.
    KilledAfter,
    /// The server has done it; the client sees its connection end and goes on.
    LostReply,
}

const BLOWS: [Blow; 3] = [Blow::KilledBefore, Blow::KilledAfter, Blow::LostReply];

impl Blow {
    fn action(self) -> Action {
        match self {
            Blow::KilledBefore => Action::HoldRequest,
            Blow::KilledAfter => Action::Hold,
            Blow::LostReply => Action::CutReply,
        }
    }

    /// Waits for the step and strikes; whether the victim has to be started again.
    fn strike(self, step: &Step, victim: &Process) -> Result<bool> {
        step.reached(STEP_WITHIN)?;
        if self == Blow::KilledAfter {
            step.answered(STEP_WITHIN)?;
        }
        if self != Blow::LostReply {
            victim.kill();
        }
        step.release();
        Ok(self != Blow::LostReply)
    }
}

/// A process behind proxies of its own.
pub struct Victim<'a> {
    pub process: Process,
    /// Of a host.
    pub api: Option<Client>,
    pub doors: Doors<'a>,
}

impl<'a> Victim<'a> {
    /// `Protocol` of MySQL decides whether its transactions are blocks.
    pub fn host(platform: &'a Platform, name: &str, mysql: Protocol) -> Result<Victim<'a>> {
        Self::start(platform, mysql, |own| {
            let (process, api) = platform.host_with(name, own)?;
            Ok((process, Some(api)))
        })
    }

    /// Beside the platform's own, where that was not stopped; its leases are as short as can be.
    pub fn relay(platform: &'a Platform, name: &str) -> Result<Victim<'a>> {
        Self::start(platform, Protocol::MySql, |own| {
            let own = [own, &[("RELAY_LEASE_MS", "10000")]].concat();
            Ok((platform.relay_with(name, &own)?, None))
        })
    }

    fn start(
        platform: &'a Platform,
        mysql: Protocol,
        start: impl FnOnce(&[(&'static str, &str)]) -> Result<(Process, Option<Client>)>,
    ) -> Result<Victim<'a>> {
        let doors = Doors {
            mysql: Steps::before(platform.mariadb.port(), mysql)?,
            redis: Steps::before(platform.redis.port(), Protocol::Redis)?,
            kafka: platform.kafka_steps.as_ref(),
        };
        let [shards, inventory] = platform.databases_through(doors.mysql.port());
        let redis = platform.redis_through(doors.redis.port());
        let own = [&shards, &inventory, &redis].map(|(name, value)| (*name, value.as_str()));
        let (process, api) = start(&own)?;
        Ok(Victim {
            process,
            api,
            doors,
        })
    }

    /// One blow at one step; what was asked for then, to be finished later.
    fn meet<'s>(
        &self,
        shop: &'s Shop<'s>,
        (work, request): (Work, Request),
        blow: Blow,
    ) -> Result<Errand<'s>> {
        let errand = Errand::new(shop, work)?;
        let step = self.doors.arm(request, blow.action());
        let step = step.context("no such server here")?;
        let killed = thread::scope(|scope| {
            let api = self.api.as_ref().unwrap_or(&shop.platform.api);
            // Whatever it is answered: the repeat says what came of it.
            let request = scope.spawn(|| errand.send(api).map(drop));
            let struck = blow.strike(&step, &self.process);
            step.release();
            let sent = request.join().expect("no panic");
            if self.api.is_none() {
                sent?;
            }
            struck
        })?;
        errand.let_time_pass()?;
        if killed {
            self.process.start()?;
        }
        audit::never_wrong(shop.platform)?;
        ensure!(self.process.ended().is_none(), "it ended by itself");
        Ok(errand)
    }

    /// Every blow at each of these steps, so often. What was asked for in a round is repeated at its end: later, a
    /// token would have expired.
    fn campaign<'s>(
        &self,
        shop: &'s Shop<'s>,
        steps: &[(Work, Request)],
        rounds: usize,
    ) -> Result<Vec<Errand<'s>>> {
        let mut all = Vec::new();
        for round in 0..rounds {
            let mut errands = Vec::new();
            for step in steps {
                for blow in BLOWS {
                    let began = Instant::now();
                    let case = || format!("{blow:?} at {step:?}, round {round}");
                    let errand = self.meet(shop, *step, blow).with_context(case)?;
                    println!("{}: {} ms", case(), began.elapsed().as_millis());
                    errands.push(errand);
                }
            }
            finish(&mut errands)?;
            all.append(&mut errands);
        }
        Ok(all)
    }
}

/// Repeats what is not done, all at once: each may have to wait for its key to be taken over.
pub fn finish(errands: &mut [Errand<'_>]) -> Result<()> {
    const THREADS: usize = 16;
    let share = errands.len().div_ceil(THREADS).max(1);
    thread::scope(|scope| {
        let threads: Vec<_> = errands
            .chunks_mut(share)
            .map(|some| scope.spawn(|| some.iter_mut().try_for_each(Errand::finish)))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().expect("no panic"))
    })
}

/// What all of it must have come to.
pub fn hold(shop: &Shop<'_>, errands: &[Errand<'_>], relays: &[&Process]) -> Result<()> {
    let platform = shop.platform;
    for errand in errands {
        soon("the end of what the relay does by itself", || {
            errand.is_over()
        })?;
    }
    audit::rests(platform)?;
    audit::never_wrong(platform)?;
    errands.iter().try_for_each(Errand::hold)?;
    let table = platform.reconcile()?;
    let units = i64::from(UNITS);
    audit::exact(platform, shop.redis, units)?;
    audit::exact(platform, shop.database, units)?;
    audit::exact(platform, shop.sale.product, units + i64::from(ORDINARY))?;
    for relay in relays {
        audit::nothing_odd(platform, relay)?;
    }
    println!("{} requests\n{table}", errands.len());
    Ok(())
}

#[test]
fn of_a_host_and_of_stock() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options::default())?;
    let shop = Shop::open(&platform)?;
    // The bus is in the relay: there is one.
    platform.relay.stop()?;
    let host = |name, protocol| Victim::host(&platform, name, protocol);
    let by_statements = host("victim-by-statements", Protocol::MySqlWithoutBlocks)?;
    let by_blocks = host("victim-by-blocks", Protocol::MySql)?;
    let relay = Victim::relay(&platform, "victim-relay")?;
    let errands = thread::scope(|scope| {
        let of_host = scope.spawn(|| {
            let mut all = by_statements.campaign(&shop, &HOST, rounds())?;
            all.extend(by_blocks.campaign(&shop, &BLOCKS, rounds())?);
            anyhow::Ok(all)
        });
        let of_relay = relay.campaign(&shop, &STOCK, rounds());
        let mut all = of_host.join().expect("no panic")?;
        all.extend(of_relay?);
        anyhow::Ok(all)
    })?;
    hold(&shop, &errands, &[&relay.process])
}

#[test]
fn of_a_relay_with_kafka() -> Result<()> {
    let _alone = alone();
    let platform = Platform::start(Options {
        kafka_steps: true,
        ..Options::default()
    })?;
    let shop = Shop::open(&platform)?;
    let listener = Listener::start(&platform)?;
    platform.relay.stop()?;
    let relay = Victim::relay(&platform, "victim-relay")?;
    let mut errands = relay.campaign(&shop, &RELAY, rounds())?;
    errands.extend(relay.campaign(&shop, &BUS, rounds())?);
    // A killed member's partitions are somebody's again after ten seconds: once is enough, and too much for the gate,
    // where the bus is in the relay.
    if rounds() > 1 {
        errands.extend(relay.campaign(&shop, &STOCK, 1)?);
    }
    hold(&shop, &errands, &[&relay.process])?;
    let orders = audit::order_ids(&platform)?;
    listener.wait_for_orders("order.created", &orders, STEP_WITHIN)
}
