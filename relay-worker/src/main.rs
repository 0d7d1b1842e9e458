//! The relay's command line: parses it, runs the command, exits with its code.

use anyhow::Context;
use clap::Parser;
use relay_worker::clients::database::Databases;
use relay_worker::commands::reconcile::{Scope, finding};
use relay_worker::commands::{migrate, reconcile, run, user};
use relay_worker::config::{Cli, Command, DatabaseArgs, OutboxCommand, ReconcileArgs};
use relay_worker::loops::index::{Index, rebuild};
use relay_worker::loops::outbox::resend;
use relay_worker::process::telemetry;
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
            let addresses = args.databases.addresses()?;
            let users = args.users.optional()?;
            let inventory = &addresses.inventory;
            let lines = migrate::migrate(&addresses.shards, inventory, users.as_ref());
            for line in lines.await? {
                println!("{line}");
            }
        }
        Command::Outbox(command) => return outbox(command).await,
        Command::User(command) => println!("{}", user::run(command).await?),
        Command::Reconcile(args) => return reconcile_all(args).await,
        Command::Reindex(args) => {
            let url = args.index.url()?;
            let index = Index::at(&url.context("ELASTICSEARCH_URL must be set")?);
            let databases = open(&args.databases)?;
            let documents = rebuild::rebuild(&databases, &index).await?;
            println!("{documents} orders indexed");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn open(args: &DatabaseArgs) -> anyhow::Result<Databases> {
    let addresses = args.addresses()?;
    Ok(Databases::open(
        &addresses.shards,
        &addresses.inventory,
        addresses.count,
    ))
}

async fn outbox(command: OutboxCommand) -> anyhow::Result<ExitCode> {
    match command {
        OutboxCommand::List {
            databases,
            status,
            limit,
        } => {
            let rows = resend::list(&open(&databases)?.shards, status, limit).await?;
            print!("{}", resend::table(&rows));
            println!("{} rows", rows.len());
        }
        OutboxCommand::Resend {
            databases,
            all,
            ids,
        } => {
            let ids = (!all).then_some(ids.as_slice());
            let rows = resend::resend(&open(&databases)?.shards, ids).await?;
            println!("{rows} rows will be published again");
            if rows == 0 && ids.is_some() {
                eprintln!("relay-worker: no row with these ids was given up");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn reconcile_all(args: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let scope = Scope {
        databases: open(&args.databases)?,
        redis: args.redis.open()?,
        index: args.index.url()?.as_deref().map(Index::at),
        bus: args.bus()?,
    };
    let findings = reconcile::reconcile(&scope, args.settle_seconds * 1_000).await?;
    print!("{}", finding::table(&findings));
    let broken = findings
        .iter()
        .filter(|finding| finding.broken() > 0)
        .count();
    if broken == 0 {
        println!("all {} invariants hold", findings.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("{broken} of {} invariants are broken", findings.len());
    Ok(ExitCode::FAILURE)
}
