//! `cargo xtask`: everything that people do with this checkout, from the first `up` to the gate before a merge. It runs
//! the programs of the workspace and links none of them.

mod bench;
mod build;
mod cargo;
mod checkout;
mod ci;
mod console;
mod lock;
mod proto;
mod relay;
mod servers;
mod sign;
mod soak;
mod swagger_ui;
mod test;
mod tidy;
mod tools;
mod up;
mod urls;
mod wit;

use anyhow::Result;
use checkout::Checkout;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Runs, builds and checks Flashorder.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    version,
    max_term_width = 100
)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the whole platform on this machine; Ctrl-C stops it, its data stays
    Up(up::Args),
    /// Stops an `up` that runs in another terminal
    Down,
    /// Deletes what `up` keeps under .run/: databases, queues, logs, passwords
    Clean,
    /// Builds the native programs and, as WebAssembly components, the functions
    Build,
    /// Brings the databases up to date; repeatable
    Migrate,
    /// Checks the invariants between MySQL, Redis, Kafka and Elasticsearch; exit 1 where one is broken
    Reconcile,
    /// Prints a request as a machine signs it: a line of curl, good once and for five minutes
    Sign(sign::Args),
    /// Installs what the tests need, builds, and runs them all on real servers
    Test(test::Args),
    /// Measures the platform
    #[command(disable_help_flag = true)]
    Bench(bench::Args),
    /// Campaigns that are too long for the gate
    #[command(subcommand)]
    Soak(soak::Soak),
    /// The gate: tidy, wit, format, lints, build, test
    Ci,
    /// Copies the vendored WIT files anew from the SDK they belong to
    Wit {
        /// Change nothing; fail where a file differs
        #[arg(long)]
        check: bool,
    },
    /// Generates the Rust code of the `.proto` files anew
    Proto,
    /// Copies Swagger UI, which the component api-docs serves, anew from its npm package
    SwaggerUi {
        /// Change nothing; fail where a file differs
        #[arg(long)]
        check: bool,
    },
    /// Checks layout and dependency rules
    Tidy,
}

/// A shell's exit code for a program ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        // After Ctrl-C, an unfinished step is not an error.
        Err(_) if stack::is_interrupted() => {
            console::line("interrupted");
            ExitCode::from(INTERRUPTED)
        }
        Err(error) => {
            console::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    match args.command {
        Command::Sign(args) => sign::run(&args)?,
        Command::Up(args) => up::run(&checkout, &args)?,
        Command::Down => lock::stop_holder(&checkout)?,
        Command::Clean => lock::clean(&checkout)?,
        Command::Build => build::run(&checkout)?,
        Command::Migrate => return relay::run(&checkout, "migrate"),
        Command::Reconcile => return relay::run(&checkout, "reconcile"),
        Command::Test(args) => return test::run(&checkout, &args),
        Command::Bench(args) => return bench::run(&checkout, &args),
        Command::Soak(soak) => return soak::run(&checkout, &soak),
        Command::Ci => ci::run(&checkout)?,
        Command::Wit { check: true } => wit::check(&checkout)?,
        Command::Wit { check: false } => wit::vendor(&checkout)?,
        Command::Proto => proto::generate(&checkout)?,
        Command::SwaggerUi { check: true } => swagger_ui::check(&checkout.root)?,
        Command::SwaggerUi { check: false } => swagger_ui::vendor(&checkout)?,
        Command::Tidy => tidy::run(&checkout)?,
    }
    Ok(ExitCode::SUCCESS)
}
