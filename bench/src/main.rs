//! `cargo xtask bench`: figures of the platform, each measured in one run and listed with its settings. Load comes from
//! the same machine over plain sockets; what it counts is checked against the databases afterwards.

mod bearer;
mod check;
mod compare;
mod cpu;
mod create_grpc;
mod growth;
mod load;
mod machine;
mod outcome;
mod peer;
mod plot;
mod profile;
mod report;
mod sample;
mod seckill;
mod seed;
mod start;
mod token;
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
    /// What to measure: `seckill` (a whole flash sale), `start` (cold start, memory, idle connections), `growth` (more
    /// orders, more shards), `create-grpc` (orders over gRPC and over HTTP), `token` (requests with a token and
    /// without), workloads compared with the peers; nothing for all of them
    #[arg(value_parser = name)]
    names: Vec<Name>,
    /// Where the tables go
    #[arg(long, default_value = "docs/bench", value_name = "FOLDER")]
    out: PathBuf,
    /// Short runs of a few workloads against the stored ratios; fails where one fell
    #[arg(long)]
    check: bool,
    /// Instead of comparing: where the host's processor time goes on each workload, as a table and flame graphs;
    /// needs perf
    #[arg(long, conflicts_with = "check")]
    profile: bool,
    #[command(flatten)]
    compare: compare::Args,
    #[command(flatten)]
    create_grpc: create_grpc::Args,
    #[command(flatten)]
    growth: growth::Growth,
    #[command(flatten)]
    seckill: seckill::Args,
    #[command(flatten)]
    token: token::Args,
}

/// Workloads of a check: each with a different mix of host, component, Redis and MySQL.
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
    /// Start to first answer, memory, idle connections
    Start,
    /// The same with more orders and more shards
    Growth,
    /// Orders over gRPC and over HTTP
    CreateGrpc,
    /// Requests with and without an access token
    Token,
    Compared(Workload),
}

fn name(text: &str) -> Result<Name, String> {
    match text {
        "seckill" => return Ok(Name::Seckill),
        "start" => return Ok(Name::Start),
        "growth" => return Ok(Name::Growth),
        "create-grpc" => return Ok(Name::CreateGrpc),
        "token" => return Ok(Name::Token),
        _ => {}
    }
    let known = Workload::value_variants();
    let found = known.iter().find(|workload| workload.name() == text);
    found
        .map(|workload| Name::Compared(*workload))
        .ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|workload| workload.name()).collect();
            format!(
                "one of seckill, start, growth, create-grpc, token, {}",
                names.join(", ")
            )
        })
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.check {
        let outcomes = compare::run(&args.compare.short(), &CHECKED, |_| Ok(()))?;
        return check::check(&args.out, &outcomes);
    }
    let all = args.names.is_empty();
    let workloads: Vec<Workload> = Workload::value_variants()
        .iter()
        .copied()
        .filter(|workload| all || args.names.contains(&Name::Compared(*workload)))
        .collect();
    if args.profile {
        return profile::run(&args.compare, &workloads, &args.out)?.write(&args.out, "profile");
    }
    if !workloads.is_empty() {
        compare::run(&args.compare, &workloads, |outcomes| {
            report::write_comparison(&args.out, &args.compare, outcomes)
        })?;
    }
    if all || args.names.contains(&Name::Start) {
        start::run(&args.compare)?.write(&args.out, "start")?;
    }
    if all || args.names.contains(&Name::Growth) {
        growth::run(&args.compare, &args.growth)?.write(&args.out, "growth")?;
    }
    if all || args.names.contains(&Name::CreateGrpc) {
        create_grpc::run(&args.create_grpc)?.write(&args.out, "create-grpc")?;
    }
    if all || args.names.contains(&Name::Token) {
        token::run(&args.token)?.write(&args.out, "token")?;
    }
    if all || args.names.contains(&Name::Seckill) {
        let report = seckill::run(&args.seckill)?;
        report.write(&args.out, "seckill")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Args::command().debug_assert();
    }
}
