//! One shared connection to a Redis: made when first needed, replaced when it breaks, with a bound on the commands in
//! flight. While Redis is away, callers are refused at once, but for one attempt every [`REDIS_RETRY_AFTER`], and by
//! the circuit breaker where that goes on.

use super::command::is_stateful;
use super::error::Error;
use super::health::is_away;
use super::limits::Limits;
use crate::breaker::{Breaker, Pass};
use crate::limits::{REDIS_BLOCKING_TIMEOUT, REDIS_IN_FLIGHT_MAX, REDIS_RETRY_AFTER};
use crate::metrics::RedisMetrics;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, RedisError, Value, cmd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// Commands queued at a connection's writer before callers wait.
const PIPELINE_BUFFER: usize = 1024;

/// The link to one address.
#[derive(Debug)]
pub struct Link {
    client: Client,
    /// The address without user and password.
    address: String,
    limits: Limits,
    metrics: RedisMetrics,
    state: Mutex<State>,
    generation: AtomicUsize,
    in_flight: AtomicUsize,
    private: Arc<Semaphore>,
    breaker: Arc<Breaker>,
}

type Connecting = Shared<BoxFuture<'static, Result<MultiplexedConnection, Unconnected>>>;

/// Why there is no connection.
#[derive(Clone)]
struct Unconnected {
    reason: Arc<str>,
    /// Else Redis has refused it.
    is_away: bool,
}

enum State {
    Idle,
    Connecting(Connecting, usize),
    Up(Shareable),
    Down { until: Instant, why: Unconnected },
}

/// What a caller gets.
enum Found {
    Up(Shareable),
    Connecting(Connecting, usize),
    Down(Unconnected),
}

/// The shared connection.
#[derive(Clone)]
struct Shareable {
    connection: MultiplexedConnection,
    generation: usize,
    /// How many times the breaker had opened when it was asked for.
    outages: u64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Idle => "Idle",
            Self::Connecting(..) => "Connecting",
            Self::Up(..) => "Up",
            Self::Down { .. } => "Down",
        })
    }
}

/// A connection that one caller has for itself, closed when dropped.
#[derive(Debug)]
pub struct Private {
    connection: MultiplexedConnection,
    pass: Pass,
    _permit: OwnedSemaphorePermit,
}

struct InFlight<'a>(&'a Link);

impl<'a> InFlight<'a> {
    fn enter(link: &'a Link) -> Result<Self, Error> {
        if link.in_flight.fetch_add(1, Ordering::Relaxed) >= REDIS_IN_FLIGHT_MAX {
            link.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(Error::TooManyConnections);
        }
        link.metrics.in_flight.inc();
        Ok(Self(link))
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.in_flight.dec();
    }
}

impl Link {
    /// A link to `address`, not yet connected; `None` if the driver cannot read the address.
    pub fn new(
        address: &str,
        shown: String,
        limits: Limits,
        metrics: RedisMetrics,
        breaker: Arc<Breaker>,
    ) -> Option<Self> {
        let info = address.into_connection_info().ok()?;
        // Without TCP_NODELAY, a small command waits for the acknowledgement of the one before.
        let tcp = info.tcp_settings().clone().set_nodelay(true);
        Some(Self {
            client: Client::open(info.set_tcp_settings(tcp)).ok()?,
            address: shown,
            private: Arc::new(Semaphore::new(limits.private_max)),
            limits,
            metrics,
            state: Mutex::new(State::Idle),
            generation: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            breaker,
        })
    }

    /// Sends `command` on the shared connection.
    pub async fn send(self: &Arc<Self>, command: &Cmd) -> Result<Value, Error> {
        let _slot = InFlight::enter(self)?;
        let mut pass = self.admit()?;
        let mut shared = self.connection(&mut pass).await?;
        let reply = command.query_async(&mut shared.connection).await;
        self.judge(&mut pass, reply.as_ref().is_err_and(is_away));
        reply.map_err(|error| {
            if error.is_io_error() || error.is_unrecoverable_error() {
                self.lost(shared.generation);
            }
            self.failed(&error)
        })
    }

    fn admit(self: &Arc<Self>) -> Result<Pass, Error> {
        self.breaker.admit().map_err(|refused| {
            self.metrics.errors.inc();
            Error::Other(format!("{} is away: {refused}", self.address))
        })
    }

    /// Tells the breaker how a call ended.
    fn judge(self: &Arc<Self>, pass: &mut Pass, is_away: bool) {
        if !is_away {
            self.breaker.succeeded(pass);
        } else if let Some(opened) = self.breaker.failed(pass) {
            let link = self.clone();
            let ping = move || {
                let link = link.clone();
                async move { link.answers().await }
            };
            self.breaker.clone().watch(opened, ping);
        }
    }

    /// Whether Redis takes a new connection and answers on it.
    async fn answers(&self) -> bool {
        let config = self.config();
        let asking = async {
            let connecting = self
                .client
                .get_multiplexed_async_connection_with_config(&config);
            let mut connection = connecting.await?;
            cmd("PING").query_async::<()>(&mut connection).await
        };
        matches!(timeout(self.limits.connect, asking).await, Ok(Ok(())))
    }

