//! How the cost of an order grows with the number of orders and of shards: two platforms side by side, a small one and
//! a large one, measured in turn.

use crate::compare::{self, Args};
use crate::peer::{Kind, Peer};
use crate::report::Report;
use crate::sample::Median;
use crate::sample::shown;
use crate::workload::Workload;
use crate::world::{BUFFER_POOL_BYTES, Size, World};
use anyhow::{Context, Result};
use std::time::Duration;

/// What is compared with what.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Growth {
    /// Orders in MySQL, the first of which the others are compared with
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000, 10_000_000])]
    growth_orders: Vec<u64>,
    /// Order shards, the first of which the others are compared with
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8])]
    growth_shards: Vec<u64>,
}

const ASKED: [Workload; 3] = [Workload::OrderUncached, Workload::List, Workload::Create];
/// The shortest possible: in one round, each order of a small platform is read from MySQL at most once.
const ROUND: Duration = Duration::from_secs(1);
/// Orders on the platforms that differ in shards.
const ORDERS: u64 = 100_000;

/// Measures both kinds of growth.
///
/// # Errors
/// Where a platform does not start or a reply is wrong.
pub fn run(args: &Args, growth: &Growth) -> Result<Report> {
    let mut report = Report {
        title: "Growth".to_owned(),
        settings: vec![
            ("rounds of each, in turn", turns(args).to_string()),
            ("seconds of a round", ROUND.as_secs().to_string()),
            ("connections", args.connections.to_string()),
            (
                "InnoDB buffer pool",
                format!("{} MiB", BUFFER_POOL_BYTES >> 20),
            ),
        ],
        rows: Vec::new(),
    };
    let orders: Vec<Size> = growth
        .growth_orders
        .iter()
        .map(|orders| Size {
            orders: *orders,
            shards: 2,
        })
        .collect();
    pairs(args, &orders, &mut report, |size| {
        format!("{} orders", shown(size.orders as f64))
    })?;
    let shards: Vec<Size> = growth
        .growth_shards
        .iter()
        .map(|shards| Size {
            orders: ORDERS,
            shards: *shards,
        })
        .collect();
    pairs(args, &shards, &mut report, |size| {
        format!("{} shards", size.shards)
    })?;
    Ok(report)
}

fn turns(args: &Args) -> usize {
    args.rounds * args.seconds as usize
}

fn pairs(
    args: &Args,
    sizes: &[Size],
    report: &mut Report,
    name: impl Fn(&Size) -> String,
) -> Result<()> {
    let Some((first, others)) = sizes.split_first() else {
        return Ok(());
    };
    for other in others {
        let mut sides = [Side::start(*first)?, Side::start(*other)?];
        for workload in ASKED {
            let mut rates = [Vec::new(), Vec::new()];
            for side in &mut sides {
                side.round(args, workload)?;
            }
            for at in 0..turns(args) {
                for turn in 0..2 {
                    let which = (at + turn) % 2;
                    rates[which].push(sides[which].round(args, workload)?);
                }
            }
            let [small, large] = rates.map(|rates| Median::of(rates).middle);
            let note = format!(
                "of the rate with {}: {} against {}/s",
                name(first),
                shown(large),
                shown(small)
            );
            report.row(
                format!("{}, {}", workload.name(), name(other)),
                large / small,
                "",
                note,
            );
        }
    }
    Ok(())
}

/// One of two platforms with its host.
struct Side {
    peer: Peer,
    world: World,
    _home: stack::Home,
}

impl Side {
    fn start(size: Size) -> Result<Side> {
        let world = World::of(size)?;
        let home = stack::Home::temporary()?;
        let peer = Peer::start(Kind::Host, &world, &home)?.context("no host")?;
        Ok(Side {
            peer,
            world,
            _home: home,
        })
    }

    fn round(&mut self, args: &Args, workload: Workload) -> Result<f64> {
        let sample = compare::round(args, workload, &self.peer, &mut self.world, ROUND)?;
        Ok(sample.rate)
    }
}
