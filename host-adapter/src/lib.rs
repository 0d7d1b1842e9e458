//! Serves Spin applications: WebAssembly components over HTTP, on pooled MySQL and Redis. Knows nothing of orders.
//! [`Host::start`] checks everything before anything listens; [`Host::stop`] lets requests in flight finish.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod admission;
mod application;
mod bindings;
mod cache;
mod checks;
pub mod config;
mod dispatch;
mod engine;
mod guest_log;
mod guest_memory;
mod headers;
pub mod limits;
mod linker;
mod log_queue;
mod manifest;
mod metrics;
mod metrics_server;
mod mysql;
mod outbound;
mod pacer;
mod redis;
mod reply;
mod router;
mod server;
pub mod shutdown;
mod startup;
mod store;
mod target;
pub mod telemetry;
mod tls;
mod trace;
pub mod variables;

use application::Application;
use cache::{Cache, Channel};
use config::{RuntimeConfig, Up};
use engine::EpochClock;
use manifest::Manifest;
use metrics::Metrics;
use pools::allowed_hosts::redacted;
use server::account::Ledger;
use server::breaker::ComponentBreaker;
use server::rate::Rates;
use server::slots::Slots;
use server::{Entrance, Outbound, Permits, Shared, Worker};
use shutdown::{Stopper, Stopping};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use store::Instance;
use wasmtime::Engine;
use wasmtime_wasi_http::handler::ProxyPre;

pub use startup::StartupError;

/// A running host.
pub struct Host {
    addresses: Vec<SocketAddr>,
    metrics_address: Option<SocketAddr>,
    stopper: Stopper,
    threads: Vec<JoinHandle<()>>,
    /// Stops after the threads: writers in flight wait for it.
    channel: Option<(Stopper, JoinHandle<()>)>,
    _epochs: EpochClock,
}

impl Host {
    /// Checks flags, manifest, variables and components, then listens and serves on its own threads. `environment` has
    /// the process' variables, from which application variables may come.
    ///
    /// # Errors
    /// The first thing that is wrong: a flag, a file, a database's limit, or an address that cannot be bound.
    pub fn start(up: &Up, environment: HashMap<String, String>) -> Result<Self, StartupError> {
        checks::flags(up)?;
        let threads = match up.threads {
            Some(threads) => threads,
            None => config::cores(),
        };
        let config = match &up.runtime_config_file {
            Some(file) => RuntimeConfig::load(file)?,
            None => RuntimeConfig::default(),
        };
        checks::open_files(up, &config, threads)?;
        let manifest = Manifest::load(&up.from, &up.component_id)?;
        let application = Application::resolve(&manifest, up, &config, environment)?;
        check_databases(up, &application, &config)?;
        let metrics = Metrics::new().map_err(|e| StartupError::flag("--metrics-listen", e))?;
        let local = local_cache(up, &metrics)?;
        let engine = engine::engine(up)?;
        let prepared = prepare(&engine, &manifest, &application)?;
        let (cache, channel) = local.unzip();
        let shared = shared(up, &manifest, application, metrics, cache)?;
        let outbound = Outbound::of_thread(&config, threads);

        let listeners = server::listen::bind(&up.listen, threads)?;
        let local = |l: &std::net::TcpListener| {
            l.local_addr()
                .map_err(|e| StartupError::flag("--listen", e))
        };
        let addresses = listeners
            .first()
            .into_iter()
            .flatten()
            .map(local)
            .collect::<Result<_, _>>()?;
        let (stopper, stopping) = shutdown::signal();
        let mut host = Self {
            addresses,
            metrics_address: None,
            stopper,
            threads: Vec::new(),
            channel: channel.map(start_channel).transpose()?,
            _epochs: EpochClock::start(&engine)?,
        };
        let (spread, inboxes) = server::spread::spread(threads);
        for (thread, (listeners, passed)) in listeners.into_iter().zip(inboxes).enumerate() {
            let worker = Worker::new(shared.clone(), &engine, &prepared, &outbound);
            let entrance = Entrance {
                thread,
                listeners,
                spread: spread.clone(),
                passed,
            };
            let stopping = stopping.clone();
            host.threads.push(spawn(format!("serve-{thread}"), move || {
                worker.serve(entrance, stopping)
            })?);
        }
        let (sweeping, until) = (shared.clone(), stopping.clone());
        host.threads
            .push(spawn("sweep".to_owned(), move || async move {
                server::sweep(sweeping, until).await;
                Ok(())
            })?);
        if let Some(address) = up.metrics_listen {
            host.serve_metrics(address, shared.metrics.clone(), stopping)?;
        }
        Ok(host)
    }

