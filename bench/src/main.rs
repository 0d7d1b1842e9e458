//! `cargo xtask bench`: figures of the platform, each taken in one run with the settings it was taken under beside it.
//! Load comes from this process, over plain sockets; what it counts is checked against the databases afterwards.

mod cpu;
mod load;
mod machine;
mod report;
mod seckill;
mod wire;

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;

/// Measures the platform; writes tables and JSON.
#[derive(Parser)]
#[command(name = "cargo xtask bench", max_term_width = 100)]
struct Args {
    /// What to measure; everything where none is named
    #[arg(value_enum)]
    names: Vec<Name>,
    /// Where the tables go
    #[arg(long, default_value = "docs/bench", value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    seckill: seckill::Args,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Name {
    /// A flash sale: tokens, purchases, orders written, refusals, time until an order can be read
    Seckill,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let wanted = |name| args.names.is_empty() || args.names.contains(&name);
    if wanted(Name::Seckill) {
        let report = seckill::run(&args.seckill)?;
        report.write(&args.out, "seckill")?;
    }
    Ok(())
}
