//! One thread of the server: its listeners, connections, instances, pools and links. Threads share nothing that a
//! request has to wait for.

pub mod account;
mod ahead;
mod answers;
mod body;
pub mod breaker;
mod cached;
mod call;
pub mod connection;
mod frames;
mod head;
pub mod listen;
mod permits;
pub mod rate;
mod received;
pub mod request;
pub mod slots;
pub mod spread;
mod watched;

use crate::admission;
use crate::application::Application;
use crate::cache::Cache;
use crate::config::{RuntimeConfig, Span, Up};
use crate::dispatch::{Dispatch, Reuse, Share};
use crate::guest_memory::Bounds;
use crate::headers::RouteHeaders;
use crate::limits;
use crate::metrics::{ComponentMetrics, Metrics};
use crate::pacer::Pacer;
use crate::shutdown::Stopping;
use crate::store::{Instance, Reach};
use account::{Account, Ledger};
use breaker::ComponentBreaker;
use bytes::Bytes;
use connection::Client;
use http::StatusCode;
use http_rules::origin::Origins;
use pools::breaker::Breakers;
use pools::{mysql, redis};
use rate::Rates;
use slots::Slots;
use spread::{Passed, Seat, Spread};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime_wasi_http::handler::ProxyPre;

pub use permits::{Permit, Permits, Place};

/// Pause after an accept error, which mostly means that there are no file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What all threads share.
pub struct Shared {
    /// Routes and components.
    pub application: Application,
    /// The local cache; `None` where it is off.
    pub cache: Option<Arc<Cache>>,
    /// The flags.
    pub up: Up,
    /// Of the whole process.
    pub metrics: Arc<Metrics>,
    /// Metrics by component.
    pub components: Vec<Arc<ComponentMetrics>>,
    /// Header values by route.
    pub route_headers: RouteHeaders,
    /// `None` for plain HTTP.
    pub tls: Option<TlsAcceptor>,
    /// Bound on requests in flight.
    pub requests: Permits,
    /// The same, by component.
    pub component_requests: Vec<Permits>,
    /// Slots of the components whose manifest bounds their requests.
    pub slots: Vec<Option<Arc<Slots>>>,
    /// Circuit breakers, by component.
    pub breakers: Vec<Option<ComponentBreaker>>,
    /// Bounds on requests a second, by route.
    pub rates: Rates,
    /// Bounds on instances, by component.
    pub instances: Vec<Arc<Share>>,
    /// Bounds on memory, by component.
    pub memory: Vec<Bounds>,
    /// What each connection holds.
    pub ledger: Arc<Ledger>,
    /// Bound on client connections.
    pub connections: Permits,
    /// The answer under `/.well-known/spin/info`.
    pub info: Bytes,
}

/// The bounds of one thread's outbound connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// MySQL.
    pub mysql: mysql::Limits,
    /// Redis.
    pub redis: redis::Limits,
}

impl Outbound {
    /// The share of one of `threads` threads. Clone it for the others: they share what bounds the process.
    pub fn of_thread(config: &RuntimeConfig, threads: usize) -> Self {
        let breakers = Breakers::new(&config.circuit_breaker);
        Self {
            mysql: mysql::Limits::of_thread(&config.outbound_mysql, threads, &breakers),
            redis: redis::Limits::of_thread(&config.outbound_redis, threads, &breakers),
        }
    }
}

/// The state of one thread.
pub struct Worker {
    /// What all threads share.
    pub shared: Arc<Shared>,
    /// The instances on this thread, by component.
    pub handlers: Vec<admission::Entrance>,
    /// Turns of the thread's busy guests.
    pub pacer: Arc<Pacer>,
    pools: Arc<mysql::Pools>,
    /// See [`Reach::thread_is_done`].
    is_done: Arc<AtomicBool>,
}