    /// Sends `command` on the caller's private connection if it, or one before it, needs that.
    pub async fn execute(
        self: &Arc<Self>,
        private: &tokio::sync::Mutex<Option<Private>>,
        name: &str,
        has_block: bool,
        command: &Cmd,
    ) -> Result<Value, Error> {
        let mut own = private.lock().await;
        if own.is_none() {
            if !is_stateful(name, || has_block) {
                drop(own);
                return self.send(command).await;
            }
            *own = Some(self.connect_private().await?);
        }
        let Some(own) = own.as_mut() else {
            return Err(Error::Other("no connection".to_owned()));
        };
        let _slot = InFlight::enter(self)?;
        let reply = command.query_async(&mut own.connection).await;
        match &reply {
            // A command that blocks may take as long as its caller wants.
            Err(error) if error.is_timeout() => {}
            reply => self.judge(&mut own.pass, reply.as_ref().is_err_and(is_away)),
        }
        reply.map_err(|error| self.failed(&error))
    }

    async fn connect_private(self: &Arc<Self>) -> Result<Private, Error> {
        let mut pass = self.admit()?;
        let permit = self.private.clone().acquire_owned();
        let permit = match timeout(self.limits.connect, permit).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(Error::TooManyConnections),
        };
        // A blocking command may take as long as the request does.
        let config = self
            .config()
            .set_response_timeout(Some(REDIS_BLOCKING_TIMEOUT));
        match self
            .client
            .get_multiplexed_async_connection_with_config(&config)
            .await
        {
            Ok(connection) => Ok(Private {
                connection,
                pass,
                _permit: permit,
            }),
            Err(error) => {
                self.judge(&mut pass, is_away(&error));
                Err(self.failed(&error))
            }
        }
    }

    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limits.connect))
            .set_response_timeout(Some(self.limits.reply))
            .set_pipeline_buffer_size(PIPELINE_BUFFER)
    }

    async fn connection(self: &Arc<Self>, pass: &mut Pass) -> Result<Shareable, Error> {
        let (connecting, generation) = match self.find(pass.outages()) {
            Found::Up(shared) => return Ok(shared),
            Found::Connecting(connecting, generation) => (connecting, generation),
            Found::Down(why) => return Err(self.unconnected(pass, &why)),
        };
        let result = connecting.await;
        let result = result.map(|connection| Shareable {
            connection,
            generation,
            outages: pass.outages(),
        });
        self.connected(&result, generation);
        result.map_err(|why| self.unconnected(pass, &why))
    }

    /// What there is for a caller that knows of so many outages. A connection from before the last may be dead, and is
    /// replaced.
    fn find(&self, outages: u64) -> Found {
        let mut state = self.lock();
        match &*state {
            State::Up(shared) if shared.outages >= outages => return Found::Up(shared.clone()),
            State::Up(_) => self.metrics.connected.dec(),
            State::Down { until, why } if Instant::now() < *until => {
                return Found::Down(why.clone());
            }
            State::Connecting(connecting, generation) => {
                return Found::Connecting(connecting.clone(), *generation);
            }
            State::Idle | State::Down { .. } => {}
        }
        let generation = self.generation.fetch_add(1, Ordering::Relaxed);
        let connecting = self.connect();
        *state = State::Connecting(connecting.clone(), generation);
        Found::Connecting(connecting, generation)
    }

    fn unconnected(self: &Arc<Self>, pass: &mut Pass, why: &Unconnected) -> Error {
        self.metrics.errors.inc();
        self.judge(pass, why.is_away);
        Error::Other(why.reason.to_string())
    }

    /// One attempt, shared by all callers that wait for it.
    fn connect(&self) -> Connecting {
        let (client, config) = (self.client.clone(), self.config());
        let (address, limit) = (self.address.clone(), self.limits.connect);
        async move {
            let connecting = client.get_multiplexed_async_connection_with_config(&config);
            let (reason, is_away) = match timeout(limit, connecting).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => (format!("connecting to {address}: {error}"), is_away(&error)),
                Err(_) => (format!("connecting to {address} took too long"), true),
            };
            Err(Unconnected {
                reason: reason.into(),
                is_away,
            })
        }
        .boxed()
        .shared()
    }

    /// Notes the result of an attempt; the first of its callers does.
    fn connected(&self, result: &Result<Shareable, Unconnected>, generation: usize) {
        let mut state = self.lock();
        if !matches!(&*state, State::Connecting(_, own) if *own == generation) {
            return;
        }
        *state = match result {
            Ok(shared) => {
                self.metrics.connected.inc();
                State::Up(shared.clone())
            }
            Err(why) => {
                tracing::warn!(address = self.address, "{}", why.reason);
                State::Down {
                    until: Instant::now() + REDIS_RETRY_AFTER,
                    why: why.clone(),
                }
            }
        };
    }

    fn lost(&self, generation: usize) {
        let mut state = self.lock();
        if matches!(&*state, State::Up(shared) if shared.generation == generation) {
            self.metrics.connected.dec();
            *state = State::Idle;
        }
    }

    fn failed(&self, error: &RedisError) -> Error {
        self.metrics.errors.inc();
        Error::from(error)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
