//! `cargo xtask soak`: campaigns that are too long for the gate.

mod faults;
mod mutants;

use crate::checkout::Checkout;
use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub enum Soak {
    /// Breaks one line at a time in a copy of this checkout; each must fail the test that the list names for it
    Mutants {
        /// Only those whose name contains this
        filter: Option<String>,
        /// Only check that the list fits the sources
        #[arg(long)]
        list: bool,
    },
    /// Kills host and relay at each named step and cuts their replies there, and freezes relays past their leases
    Steps {
        /// Times each step is interrupted in each way
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        rounds: u32,
    },
    /// Buyers fight for scarce products while connections end at random and host and relay are killed
    Histories {
        /// Number of histories
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        count: u32,
    },
}

/// # Errors
/// When a campaign cannot be run.
pub fn run(checkout: &Checkout, soak: &Soak) -> Result<ExitCode> {
    match soak {
        Soak::Mutants { filter, list } => {
            mutants::run(checkout, filter.as_deref().unwrap_or_default(), *list)
        }
        Soak::Steps { rounds } => faults::run(checkout, &faults::STEPS, *rounds),
        Soak::Histories { count } => faults::run(checkout, &faults::HISTORIES, *count),
    }
}
