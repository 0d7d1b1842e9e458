//! `cargo xtask bench`: figures of the platform, each taken in one run with the settings it was taken under beside it.
//! Load comes from the same machine, over plain sockets; what it counts is checked against the databases afterwards.

mod check;
mod compare;
mod cpu;
mod load;
mod machine;
mod outcome;
mod peer;
mod plot;
mod report;
mod sample;
mod seckill;
mod seed;
mod wire;
mod workload;
mod world;
mod wrk;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use std::path::PathBuf;
use workload::Workload;

/// Measures the platform; writes tables, JSON and plots.
#[derive(Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct Args {
    /// What to measure: `seckill` (a whole flash sale), workloads compared with the peers, or nothing for all of them
    #[arg(value_parser = name)]
    names: Vec<Name>,
    /// Where the tables go
    #[arg(long, default_value = "docs/bench", value_name = "FOLDER")]
    out: PathBuf,
    /// Short runs of a few workloads against the stored ratios; fails where one fell
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    compare: compare::Args,
    #[command(flatten)]
    seckill: seckill::Args,
}

/// What a check measures: each has its own share of host, component, Redis and MySQL.
const CHECKED: [Workload; 4] = [
    Workload::Noop,
    Workload::Order,
    Workload::OrderUncached,
    Workload::Create,
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// A flash sale: tokens, purchases, orders written, refusals, time until an order can be read
    Seckill,
    Compared(Workload),
}

fn name(text: &str) -> Result<Name, String> {
    if text == "seckill" {
        return Ok(Name::Seckill);
    }
    let known = Workload::value_variants();
    let found = known.iter().find(|workload| workload.name() == text);
    found
        .map(|workload| Name::Compared(*workload))
        .ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|workload| workload.name()).collect();
            format!("one of seckill, {}", names.join(", "))
        })
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.check {
        let outcomes = compare::run(&args.compare.short(), &CHECKED)?;
        return check::check(&args.out, &outcomes);
    }
    let all = args.names.is_empty();
    let workloads: Vec<Workload> = Workload::value_variants()
        .iter()
        .copied()
        .filter(|workload| all || args.names.contains(&Name::Compared(*workload)))
        .collect();
    if !workloads.is_empty() {
        let outcomes = compare::run(&args.compare, &workloads)?;
        report::write_comparison(&args.out, &args.compare, &outcomes)?;
    }
    if all || args.names.contains(&Name::Seckill) {
        let report = seckill::run(&args.seckill)?;
        report.write(&args.out, "seckill")?;
    }
    Ok(())
}
