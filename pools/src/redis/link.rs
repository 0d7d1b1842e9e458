//! One shared connection to a Redis: made when first needed, replaced when it breaks, with a bound on the commands in
//! flight. While Redis is away, callers are refused at once, but for one attempt every [`REDIS_RETRY_AFTER`].

use super::command::is_stateful;
use super::error::Error;
use super::limits::Limits;
use crate::limits::{REDIS_BLOCKING_TIMEOUT, REDIS_IN_FLIGHT_MAX, REDIS_RETRY_AFTER};
use crate::metrics::RedisMetrics;
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, IntoConnectionInfo, RedisError, Value};
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
}

type Connecting = Shared<BoxFuture<'static, Result<MultiplexedConnection, Arc<str>>>>;

enum State {
    Idle,
    Connecting(Connecting, usize),
    Up(MultiplexedConnection, usize),
    Down { until: Instant, reason: Arc<str> },
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
        })
    }

    /// Sends `command` on the shared connection.
    pub async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let _slot = InFlight::enter(self)?;
        let (mut connection, generation) = self.connection().await?;
        command.query_async(&mut connection).await.map_err(|error| {
            if error.is_io_error() || error.is_unrecoverable_error() {
                self.lost(generation);
            }
            self.failed(&error)
        })
    }

    /// Sends `command` on the caller's private connection if it, or one before it, needs that.
    pub async fn execute(
        &self,
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
        command
            .query_async(&mut own.connection)
            .await
            .map_err(|error| self.failed(&error))
    }

    async fn connect_private(&self) -> Result<Private, Error> {
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
                _permit: permit,
            }),
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.limits.connect))
            .set_response_timeout(Some(self.limits.reply))
            .set_pipeline_buffer_size(PIPELINE_BUFFER)
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, usize), Error> {
        let (connecting, generation) = {
            let mut state = self.lock();
            match &*state {
                State::Up(connection, generation) => return Ok((connection.clone(), *generation)),
                State::Down { until, reason } if Instant::now() < *until => {
                    self.metrics.errors.inc();
                    return Err(Error::Other(reason.to_string()));
                }
                State::Connecting(connecting, generation) => (connecting.clone(), *generation),
                State::Idle | State::Down { .. } => {
                    let generation = self.generation.fetch_add(1, Ordering::Relaxed);
                    let connecting = self.connect();
                    *state = State::Connecting(connecting.clone(), generation);
                    (connecting, generation)
                }
            }
        };
        let result = connecting.await;
        self.connected(&result, generation);
        match result {
            Ok(connection) => Ok((connection, generation)),
            Err(reason) => {
                self.metrics.errors.inc();
                Err(Error::Other(reason.to_string()))
            }
        }
    }

    /// One attempt, shared by all callers that wait for it.
    fn connect(&self) -> Connecting {
        let (client, config) = (self.client.clone(), self.config());
        let (address, limit) = (self.address.clone(), self.limits.connect);
        async move {
            let connecting = client.get_multiplexed_async_connection_with_config(&config);
            match timeout(limit, connecting).await {
                Ok(Ok(connection)) => Ok(connection),
                Ok(Err(error)) => Err(format!("connecting to {address}: {error}").into()),
                Err(_) => Err(format!("connecting to {address} took too long").into()),
            }
        }
        .boxed()
        .shared()
    }

    /// Notes the result of an attempt; the first of its callers does.
    fn connected(&self, result: &Result<MultiplexedConnection, Arc<str>>, generation: usize) {
        let mut state = self.lock();
        if !matches!(&*state, State::Connecting(_, own) if *own == generation) {
            return;
        }
        *state = match result {
            Ok(connection) => {
                self.metrics.connected.inc();
                State::Up(connection.clone(), generation)
            }
            Err(reason) => {
                tracing::warn!(address = self.address, "{reason}");
                State::Down {
                    until: Instant::now() + REDIS_RETRY_AFTER,
                    reason: reason.clone(),
                }
            }
        };
    }

    fn lost(&self, generation: usize) {
        let mut state = self.lock();
        if matches!(&*state, State::Up(_, own) if *own == generation) {
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