    /// The addresses it listens on, in the order of the flags, with real ports in place of 0.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The address of `/metrics`; `None` without `--metrics-listen`.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// Stops taking connections, lets requests in flight finish up to the deadline, and returns when all threads have
    /// ended.
    pub fn stop(self) {
        self.stopper.stop();
        let join = |thread: JoinHandle<()>| {
            if thread.join().is_err() {
                tracing::error!("a serving thread panicked");
            }
        };
        self.threads.into_iter().for_each(join);
        if let Some((stopper, thread)) = self.channel {
            stopper.stop();
            join(thread);
        }
    }

    fn serve_metrics(
        &mut self,
        address: SocketAddr,
        metrics: Arc<Metrics>,
        stopping: Stopping,
    ) -> Result<(), StartupError> {
        let fail =
            |e: std::io::Error| StartupError::flag("--metrics-listen", format!("{address}: {e}"));
        let listener = std::net::TcpListener::bind(address).map_err(fail)?;
        listener.set_nonblocking(true).map_err(fail)?;
        self.metrics_address = Some(listener.local_addr().map_err(fail)?);
        self.threads
            .push(spawn("metrics".to_owned(), move || async move {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                metrics_server::serve(listener, metrics, stopping).await;
                Ok(())
            })?);
        Ok(())
    }
}

/// Runs `task` on a thread with a current-thread runtime.
fn spawn<F, T>(name: String, task: F) -> Result<JoinHandle<()>, StartupError>
where
    F: FnOnce() -> T + Send + 'static,
    T: Future<Output = std::io::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| StartupError::flag("--threads", e))?;
    std::thread::Builder::new()
        .name(name)
        .spawn(move || {
            if let Err(error) = runtime.block_on(task()) {
                tracing::error!(%error, "a serving thread ended");
            }
            // A late guest or database must not keep the process from ending.
            runtime.shutdown_background();
        })
        .map_err(|e| StartupError::flag("--threads", e))
}

