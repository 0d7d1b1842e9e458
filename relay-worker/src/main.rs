//! The relay's command line: parse, run, exit code.

use anyhow::Context;
use clap::Parser;
use relay_worker::config::{Cli, Command};
use relay_worker::{migrate, run, telemetry};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("no runtime");
    match runtime.and_then(|runtime| runtime.block_on(command(cli.command))) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("relay-worker: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn command(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => {
            telemetry::start();
            run::run(*args).await?;
        }
        Command::Migrate(args) => {
            let addresses = args.addresses()?;
            for line in migrate::migrate(&addresses.shards, &addresses.inventory).await? {
                println!("{line}");
            }
        }
        Command::Reconcile(_) | Command::Reindex(_) => anyhow::bail!("not there yet"),
    }
    Ok(ExitCode::SUCCESS)
}