impl Worker {
    /// A worker without instances yet; `prepared` holds each component of the application, in its order.
    pub fn new(
        shared: Arc<Shared>,
        engine: &Engine,
        prepared: &[Arc<ProxyPre<Instance>>],
        outbound: &Outbound,
    ) -> Self {
        let pools = Arc::new(mysql::Pools::new(
            outbound.mysql.clone(),
            shared.metrics.outbound.clone(),
        ));
        let links = Arc::new(redis::Links::new(
            outbound.redis.clone(),
            shared.metrics.outbound.clone(),
        ));
        let pacer = Arc::new(Pacer::default());
        let is_done = Arc::new(AtomicBool::new(false));
        let alone = prepared.len() == 1;
        let handlers = prepared
            .iter()
            .zip(&shared.application.guests)
            .zip(&shared.components)
            .zip(&shared.instances)
            .zip(&shared.memory)
            .zip(&shared.slots)
            .map(|(((((pre, guest), metrics), share), memory), slots)| {
                let (pre, p2) = match &**pre {
                    ProxyPre::P2(pre) => (ProxyPre::P2(pre.clone()), true),
                    ProxyPre::P3(pre) => (ProxyPre::P3(pre.clone()), false),
                };
                let dispatch = Dispatch {
                    engine: engine.clone(),
                    pre,
                    reach: Arc::new(Reach {
                        guest: guest.clone(),
                        mysql: mysql::Access::new(pools.clone(), alone),
                        redis: redis::Access::new(links.clone()),
                        metrics: metrics.clone(),
                        prints: Arc::default(),
                        thread_is_done: is_done.clone(),
                    }),
                    reuse: Reuse::new(&shared.up, guest.bounds, p2),
                    pacer: pacer.clone(),
                    share: share.clone(),
                    memory: memory.clone(),
                    initial_bytes: AtomicUsize::new(0),
                    flow: Arc::default(),
                    making: Semaphore::new(limits::INSTANTIATIONS_MAX),
                };
                let limit = shared.up.request_timeout;
                let limit = limit.map_or(limits::REQUEST_TIMEOUT, Span::<Duration>::draw);
                let limit = limit.min(limits::INSTANCE_ROOM_TIMEOUT);
                admission::Entrance::new(dispatch, slots.clone(), limit)
            })
            .collect();
        Self {
            shared,
            handlers,
            pacer,
            pools,
            is_done,
        }
    }

    /// Serves the connections of `entrance` until `stopping`, then lets requests in flight finish, up to the deadline.
    pub async fn serve(self, entrance: Entrance, stopping: Stopping) -> std::io::Result<()> {
        let limit = self.shared.up.drain_timeout;
        let is_done = self.is_done.clone();
        // Ends with the thread's runtime: guests may be busy until then.
        tokio::spawn(self.pacer.clone().run());
        tokio::spawn(self.pools.clone().tend());
        let tracker = TaskTracker::new();
        let clients = Clients {
            worker: Arc::new(self),
            tracker: tracker.clone(),
            stopping,
            thread: entrance.thread,
            spread: entrance.spread,
        };
        let mut accepting = Vec::new();
        for listener in entrance.listeners {
            accepting.push(clients.accept(TcpListener::from_std(listener)?));
        }
        let accepting = futures::future::join_all(accepting);
        tokio::join!(accepting, clients.take_in(entrance.passed));
        tracker.close();
        if timeout(limit, tracker.wait()).await.is_err() {
            tracing::warn!(
                connections = tracker.len(),
                "closed connections that did not end in time"
            );
        }
        // Nothing runs on this thread from here on.
        is_done.store(true, Relaxed);
        Ok(())
    }
}

/// Where a thread's connections come from.
pub struct Entrance {
    /// Its number among the threads.
    pub thread: usize,
    /// Its own sockets, one per address.
    pub listeners: Vec<std::net::TcpListener>,
    /// The connections of all threads.
    pub spread: Arc<Spread>,
    /// Connections that other threads accept for it.
    pub passed: mpsc::Receiver<Passed>,
}

/// The connections of one thread.
struct Clients {
    worker: Arc<Worker>,
    tracker: TaskTracker,
    stopping: Stopping,
    thread: usize,
    spread: Arc<Spread>,
}

