//! The native twin: what `host-adapter up` serves, without WebAssembly. The functions themselves, compiled into an axum
//! server with one runtime per core, on the host's own pools: what remains between the two is the price of the
//! components. HTTP/1 only, and no search index.

mod functions;
mod ports;
mod routes;
mod serve;

use anyhow::{Context, Result};
use axum::Router;
use clap::Parser;
use host_adapter::native::{self, Plan};
use host_adapter::shutdown::{self, Stopping};
use ports::NativePorts;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves the functions natively.
#[derive(Parser)]
struct Args {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// The manifest whose routes and variables to take
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    spin_toml: PathBuf,
    /// Threads that serve, each with its own connections. [default: one per core]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    host_adapter::telemetry::init("twin")?;
    let threads = args.threads.map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    // Lossy, so that a variable which is not UTF-8 and not ours does no harm.
    let environment = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect();
    let plan = Arc::new(Plan::load(&args.spin_toml, environment)?);
    let listeners = native::bind(&[args.listen], threads)?;
    let (stopper, stopping) = shutdown::signal();
    let mut serving = Vec::with_capacity(threads);
    for (index, listeners) in listeners.into_iter().enumerate() {
        // Not one for all: each request counts who holds it.
        let router = routes::router(&plan)?;
        let (plan, stopping) = (plan.clone(), stopping.clone());
        let thread = thread::Builder::new()
            .name(format!("serve-{index}"))
            .spawn(move || one_thread(listeners, &router, plan, threads, &stopping))?;
        serving.push(thread);
    }
    tracing::info!(listen = format!("http://{}", args.listen), "ready");
    runtime()?.block_on(shutdown::asked())?;
    stopper.stop();
    for thread in serving {
        thread.join().ok().context("a serving thread panicked")??;
    }
    Ok(())
}

fn one_thread(
    listeners: Vec<TcpListener>,
    router: &Router,
    plan: Arc<Plan>,
    threads: usize,
    stopping: &Stopping,
) -> Result<()> {
    let runtime = runtime()?;
    NativePorts::fill(threads, plan)?;
    runtime.block_on(async {
        let accepting = listeners
            .into_iter()
            .map(|listener| serve::serve(listener, router.clone(), stopping.clone()));
        futures::future::try_join_all(accepting).await
    })?;
    // What a late database still does must not keep the process.
    runtime.shutdown_background();
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
