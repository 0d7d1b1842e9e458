//! The sessions of one address on one thread: bounded, kept while idle, reused only when clean. Their list is never
//! locked across an await.

use super::budget::Budget;
use super::limits::Limits;
use super::session::Session;
use super::statement::Mode;
use crate::breaker::{Breaker, Pass, Refused};
use crate::limits::{MYSQL_CONNECTIONS_FOR_OTHERS_SHARE, MYSQL_PING_AFTER, MYSQL_PING_TIMEOUT};
use crate::metrics::DatabaseMetrics;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// The pool.
#[derive(Debug)]
pub struct Pool {
    opts: Opts,
    /// The address without user and password.
    address: String,
    limits: Limits,
    budget: Arc<Budget>,
    idle: Mutex<Vec<Session>>,
    /// One per session in use, so that there are never more than the bound.
    permits: Arc<Semaphore>,
    forgetting: tokio::sync::Mutex<()>,
    metrics: DatabaseMetrics,
    breaker: Arc<Breaker>,
    /// How many times the breaker had opened when a session was last asked for.
    outages: AtomicU64,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// All are in use, and stayed so for the whole wait.
    #[error("no connection to {0} became free in time")]
    Exhausted(String),
    /// The server did not answer in time.
    #[error("connecting to {0} took too long")]
    Timeout(String),
    /// An earlier statement of this connection broke it, or was abandoned.
    #[error("the connection was lost")]
    Lost,
    /// The server, or the network, refused.
    #[error("{0:?}")]
    Refused(Error),
    /// It failed again and again: nobody asks it for now.
    #[error("{0} is away: the circuit breaker is open")]
    Away(String),
}

/// A component's share of a pool's sessions.
#[derive(Debug, Clone)]
pub struct Share(Arc<Semaphore>);

/// A session's place in the component's share and in the pool.
#[derive(Debug)]
pub struct Permits {
    _share: OwnedSemaphorePermit,
    _pool: OwnedSemaphorePermit,
}

impl Pool {
    /// An empty pool.
    pub fn new(
        opts: Opts,
        address: String,
        limits: Limits,
        budget: Arc<Budget>,
        metrics: DatabaseMetrics,
        breaker: Arc<Breaker>,
    ) -> Self {
        metrics
            .max
            .add(i64::try_from(limits.connections_max).unwrap_or(i64::MAX));
        Self {
            opts,
            address,
            idle: Mutex::default(),
            forgetting: tokio::sync::Mutex::default(),
            permits: Arc::new(Semaphore::new(limits.connections_max)),
            limits,
            budget,
            metrics,
            breaker,
            outages: AtomicU64::new(0),
        }
    }

    /// The bounds it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The share of a component: all sessions where it is `alone`, or else so many that some are left for others.
    pub fn share(&self, alone: bool) -> Share {
        let max = self.limits.connections_max;
        let others = match alone {
            true => 0,
            false => max.div_ceil(MYSQL_CONNECTIONS_FOR_OTHERS_SHARE),
        };
        Share(Arc::new(Semaphore::new((max - others).max(1))))
    }

    /// Whether the database may be asked at all, before anything is waited for.
    pub fn check(&self) -> Result<(), TakeError> {
        self.breaker.check().map_err(|refused| self.away(refused))
    }

    /// Leave to ask the database.
    pub fn admit(&self) -> Result<Pass, TakeError> {
        let pass = self.breaker.admit().map_err(|refused| self.away(refused))?;
        let outages = pass.outages();
        if self.outages.load(Relaxed) != outages && self.outages.swap(outages, Relaxed) != outages {
            // From before the database went away.
            self.discard_idle();
        }
        Ok(pass)
    }

    fn away(&self, _: Refused) -> TakeError {
        TakeError::Away(self.address.clone())
    }

    /// Notes that the database has answered.
    pub fn answered(&self, pass: &mut Pass) {
        self.breaker.succeeded(pass);
    }

    /// Notes that the database did not answer.
    pub fn failed(self: &Arc<Self>, pass: &mut Pass) {
        if let Some(opened) = self.breaker.failed(pass) {
            let pool = self.clone();
            let ping = move || {
                let pool = pool.clone();
                async move { pool.answers().await }
            };
            self.breaker.clone().watch(opened, ping);
        }
    }

    /// Whether the database takes a new connection and answers on it.
    async fn answers(&self) -> bool {
        let asking = async {
            let mut conn = Conn::new(self.opts.clone()).await?;
            conn.ping().await?;
            conn.disconnect().await
        };
        matches!(timeout(self.limits.connect, asking).await, Ok(Ok(())))
    }

    /// Room for one session, waiting for it up to the limit.
    pub async fn permits(&self, share: &Share) -> Result<Permits, TakeError> {
        match self.permits_at_once(share) {
            Some(permits) => Ok(permits),
            None => self.wait(share).await,
        }
    }

    /// A clean session in `mode`, idle or new, for a caller that has a permit.
    pub async fn session(&self, mode: Mode) -> Result<Session, TakeError> {
        match self.reuse(mode).await {
            Some(session) => Ok(session),
            None => self.connect(mode).await,
        }
    }

    /// The metrics it keeps.
    pub fn metrics(&self) -> &DatabaseMetrics {
        &self.metrics
    }

