//! A caller's connection: the same session from the first statement of a transaction to its end, and any session for a
//! statement outside of one.

use super::known::Number;
use super::lease::Lease;
use super::pool::{Pool, Share, TakeError};
use super::rows::{Answer, Decode};
use super::run;
use super::state::State;
use super::statement::{self, Word};
use super::{Error, stream};
use mysql_async::{Params, Row};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A connection. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Connection {
    pool: Arc<Pool>,
    share: Share,
    /// Statements of one connection run one after the other, as on the wire.
    state: Arc<Mutex<State>>,
}

/// The answer to a query.
pub enum Reply<D: Decode> {
    /// A number left by the statement before, known without asking the server.
    Number(Number),
    /// Rows of the server.
    Rows(Answer<D>),
}

impl From<TakeError> for Error {
    fn from(error: TakeError) -> Self {
        Self::ConnectionFailed(error.to_string())
    }
}

impl Connection {
    /// A connection that takes its sessions from `pool` within `share`.
    pub(super) fn new(pool: Arc<Pool>, share: Share) -> Self {
        Self {
            pool,
            share,
            state: Arc::default(),
        }
    }

    /// Runs `statement` and drops what rows it yields.
    ///
    /// # Errors
    /// The database's error; no session, or no answer in time.
    pub async fn execute(&self, statement: &str, params: Params) -> Result<(), Error> {
        let mut state = self.state.clone().lock_owned().await;
        if state.lease.is_none() && !state.lost {
            match statement::word(statement) {
                // Noted, and kept in the session that the next statement takes.
                Some(Word::Mode(mode)) => {
                    state.mode = mode;
                    return Ok(());
                }
                // No transaction is open.
                Some(Word::End) => return Ok(()),
                None => {}
            }
        }
        let mut state = self.leased(state).await?;
        if let Some(Word::Mode(mode)) = statement::word(statement) {
            state.mode = mode;
        }
        run::execute(state, statement, params, self.pool.limits().query).await
    }

    /// Runs `statement` and returns when its first rows are there, as `D` reads them.
    ///
    /// # Errors
    /// The database's error; no session, or no answer in time. An error at later rows is the answer's outcome.
    pub async fn query<D: Decode>(
        &self,
        statement: String,
        params: Params,
    ) -> Result<Reply<D>, Error> {
        let state = self.state.clone().lock_owned().await;
        if let Some(known) = state.known.answer(&statement) {
            return Ok(Reply::Number(known));
        }
        let state = self.leased(state).await?;
        let answer = stream::query(state, statement, params, self.pool.limits().query).await?;
        Ok(Reply::Rows(answer))
    }

    /// Runs `statement` and gives all its rows as `read` makes them, for a caller that needs no stream. `known` makes a
    /// row of a number that the statement before has left.
    ///
    /// # Errors
    /// As for [`execute`](Self::execute), or the first error of `read`.
    pub async fn collect<T>(
        &self,
        statement: &str,
        params: Params,
        read: impl FnMut(Row) -> Result<T, Error>,
        known: impl FnOnce(u64) -> T,
    ) -> Result<Vec<T>, Error> {
        let state = self.state.clone().lock_owned().await;
        if let Some(number) = state.known.answer(statement) {
            return Ok(vec![known(number.value())]);
        }
        let state = self.leased(state).await?;
        run::collect(state, statement, params, self.pool.limits().query, read).await
    }

    /// The state with a session, taken from the pool if there is none yet.
    async fn leased(
        &self,
        mut state: OwnedMutexGuard<State>,
    ) -> Result<OwnedMutexGuard<State>, TakeError> {
        // Not replaced: a transaction of the caller may have been lost with it.
        if state.lost {
            return Err(TakeError::Lost);
        }
        if state.lease.is_none() {
            state.lease = Some(Lease::take(&self.pool, &self.share, state.mode).await?);
        }
        Ok(state)
    }
}
