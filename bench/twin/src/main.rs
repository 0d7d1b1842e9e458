//! The native twin: what `host-adapter up` serves, without WebAssembly. The same functions, compiled into an axum
//! server with one runtime per core and the host's own pools: the difference between the two is the cost of the
//! components. HTTP/1 only, no search index.

mod functions;
mod limits;
mod listen;
mod manifest;
mod ports;
mod routes;
mod serve;

use anyhow::{Context, Result, anyhow};
use axum::Router;
use clap::Parser;
use manifest::Manifest;
use ports::{NativePorts, Outbound};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

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
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logging = tracing_subscriber::fmt().json().with_env_filter(filter);
    logging.try_init().map_err(|error| anyhow!(error))?;
    let threads = args.threads.map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        usize::from,
    );
    let manifest = Arc::new(Manifest::load(&args.spin_toml, |name| {
        std::env::var(name).ok()
    })?);
    let outbound = Outbound::of_thread(threads)?;
    let stopping = CancellationToken::new();
    let mut serving = Vec::with_capacity(threads);
    for (index, listener) in listen::bind(args.listen, threads)?.into_iter().enumerate() {
        // One per thread: with a shared one each request would count references.
        let router = routes::router(&manifest)?;
        let (manifest, outbound) = (manifest.clone(), outbound.clone());
        let stopping = stopping.clone();
        let thread = thread::Builder::new()
            .name(format!("serve-{index}"))
            .spawn(move || one_thread(listener, router, manifest, &outbound, stopping))?;
        serving.push(thread);
    }
    tracing::info!(listen = format!("http://{}", args.listen), "ready");
    runtime()?.block_on(asked_to_end())?;
    stopping.cancel();
    for thread in serving {
        thread.join().ok().context("a serving thread panicked")??;
    }
    Ok(())
}

fn one_thread(
    listener: TcpListener,
    router: Router,
    manifest: Arc<Manifest>,
    outbound: &Outbound,
    stopping: CancellationToken,
) -> Result<()> {
    let runtime = runtime()?;
    NativePorts::fill(outbound, manifest)?;
    runtime.block_on(serve::serve(listener, router, stopping))?;
    // Late database work must not keep the process running.
    runtime.shutdown_background();
    Ok(())
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Returns on SIGTERM or SIGINT.
async fn asked_to_end() -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
