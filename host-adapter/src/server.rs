//! One thread of the server: its runtime, its listeners, its own instances, pools and links. Threads share nothing
//! that a request has to wait for.

mod body;
mod cached;
pub mod connection;
pub mod listen;
pub mod request;
pub mod spread;

use crate::application::Application;
use crate::cache::Cache;
use crate::config::Up;
use crate::dispatch::{Dispatch, Reuse};
use crate::headers::RouteHeaders;
use crate::limits;
use crate::metrics::{ComponentMetrics, Metrics};
use crate::shutdown::Stopping;
use crate::store::{Instance, Reach};
use crate::{mysql, redis};
use bytes::Bytes;
use connection::Client;
use spread::{Passed, Seat, Spread};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime_wasi_http::handler::{ProxyHandler, ProxyPre};

/// After an accept error (no file descriptors, mostly), how long before the next try.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// What a client gets that is one too many.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// What all threads share.
pub struct Shared {
    /// Routes and components.
    pub application: Application,
    /// In front of the components, where there is one.
    pub cache: Option<Arc<Cache>>,
    /// The flags.
    pub up: Up,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Those of each component.
    pub components: Vec<Arc<ComponentMetrics>>,
    /// Header values by route.
    pub route_headers: RouteHeaders,
    /// Set for HTTPS.
    pub tls: Option<TlsAcceptor>,
    /// Requests in flight.
    pub requests: Permits,
    /// Client connections open.
    pub connections: Permits,
    /// The answer under `/.well-known/spin/info`.
    pub info: Bytes,
}

/// A bound on how many there may be at a time. Taking one never waits.
#[derive(Debug)]
pub struct Permits {
    taken: AtomicUsize,
    max: usize,
    gauge: prometheus::IntGauge,
    refused: prometheus::IntCounter,
}

impl Permits {
    /// `max` permits.
    pub fn new(max: usize, gauge: prometheus::IntGauge, refused: prometheus::IntCounter) -> Self {
        Self {
            taken: AtomicUsize::new(0),
            max,
            gauge,
            refused,
        }
    }

    fn take(&self) -> bool {
        if self.taken.fetch_add(1, Ordering::Relaxed) < self.max {
            self.gauge.inc();
            return true;
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.refused.inc();
        false
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
    }
}

/// A permit, given back when dropped.
pub struct Permit {
    shared: Arc<Shared>,
    of: fn(&Shared) -> &Permits,
}

impl Permit {
    /// One of `of`, if any is left.
    pub fn take(shared: &Arc<Shared>, of: fn(&Shared) -> &Permits) -> Option<Self> {
        of(shared).take().then(|| Self {
            shared: shared.clone(),
            of,
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        (self.of)(&self.shared).give_back();
    }
}

/// The bounds of one thread's outbound connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    /// MySQL.
    pub mysql: mysql::Limits,
    /// Redis.
    pub redis: redis::Limits,
}

/// The state of one thread.
pub struct Worker {
    /// What all threads share.
    pub shared: Arc<Shared>,
    /// One per component: its instances on this thread.
    pub handlers: Vec<ProxyHandler<Dispatch>>,
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
            shared.metrics.clone(),
        ));
        let links = Arc::new(redis::Links::new(
            outbound.redis.clone(),
            shared.metrics.clone(),
        ));
        let handlers = prepared
            .iter()
            .zip(&shared.application.guests)
            .zip(&shared.components)
            .map(|((pre, guest), metrics)| {
                let (pre, p2) = match &**pre {
                    ProxyPre::P2(pre) => (ProxyPre::P2(pre.clone()), true),
                    ProxyPre::P3(pre) => (ProxyPre::P3(pre.clone()), false),
                };
                ProxyHandler::new(Dispatch {
                    engine: engine.clone(),
                    pre,
                    reach: Arc::new(Reach {
                        guest: guest.clone(),
                        mysql: mysql::Access::new(pools.clone()),
                        redis: redis::Access::new(links.clone()),
                        metrics: metrics.clone(),
                    }),
                    reuse: Reuse::new(&shared.up, p2),
                })
            })
            .collect();
        Self { shared, handlers }
    }

    /// Serves what `entrance` brings until told to stop, then lets what is in flight end, up to the deadline.
    pub async fn serve(self, entrance: Entrance, stopping: Stopping) -> std::io::Result<()> {
        let limit = self.shared.up.drain_timeout;
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
        Ok(())
    }
}

/// Where a thread's connections come from.
pub struct Entrance {
    /// Its number among the threads.
    pub thread: usize,
    /// Its own sockets.
    pub listeners: Vec<std::net::TcpListener>,
    /// What all threads have.
    pub spread: Arc<Spread>,
    /// What others accept for it.
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
        loop {
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
            match Permit::take(&self.worker.shared, |shared| &shared.connections) {
                Some(permit) => self.seat(stream, address, permit),
                None => refuse(stream).await,
            }
        }
    }

    /// Serves a connection here, or has the thread serve it that has the fewest.
    fn seat(&self, stream: TcpStream, address: SocketAddr, permit: Permit) {
        let seat = self.spread.seat(self.thread);
        if seat.is_on(self.thread) {
            return self.serve(stream, address, permit, seat);
        }
        // A socket that cannot change its runtime is a broken one.
        let Ok(stream) = stream.into_std() else {
            return;
        };
        let passed = Passed {
            stream,
            address,
            permit,
            seat,
        };
        if let Err(back) = passed.pass() {
            let seat = back.seat.stay(self.thread);
            self.welcome(Passed { seat, ..back });
        }
    }

    /// Serves what other threads accept for this one.
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
        // These were accepted: they are told like all others.
        passed.close();
        while let Some(next) = passed.recv().await {
            self.welcome(next);
        }
    }

    fn welcome(&self, passed: Passed) {
        match TcpStream::from_std(passed.stream) {
            Ok(stream) => self.serve(stream, passed.address, passed.permit, passed.seat),
            Err(error) => tracing::warn!(%error, "could not take over a connection"),
        }
    }

    fn serve(&self, stream: TcpStream, address: SocketAddr, permit: Permit, seat: Seat) {
        let (worker, stopping) = (self.worker.clone(), self.stopping.clone());
        self.tracker.spawn(async move {
            serve_client(worker, stream, address, stopping).await;
            drop((permit, seat));
        });
    }
}

async fn serve_client(
    worker: Arc<Worker>,
    stream: TcpStream,
    address: SocketAddr,
    stopping: Stopping,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let tls = worker.shared.tls.clone();
    let Some(client) = Client::new(worker, address, tls.is_some()) else {
        return;
    };
    let Some(acceptor) = tls else {
        return client.serve_plain(stream, stopping).await;
    };
    match timeout(limits::TLS_HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            client.serve(stream, h2, stopping).await;
        }
        Ok(Err(error)) => tracing::debug!(client = %address, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(client = %address, "TLS handshake took too long"),
    }
}

/// Never waits: the answer fits a fresh socket's buffer, and a client that does not read it is closed all the same.
async fn refuse(mut stream: TcpStream) {
    let _ = timeout(ACCEPT_RETRY, stream.write_all(TOO_MANY)).await;
}