impl Clients {
    async fn accept(&self, listener: TcpListener) {
        let mut stopping = self.stopping.clone();
        for count in 1_usize.. {
            if count.is_multiple_of(limits::ACCEPTED_AT_ONCE_MAX) {
                tokio::task::yield_now().await;
            }
            let accepted = tokio::select! {
                biased;
                () = stopping.stopped() => return,
                accepted = listener.accept() => accepted,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    sleep(ACCEPT_RETRY).await;
                    continue;
                }
            };
            match Place::take(&self.worker.shared, address.ip()) {
                Some(place) => self.seat(stream, address, place),
                None => refuse(stream, self.worker.shared.application.origins.as_ref()),
            }
        }
    }

    /// Serves a connection on the thread that has the fewest.
    fn seat(&self, stream: TcpStream, address: SocketAddr, place: Place) {
        let seat = self.spread.seat(self.thread);
        if seat.is_on(self.thread) {
            return self.serve(stream, address, place, seat);
        }
        // A socket that cannot change its runtime is broken.
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let passed = Passed {
            stream,
            address,
            place,
            seat,
        };
        if let Err(back) = passed.pass() {
            let seat = back.seat.stay(self.thread);
            self.welcome(Passed { seat, ..back });
        }
    }

    /// Serves the connections that other threads accept for this one.
    async fn take_in(&self, mut passed: mpsc::Receiver<Passed>) {
        let mut stopping = self.stopping.clone();
        loop {
            tokio::select! {
                biased;
                () = stopping.stopped() => break,
                next = passed.recv() => match next {
                    Some(next) => self.welcome(next),
                    None => break,
                },
            }
        }
        // Accepted already: they are closed gracefully, like all others.
        passed.close();
        while let Some(next) = passed.recv().await {
            self.welcome(next);
        }
    }

    fn welcome(&self, passed: Passed) {
        match TcpStream::from_std(passed.stream) {
            Ok(stream) => self.serve(stream, passed.address, passed.place, passed.seat),
            Err(error) => tracing::warn!(%error, "could not take over a connection"),
        }
    }

    fn serve(&self, stream: TcpStream, address: SocketAddr, place: Place, seat: Seat) {
        let (worker, stopping) = (self.worker.clone(), self.stopping.clone());
        self.tracker.spawn(async move {
            serve_client(worker, stream, address, place.account().clone(), stopping).await;
            drop((place, seat));
        });
    }
}

async fn serve_client(
    worker: Arc<Worker>,
    stream: TcpStream,
    address: SocketAddr,
    account: Arc<Account>,
    stopping: Stopping,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let tls = worker.shared.tls.clone();
    let Some(client) = Client::new(worker, address, tls.is_some(), account) else {
        return;
    };
    match tls {
        None => client.serve_plain(stream, stopping).await,
        Some(acceptor) => Box::pin(serve_tls(client, acceptor, stream, stopping)).await,
    }
}

async fn serve_tls(
    client: Arc<Client>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    stopping: Stopping,
) {
    let handshake = timeout(limits::TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream));
    let handshake = tokio::select! {
        biased;
        handshake = handshake => handshake,
        _ = client.account.asked_to_end(true) => return,
    };
    match handshake {
        Ok(Ok(stream)) => {
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            client.serve(stream, Bytes::new(), h2, stopping).await;
        }
        Ok(Err(error)) => {
            tracing::debug!(client = ?client.address, %error, "TLS handshake failed");
        }
        Err(_) => tracing::debug!(client = ?client.address, "TLS handshake took too long"),
    }
}

/// Never waits: the answer fits a fresh socket's buffer, and a client that does not read it is closed all the same.
fn refuse(stream: TcpStream, origins: Option<&Origins>) {
    let reply = answers::wire(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many connections at a time",
        origins,
    );
    let _ = stream.try_write(&reply);
}

/// Sweeps the ledger every [`limits::SWEEP_EVERY`], until `stopping`.
pub async fn sweep(shared: Arc<Shared>, mut stopping: Stopping) {
    let idle_max = shared.up.header_read_timeout;
    let idle_max_ms = u64::try_from(idle_max.as_millis()).unwrap_or(u64::MAX);
    let mut last = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = stopping.stopped() => return,
            () = sleep(limits::SWEEP_EVERY) => {}
        }
        // Time in which the whole process stood still does not count against clients.
        let elapsed = last.elapsed().min(2 * limits::SWEEP_EVERY);
        last = Instant::now();
        let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        shared.ledger.sweep(elapsed_ms, idle_max_ms);
    }
}
