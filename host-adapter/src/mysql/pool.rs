//! The sessions of one address on one thread: bounded, kept while idle, handed on only clean.
//! No lock is held across an await; giving back never waits, so an `open` and a `drop` cannot block each other.

use super::Limits;
use super::budget::Budget;
use super::session::{Care, Session};
use super::statement::Mode;
use crate::limits;
use crate::metrics::PoolMetrics;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, Statement};
use prometheus::IntGauge;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

/// The pool.
#[derive(Debug)]
pub struct Pool {
    opts: Opts,
    /// The address without user and password.
    address: String,
    limits: Limits,
    budget: Arc<Budget>,
    idle: Mutex<Vec<Session>>,
    /// One per session that is not idle, so that there are never more than the bound.
    permits: Arc<Semaphore>,
    forgetting: tokio::sync::Mutex<()>,
    metrics: PoolMetrics,
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
    /// An earlier statement of this connection broke it, or was given up.
    #[error("the connection was lost")]
    Lost,
    /// The server, or the way to it, refused.
    #[error("{0:?}")]
    Refused(Error),
}

/// A session in use; dropping it gives it back.
#[derive(Debug)]
pub struct Lease(Option<Held>);

/// What a lease holds, moved out whole when it is dropped: the permit goes where the session goes, so that one being
/// cleaned still counts.
#[derive(Debug)]
struct Held {
    session: Session,
    pool: Arc<Pool>,
    /// Its statement ran into the deadline: the server may still be at it.
    timed_out: bool,
    _permits: Permits,
    _in_use: InUse,
}

/// A component's share of a pool's sessions.
#[derive(Debug, Clone)]
pub struct Share(Arc<Semaphore>);

/// A session's place in the component's share and in the pool.
#[derive(Debug)]
struct Permits {
    _share: OwnedSemaphorePermit,
    _pool: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct InUse(IntGauge);

impl InUse {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Pool {
    /// An empty pool.
    pub fn new(
        opts: Opts,
        address: String,
        limits: Limits,
        budget: Arc<Budget>,
        metrics: PoolMetrics,
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
        }
    }

    /// The bounds it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The share of a component: all sessions where it is `alone`, or else so many that others find some, whatever it
    /// does with its own.
    pub fn share(&self, alone: bool) -> Share {
        let max = self.limits.connections_max;
        let others = match alone {
            true => 0,
            false => max.div_ceil(limits::MYSQL_CONNECTIONS_FOR_OTHERS_SHARE),
        };
        Share(Arc::new(Semaphore::new((max - others).max(1))))
    }

    /// A clean session in `mode`: an idle one, or a new one while the bounds allow, waiting for either up to the limit.
    pub async fn take(self: &Arc<Self>, share: &Share, mode: Mode) -> Result<Lease, TakeError> {
        let permits = match self.permits_at_once(share) {
            Some(permits) => permits,
            None => self.wait(share).await?,
        };
        let in_use = InUse::new(&self.metrics.in_use);
        let session = match self.reuse(mode).await {
            Some(session) => session,
            None => self.connect(mode).await?,
        };
        Ok(Lease(Some(Held {
            session,
            pool: self.clone(),
            timed_out: false,
            _permits: permits,
            _in_use: in_use,
        })))
    }