    async fn reuse(&self, mode: Mode) -> Option<Session> {
        // An answer on an open connection never gets more time than opening one.
        let answer_within = MYSQL_PING_TIMEOUT.min(self.limits.connect);
        while let Some(mut session) = self.pop(mode) {
            let alive = if !session.rests_in(mode) {
                session.turn(mode, answer_within).await
            } else {
                session.idle_since.elapsed() < MYSQL_PING_AFTER
                    || session.answers(answer_within).await
            };
            if alive {
                return Some(session);
            }
            // One dead session means that the server went away: the other idle ones are dead, too.
            self.discard(session);
            self.discard_idle();
        }
        None
    }

    async fn connect(&self, mode: Mode) -> Result<Session, TakeError> {
        let connecting = Session::connect(&self.opts, self.budget.clone());
        match timeout(self.limits.connect, connecting).await {
            Ok(Ok(mut session)) => {
                self.metrics.open.inc();
                let limit = MYSQL_PING_TIMEOUT.min(self.limits.connect);
                if !session.rests_in(mode) && !session.turn(mode, limit).await {
                    self.discard(session);
                    return Err(TakeError::Timeout(self.address.clone()));
                }
                Ok(session)
            }
            Ok(Err(error)) => Err(TakeError::Refused(error)),
            Err(_) => Err(TakeError::Timeout(self.address.clone())),
        }
    }

    fn permits_at_once(&self, share: &Share) -> Option<Permits> {
        Some(Permits {
            _share: share.0.clone().try_acquire_owned().ok()?,
            _pool: self.permits.clone().try_acquire_owned().ok()?,
        })
    }

    async fn wait(&self, share: &Share) -> Result<Permits, TakeError> {
        let _waiting = Waiting::new(self);
        // The share first: whoever waits for that holds no permit of the pool.
        let waiting = async {
            Ok::<_, AcquireError>(Permits {
                _share: share.0.clone().acquire_owned().await?,
                _pool: self.permits.clone().acquire_owned().await?,
            })
        };
        match timeout(self.limits.wait, waiting).await {
            Ok(Ok(permits)) => Ok(permits),
            Ok(Err(_)) | Err(_) => Err(TakeError::Exhausted(self.address.clone())),
        }
    }

    fn pop(&self, mode: Mode) -> Option<Session> {
        // The one used last: its statements are the likeliest to be cached, and the others may expire. One already in
        // `mode` saves a round trip.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.iter().rposition(|session| session.rests_in(mode)) {
            Some(at) => Some(idle.remove(at)),
            None => idle.pop(),
        }
    }

    /// Keeps a clean session for reuse.
    pub fn push(&self, mut session: Session) {
        session.idle_since = Instant::now();
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(session);
    }

    /// Closes sessions that were idle for longer than `idle_max`.
    pub fn reap(&self, idle_max: Duration) {
        let old: Vec<Session> = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let is_old = |session: &mut Session| session.idle_since.elapsed() > idle_max;
            idle.extract_if(.., is_old).collect()
        };
        old.into_iter().for_each(|session| self.discard(session));
    }

    /// The server has no room for a further statement: halves what all sessions keep, and closes those of idle ones.
    pub async fn make_room(&self) {
        self.budget.halve();
        self.forget_idle().await;
        tracing::warn!(
            address = self.address,
            statements_per_connection = self.budget.per_session(),
            "the server has no room for prepared statements (max_prepared_stmt_count): keeping fewer"
        );
    }

    /// Closes the statements of idle sessions, one after the other. Each counts as in use meanwhile, so that there are
    /// never more sessions than the bound.
    pub async fn forget_idle(&self) {
        // The caller that holds the lock does all of them.
        let Ok(_forgetting) = self.forgetting.try_lock() else {
            return;
        };
        while let Ok(_permit) = self.permits.try_acquire() {
            let Some(mut session) = self.pop_with_statements() else {
                return;
            };
            session.forget_statements(MYSQL_PING_TIMEOUT).await;
            match session.is_usable() {
                true => self.push(session),
                false => self.discard(session),
            }
        }
    }

    fn pop_with_statements(&self) -> Option<Session> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().position(Session::has_statements)?;
        Some(idle.remove(at))
    }

    fn discard(&self, session: Session) {
        self.metrics.open.dec();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(session.close());
        }
    }

    /// Closes all idle sessions: one that broke means that the server went away.
    pub fn discard_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for session in idle {
            self.discard(session);
        }
    }

    /// Kills the server's connection `id`, so that a statement that was answered as failed takes no effect later.
    pub async fn kill(&self, id: u32) {
        let killing = async {
            let mut conn = Conn::new(self.opts.clone()).await?;
            conn.query_drop(format!("KILL CONNECTION {id}")).await?;
            conn.disconnect().await
        };
        match timeout(self.limits.connect, killing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(address = self.address, %error, "could not stop a late statement")
            }
            Err(_) => tracing::warn!(
                address = self.address,
                "could not stop a late statement: no answer"
            ),
        }
    }
}

struct Waiting<'a> {
    pool: &'a Pool,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn new(pool: &'a Pool) -> Self {
        pool.metrics.waiters.inc();
        Self {
            pool,
            since: Instant::now(),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.pool.metrics.waiters.dec();
        self.pool
            .metrics
            .wait
            .observe(self.since.elapsed().as_secs_f64());
    }
}
