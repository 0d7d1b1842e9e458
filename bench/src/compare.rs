//! Peers side by side: every workload is sent to each of them in turn, several times, so that disturbances on the
//! machine affect all of them. Figures are medians of the rounds; what counts is their ratio.

use crate::cpu::Cpu;
use crate::load::{self, Load, Pace};
use crate::outcome::{Outcome, PeerOutcome};
use crate::peer::{Kind, Peer};
use crate::sample::{Quantiles, Sample, per_second};
use crate::wire;
use crate::workload::Workload;
use crate::world::World;
use crate::wrk;
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// How a comparison is done.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Args {
    /// Who is compared; spin and wasmtime only where they are on PATH
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Host, Kind::Twin, Kind::HostCached, Kind::Spin, Kind::Wasmtime])]
    pub peers: Vec<Kind>,
    /// Another server that answers the same requests; may be given several times
    #[arg(long, value_name = "NAME=URL")]
    pub url: Vec<String>,
    /// Rounds of each peer
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Seconds of a round
    #[arg(long, default_value_t = 4)]
    pub seconds: u64,
    /// Connections of a closed loop
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Seconds of a round of the open loop, at half the host's rate; 0 leaves it out
    #[arg(long, default_value_t = 3)]
    pub open_seconds: u64,
}

impl Args {
    /// The settings of a check.
    pub fn short(&self) -> Args {
        Args {
            peers: vec![Kind::Host, Kind::Twin],
            url: Vec::new(),
            rounds: 3,
            seconds: 2,
            open_seconds: 0,
            ..self.clone()
        }
    }
}

/// Requests that can be sent only once are prepared for this rate. For a faster peer they run out, which is an error
/// because the measured rate would be wrong.
const ONCE_PER_SECOND: usize = 25_000;
/// Most requests a second that a generator on the same machine can send in the open loop.
const OPEN_RATE_MAX: f64 = 30_000.0;
/// Before the first round and at the start of each open loop, so that pools are filled and scripts loaded.
const WARM_UP: Duration = Duration::from_secs(1);

/// Compares the peers on each workload. `so_far` gets all outcomes after each workload, since the last ones take long
/// to come.
///
/// # Errors
/// Where a peer does not start. Once all others were compared: where a reply is wrong, or the databases hold less than
/// was answered.
pub fn run(
    args: &Args,
    workloads: &[Workload],
    mut so_far: impl FnMut(&[Outcome]) -> Result<()>,
) -> Result<Vec<Outcome>> {
    let mut world = World::new()?;
    let home = stack::Home::temporary()?;
    let mut peers = Vec::new();
    for kind in &args.peers {
        match Peer::start(*kind, &world, &home)? {
            Some(peer) => peers.push(peer),
            None => println!("  {} is not on PATH and is left out", kind.name()),
        }
    }
    for text in &args.url {
        peers.push(Peer::given(text)?);
    }
    for peer in peers.iter().filter(|peer| peer.takes(Workload::Order)) {
        world
            .serves(&peer.address)
            .with_context(|| peer.name.clone())?;
    }
    let mut outcomes = Vec::new();
    let mut failed = Ok(());
    for workload in workloads {
        match compare(args, *workload, &peers, &mut world) {
            Ok(outcome) => {
                outcome.print();
                outcomes.push(outcome);
                so_far(&outcomes)?;
            }
            Err(error) => {
                let error = error.context(workload.name());
                println!("{error:?}");
                failed = failed.and(Err(error));
            }
        }
    }
    failed.map(|()| outcomes)
}

fn compare(args: &Args, workload: Workload, peers: &[Peer], world: &mut World) -> Result<Outcome> {
    let peers: Vec<&Peer> = peers.iter().filter(|peer| peer.takes(workload)).collect();
    let mut samples: Vec<Vec<Sample>> = peers.iter().map(|_| Vec::new()).collect();
    for peer in &peers {
        round(args, workload, peer, world, WARM_UP)?;
    }
    for at in 0..args.rounds {
        // Each peer is first, second … equally often.
        for turn in 0..peers.len() {
            let which = (at + turn) % peers.len();
            let lasts = Duration::from_secs(args.seconds);
            samples[which].push(round(args, workload, peers[which], world, lasts)?);
        }
    }
    let mut outcome = Outcome {
        workload: workload.name(),
        open_rate: 0.0,
        peers: peers
            .iter()
            .zip(samples)
            .map(|(peer, samples)| PeerOutcome::of(&peer.name, samples))
            .collect(),
    };
    if args.open_seconds > 0 {
        open_loops(args, workload, &peers, world, &mut outcome)?;
    }
    Ok(outcome)
}