    async fn reuse(&self, mode: Mode) -> Option<Session> {
        // An answer on an open connection is never given longer than opening one is.
        let answer_within = limits::MYSQL_PING_TIMEOUT.min(self.limits.connect);
        while let Some(mut session) = self.pop(mode) {
            let alive = if !session.rests_in(mode) {
                session.turn(mode, answer_within).await
            } else {
                session.idle_since.elapsed() < limits::MYSQL_PING_AFTER
                    || session.answers(answer_within).await
            };
            if alive {
                return Some(session);
            }
            // One dead session means the server went away: the others idle are no better.
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
                let limit = limits::MYSQL_PING_TIMEOUT.min(self.limits.connect);
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
        // Who waits for its own share is in nobody's way.
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
        // The one used last: its statements are the likeliest to be cached, and the others may grow old. One that need
        // not be turned saves a round trip.
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match idle.iter().rposition(|session| session.rests_in(mode)) {
            Some(at) => Some(idle.remove(at)),
            None => idle.pop(),
        }
    }

    fn push(&self, mut session: Session) {
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

    /// The server has no room for a further statement: all keep fewer from now on, and the idle ones none for now.
    async fn make_room(&self) {
        self.budget.halve();
        self.forget_idle().await;
        tracing::warn!(
            address = self.address,
            statements_per_connection = self.budget.per_session(),
            "the server has no room for prepared statements (max_prepared_stmt_count): keeping fewer"
        );
    }

    /// Lets idle sessions forget their statements, one after the other: one that is not idle has a permit, so that
    /// there are never more sessions than the bound.
    pub async fn forget_idle(&self) {
        // Whoever is at it sees to all.
        let Ok(_forgetting) = self.forgetting.try_lock() else {
            return;
        };
        while let Ok(_permit) = self.permits.try_acquire() {
            let Some(mut session) = self.pop_with_statements() else {
                return;
            };
            session.forget_statements(limits::MYSQL_PING_TIMEOUT).await;
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

    fn discard_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for session in idle {
            self.discard(session);
        }
    }

    /// Stops what connection `id` is doing, so that a statement whose caller was told it failed does not take effect
    /// later.
    async fn kill(&self, id: u32) {
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

/// The server's code for a statement too many, of anybody.
const TOO_MANY_STATEMENTS: u16 = 1461;
/// Attempts at preparing a statement while there is no room for it.
const PREPARE_ATTEMPTS: u32 = 5;

impl Lease {
    /// The statement `text`, prepared; see [`Session::begin`]. Where the server has no room for it, room is made.
    pub async fn prepare(&mut self, text: &str) -> Result<Statement, Error> {
        let mut attempts = 1;
        loop {
            match self.begin(text).await {
                Err(Error::Server(e))
                    if e.code == TOO_MANY_STATEMENTS && attempts < PREPARE_ATTEMPTS => {}
                result => return result,
            }
            self.forget_statements(limits::MYSQL_PING_TIMEOUT).await;
            if let Some(held) = &self.0 {
                held.pool.make_room().await;
            }
            // Other threads make room for it, too.
            sleep(limits::MYSQL_MAKE_ROOM_PAUSE * attempts).await;
            attempts += 1;
        }
    }

    /// Marks the statement under way as late: its connection is closed, and the server told to stop it.
    pub fn time_out(&mut self) {
        if let Some(held) = &mut self.0 {
            held.timed_out = true;
            held.pool.metrics.timeouts.inc();
        }
    }
}

impl Held {
    async fn give_back(mut self, care: Care) {
        let id = self.session.id();
        if care != Care::Close && self.session.clean(care, limits::MYSQL_CLEAN_TIMEOUT).await {
            self.pool.metrics.cleaned.inc();
            self.pool.push(self.session);
            return;
        }
        if self.session.is_broken() {
            self.pool.discard_idle();
        }
        self.pool.metrics.open.dec();
        self.session.close().await;
        if self.timed_out {
            self.pool.kill(id).await;
        }
    }
}

impl Deref for Lease {
    type Target = Session;
    fn deref(&self) -> &Session {
        match &self.0 {
            Some(held) => &held.session,
            None => unreachable!("a lease has its session until it is dropped"),
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Session {
        match &mut self.0 {
            Some(held) => &mut held.session,
            None => unreachable!("a lease has its session until it is dropped"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.0.take() else {
            return;
        };
        match held.session.care() {
            Care::None => held.pool.push(held.session),
            care => {
                // Outside a runtime the process is ending, and the socket with it.
                if let Ok(runtime) = Handle::try_current() {
                    runtime.spawn(held.give_back(care));
                }
            }
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
