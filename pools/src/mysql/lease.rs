//! A session in use. Giving it back never waits, so that closing one connection cannot block opening another.

use super::health;
use super::pool::{Permits, Pool, Share, TakeError};
use super::session::{Care, Session};
use super::statement::Mode;
use crate::breaker::Pass;
use crate::limits::{MYSQL_CLEAN_TIMEOUT, MYSQL_MAKE_ROOM_PAUSE, MYSQL_PING_TIMEOUT};
use mysql_async::{Error, Statement};
use prometheus::IntGauge;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::time::sleep;

/// A session in use; dropping it gives it back.
#[derive(Debug)]
pub struct Lease(Option<Held>);

/// What a lease holds, moved out whole when it is dropped: the permits stay with the session, so that one being cleaned
/// still counts.
#[derive(Debug)]
struct Held {
    session: Session,
    pool: Arc<Pool>,
    /// Its statement ran into the deadline: the server may still be running it.
    timed_out: bool,
    pass: Pass,
    _permits: Permits,
    _in_use: InUse,
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

/// The server's error code where all its clients together have too many prepared statements.
const TOO_MANY_STATEMENTS: u16 = 1461;
/// Attempts at preparing a statement while there is no room for it.
const PREPARE_ATTEMPTS: u32 = 5;

impl Lease {
    /// A clean session of `pool` in `mode`, waiting for one up to the limit. Statements of a lease need no leave of
    /// their own: the breaker cuts no transaction short.
    pub async fn take(pool: &Arc<Pool>, share: &Share, mode: Mode) -> Result<Self, TakeError> {
        pool.check()?;
        let permits = pool.permits(share).await?;
        let in_use = InUse::new(&pool.metrics().in_use);
        let mut pass = pool.admit()?;
        let session =
            pool.session(mode)
                .await
                .inspect_err(|error| match health::is_away_of_take(error) {
                    true => pool.failed(&mut pass),
                    false => pool.answered(&mut pass),
                })?;
        Ok(Self(Some(Held {
            session,
            pool: pool.clone(),
            timed_out: false,
            pass,
            _permits: permits,
            _in_use: in_use,
        })))
    }

    /// The statement `text`, prepared; see [`Session::begin`]. Where the server has no room for it, room is made.
    pub async fn prepare(&mut self, text: &str) -> Result<Statement, Error> {
        let mut attempts = 1;
        loop {
            match self.begin(text).await {
                Err(Error::Server(e))
                    if e.code == TOO_MANY_STATEMENTS && attempts < PREPARE_ATTEMPTS => {}
                result => return result,
            }
            self.forget_statements(MYSQL_PING_TIMEOUT).await;
            if let Some(held) = &self.0 {
                held.pool.make_room().await;
            }
            // Meanwhile other threads make room, too.
            sleep(MYSQL_MAKE_ROOM_PAUSE * attempts).await;
            attempts += 1;
        }
    }

    /// Notes how the statement went, for the session and for the breaker.
    pub fn ended(&mut self, error: Option<&Error>) {
        if let Some(held) = &mut self.0 {
            held.session.ended(error);
            match error.is_some_and(health::is_away) {
                true => held.pool.failed(&mut held.pass),
                false => held.pool.answered(&mut held.pass),
            }
        }
    }

    /// Marks the running statement as late: its connection is closed, and the server is asked to kill it.
    pub fn time_out(&mut self) {
        if let Some(held) = &mut self.0 {
            held.timed_out = true;
            held.pool.metrics().timeouts.inc();
            held.pool.failed(&mut held.pass);
        }
    }
}

impl Held {
    async fn give_back(mut self, care: Care) {
        let id = self.session.id();
        if care != Care::Close && self.session.clean(care, MYSQL_CLEAN_TIMEOUT).await {
            self.pool.metrics().cleaned.inc();
            self.pool.push(self.session);
            return;
        }
        if self.session.is_broken() {
            self.pool.discard_idle();
        }
        self.pool.metrics().open.dec();
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