/// One measurement of one peer; counts in the databases what it wrote.
///
/// # Errors
/// Where a reply is wrong, or the databases hold less than was answered.
pub fn round(
    args: &Args,
    workload: Workload,
    peer: &Peer,
    world: &mut World,
    lasts: Duration,
) -> Result<Sample> {
    let count = lasts.as_secs() as usize * ONCE_PER_SECOND;
    let batch = workload.batch(world, count)?;
    let before_rows = workload.written(world)?;
    let processes = vec![
        ("server", peer.pid()),
        ("MariaDB", world.platform.mariadb.process.pid()),
        ("Redis", world.platform.redis.process.pid()),
    ];
    let before = Cpu::of(&processes);
    let seen = wrk::run(
        world.folder(),
        &peer.address,
        args.connections,
        lasts,
        &batch,
        workload.expect(),
    )
    .with_context(|| peer.name.clone())?;
    ensure!(
        batch.again || seen.good < batch.requests.len() as u64,
        "{}: {} requests were too few",
        peer.name,
        batch.requests.len()
    );
    let cpu = before.per(&Cpu::of(&processes), seen.good);
    let memory_bytes = peer.memory_bytes();
    if let (Some(before), Some(after)) = (before_rows, workload.written(world)?) {
        let written = (after - before) as f64;
        // The share of writes is off by at most the requests in flight at the end.
        let slack = args.connections as f64 + 1.0;
        let answered = seen.good as f64 * workload.writes_share();
        ensure!(
            written + slack >= answered,
            "{}: {answered} were answered, {written} are in the databases",
            peer.name
        );
    }
    Ok(Sample {
        rate: per_second(seen.good, seen.elapsed),
        latency: seen.latency,
        cpu,
        memory_bytes,
    })
}

/// The same rate for all: half of the host's. Peers take turns as in the closed loops, so that a moment of a slow disk
/// does not affect only one of them.
fn open_loops(
    args: &Args,
    workload: Workload,
    peers: &[&Peer],
    world: &mut World,
    outcome: &mut Outcome,
) -> Result<()> {
    let ours = Kind::Host.name();
    let base = outcome.peers.iter().find(|peer| peer.name == ours);
    let Some(peak) = base.or(outcome.peers.first()).map(|peer| peer.rate.middle) else {
        return Ok(());
    };
    let rate = (peak / 2.0).min(OPEN_RATE_MAX).floor().max(1.0);
    outcome.open_rate = rate;
    let holds: Vec<usize> = (0..peers.len())
        .filter(|which| outcome.peers[*which].rate.middle >= rate)
        .collect();
    let mut rounds: Vec<Vec<Quantiles>> = peers.iter().map(|_| Vec::new()).collect();
    for at in 0..args.rounds {
        for turn in 0..holds.len() {
            let which = holds[(at + turn) % holds.len()];
            rounds[which].push(open_loop(args, workload, peers[which], world, rate)?);
        }
    }
    for which in holds {
        outcome.peers[which].open = Some(Quantiles::medians(&rounds[which]));
    }
    Ok(())
}

/// One round at a fixed rate. Latency counts from when a request was due.
fn open_loop(
    args: &Args,
    workload: Workload,
    peer: &Peer,
    world: &mut World,
    rate: f64,
) -> Result<Quantiles> {
    let lasts = WARM_UP + Duration::from_secs(args.open_seconds);
    let batch = workload.batch(world, (rate * lasts.as_secs_f64()) as usize)?;
    let load = Load {
        address: &peer.address,
        connections: args.connections,
        pace: Pace::Open {
            per_second: rate as u32,
            warm_up: WARM_UP,
        },
        lasts,
    };
    let mut at = 0;
    let next = move || {
        at += 1;
        let wrapped = (at - 1) % batch.requests.len();
        (batch.again || at <= batch.requests.len()).then(|| batch.requests[wrapped].clone())
    };
    let expect = workload.expect();
    let judge = move |_: &[u8], reply: &wire::Reply<'_>| {
        let part = expect.part.as_bytes();
        reply.status == expect.status && reply.body.windows(part.len()).any(|window| window == part)
    };
    let seen = load::run(&load, next, judge)?;
    ensure!(seen.bad == 0, "{}: {} wrong replies", peer.name, seen.bad);
    let micros = |share| seen.latency.value_at_quantile(share);
    Ok(Quantiles {
        p50: micros(0.5),
        p99: micros(0.99),
        p999: micros(0.999),
    })
}
