//! Reads the command line, runs the host, and exits with its code.

use clap::Parser;
use host_adapter::Host;
use host_adapter::config::{Cli, Command, Up};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let Command::Up(up) = Cli::parse().command;
    let logging = host_adapter::telemetry::init("host-adapter").map_err(Into::into);
    let code = match logging.and_then(|()| run(&up)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("host-adapter: {error:#}");
            ExitCode::FAILURE
        }
    };
    host_adapter::telemetry::flush();
    code
}

fn run(up: &Up) -> anyhow::Result<()> {
    // Lossy, so that a foreign variable which is not UTF-8 does no harm.
    let environment = std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let host = Host::start(up, environment)?;
    let scheme = if up.tls_cert.is_some() {
        "https"
    } else {
        "http"
    };
    let urls: Vec<_> = host
        .addresses()
        .iter()
        .map(|a| format!("{scheme}://{a}"))
        .collect();
    tracing::info!(
        listen = urls.join(" "),
        metrics = host
            .metrics_address()
            .map(|a| format!("http://{a}/metrics")),
        "ready"
    );
    runtime.block_on(host_adapter::shutdown::asked())?;
    tracing::info!("stopping: finishing what is in flight");
    // A second signal ends the process at once.
    let stopping = std::thread::spawn(move || host.stop());
    runtime.block_on(async {
        tokio::select! {
            _ = tokio::task::spawn_blocking(move || stopping.join()) => Ok(()),
            asked = host_adapter::shutdown::asked() => asked,
        }
    })?;
    runtime.shutdown_background();
    tracing::info!("stopped");
    Ok(())
}