/// Asks the databases whether they have room for the prepared statements.
fn check_databases(
    up: &Up,
    application: &Application,
    config: &RuntimeConfig,
) -> Result<(), StartupError> {
    let file = up.runtime_config_file.as_deref();
    let file = file.unwrap_or(std::path::Path::new("runtime configuration"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| StartupError::flag("--threads", e))?;
    let checked = pools::mysql::check(application.databases(), &config.outbound_mysql);
    let checked = runtime.block_on(checked);
    checked.map_err(|e| StartupError::new(file, "outbound_mysql.max_statements", e))
}

/// The local cache and its channel; `None` where the flags switch them off.
fn local_cache(up: &Up, metrics: &Metrics) -> Result<Option<(Arc<Cache>, Channel)>, StartupError> {
    let Some(url) = up.cache_channel.as_ref().filter(|_| up.cache_bytes > 0) else {
        tracing::info!("the local cache is off: it needs --cache-channel and --cache-bytes");
        return Ok(None);
    };
    let client = cache::client(url.as_str()).ok_or_else(|| {
        let shape = "must look like redis://[USER:PASSWORD@]HOST:PORT";
        StartupError::flag("--cache-channel", shape)
    })?;
    let (cache, queue) = Cache::new(up.cache_bytes, metrics.host_cache.clone());
    let cache = Arc::new(cache);
    let channel = Channel::new(cache.clone(), client, redacted(url), queue);
    Ok(Some((cache, channel)))
}

fn start_channel(channel: Channel) -> Result<(Stopper, JoinHandle<()>), StartupError> {
    let (stopper, stopping) = shutdown::signal();
    let thread = spawn("cache-channel".to_owned(), move || async move {
        channel.run(stopping).await;
        Ok(())
    })?;
    Ok((stopper, thread))
}

/// Compiles and links every component.
fn prepare(
    engine: &Engine,
    manifest: &Manifest,
    application: &Application,
) -> Result<Vec<Arc<ProxyPre<Instance>>>, StartupError> {
    let linker = linker::linker(engine)
        .map_err(|e| StartupError::new(&manifest.file, "", format!("{e:#}")))?;
    application
        .guests
        .iter()
        .map(|guest| {
            let key = format!("component.{}.source", guest.id);
            let component = engine::compile(engine, &manifest.file, &key, &guest.source)?;
            linker::prepare(&linker, &component)
                .map(Arc::new)
                .map_err(|e| {
                    StartupError::new(
                        &manifest.file,
                        key,
                        format!("{}: {e}", guest.source.display()),
                    )
                })
        })
        .collect()
}

fn shared(
    up: &Up,
    manifest: &Manifest,
    application: Application,
    metrics: Metrics,
    cache: Option<Arc<Cache>>,
) -> Result<Arc<Shared>, StartupError> {
    let fail = |reason: String| StartupError::new(&manifest.file, "trigger.http", reason);
    let tls = match (&up.tls_cert, &up.tls_key) {
        (Some(cert), Some(key)) => Some(tls::acceptor(cert, key)?),
        _ => None,
    };
    let info = serde_json::json!({ "name": application.name, "host": concat!("host-adapter ", env!("CARGO_PKG_VERSION")) });
    Ok(Arc::new(Shared {
        route_headers: headers::RouteHeaders::new(&application.base, &application.router)
            .map_err(fail)?,
        components: application
            .guests
            .iter()
            .map(|guest| Arc::new(metrics.component(&guest.id)))
            .collect(),
        requests: Permits::new(
            up.max_requests,
            metrics.server.requests_in_flight.clone(),
            metrics.server.requests_refused.clone(),
        ),
        component_requests: application
            .guests
            .iter()
            .map(|guest| {
                let (in_flight, refused) = metrics.server.component(&guest.id);
                Permits::new(up.component_requests_max(), in_flight, refused)
            })
            .collect(),
        slots: application
            .guests
            .iter()
            .map(|guest| Slots::of(guest, &metrics.server))
            .collect(),
        breakers: application
            .guests
            .iter()
            .map(|guest| ComponentBreaker::of(guest, up.breaker_timeout, &metrics))
            .collect(),
        rates: Rates::of(&application, &metrics.server),
        connections: Permits::new(
            up.max_connections,
            metrics.server.connections.clone(),
            metrics.server.connections_refused.clone(),
        ),
        instances: application
            .guests
            .iter()
            .map(|_| {
                dispatch::Share::new(
                    (up.max_instances as usize / limits::COMPONENT_INSTANCES_SHARE).max(1),
                )
            })
            .collect(),
        memory: memory(up, application.guests.len()),
        ledger: Ledger::new(metrics.server.connections_evicted.clone()),
        application,
        cache,
        up: up.clone(),
        metrics: Arc::new(metrics),
        tls,
        info: info.to_string().into(),
    }))
}

/// Bounds on the memory of each of so many components.
fn memory(up: &Up, components: usize) -> Vec<guest_memory::Bounds> {
    let process = guest_memory::Budget::new(up.guest_memory_max());
    let share = up.component_memory_max();
    let bounds = |_| guest_memory::Bounds {
        instance_bytes_max: up.max_instance_memory,
        component: guest_memory::Budget::new(share),
        process: process.clone(),
    };
    (0..components).map(bounds).collect()
}
