//! Host and relay are killed, or lose a reply, at each of their named steps: a proxy before MySQL, Redis or Kafka stops
//! them there. Every request is repeated with its key, and afterwards everything must be as if nothing had happened.
//! `STEPS_ROUNDS` sets the number of rounds (`cargo xtask soak steps`); the gate runs a short form, in which each step
//! meets one of the faults.

pub mod errand;
mod goods;
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

/// How often each step meets every fault; 0 in the short form, where it meets one of them.
pub fn rounds() -> usize {
    number("STEPS_ROUNDS", 0)
}

/// Every step with the faults that it meets in a round.
fn faults(steps: &[(Work, Request)], is_short: bool) -> Vec<(Work, Request, Blow)> {
    let mut all = Vec::new();
    for (number, (work, request)) in steps.iter().enumerate() {
        let first = number % BLOWS.len();
        let blows = match is_short {
            true => &BLOWS[first..=first],
            false => &BLOWS[..],
        };
        all.extend(blows.iter().map(|blow| (*work, *request, *blow)));
    }
    all
}

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// The server never receives the request.
    KilledBefore,
    /// The server has executed the request; its client is killed before it receives the reply.
    KilledAfter,
    /// The server has executed the request; the client's connection is cut before the reply, and it goes on.
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

    /// Waits for the step and carries out the fault; whether the victim has to be started again.
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

/// A process behind its own proxies.
pub struct Victim<'a> {
    pub process: Process,
    /// `None` for a relay.
    pub api: Option<Client>,
    pub doors: Doors<'a>,
}

impl<'a> Victim<'a> {
    /// Whether its transactions are blocks depends on `mysql`.
    pub fn host(platform: &'a Platform, name: &str, mysql: Protocol) -> Result<Victim<'a>> {
        Self::start(platform, mysql, |own| {
            let (process, api) = platform.host_with(name, own)?;
            Ok((process, Some(api)))
        })
    }

    /// Runs beside the platform's own relay, unless that was stopped; with the shortest leases.
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

    /// Carries out one fault at one step; returns the request, to be finished later.
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
            // The reply does not matter: the repeat shows the outcome.
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

    /// Faults at each of these steps, in each round. The requests of a round are finished at its end, before
    /// tokens can expire.
    fn campaign<'s>(
        &self,
        shop: &'s Shop<'s>,
        steps: &[(Work, Request)],
        rounds: usize,
    ) -> Result<Vec<Errand<'s>>> {
        let mut all = Vec::new();
        for round in 0..rounds.max(1) {
            let mut errands = Vec::new();
            for (work, request, blow) in faults(steps, rounds == 0) {
                let began = Instant::now();
                let case = || format!("{blow:?} at {work:?}, {request:?}, round {round}");
                let errand = self.meet(shop, (work, request), blow).with_context(case)?;
                println!("{}: {} ms", case(), began.elapsed().as_millis());
                errands.push(errand);
            }
            finish(&mut errands)?;
            all.append(&mut errands);
        }
        Ok(all)
    }
}

/// Finishes all requests concurrently: each may have to wait for its key to be taken over.
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

/// What must hold at the end.
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
    // The embedded broker is in this relay; only one may run.
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
    // A killed consumer's partitions are reassigned after ten seconds: once is enough for a campaign and too slow for
    // the gate, which tests these steps with the embedded broker.
    if rounds() > 0 {
        errands.extend(relay.campaign(&shop, &STOCK, 1)?);
    }
    hold(&shop, &errands, &[&relay.process])?;
    let orders = audit::order_ids(&platform)?;
    listener.wait_for_orders("order.created", &orders, STEP_WITHIN)
}
