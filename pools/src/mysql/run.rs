//! Statements run to their end within one deadline: those without rows, and those whose rows are wanted all at once.

use super::Error;
use super::lease::Lease;
use super::state::State;
use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, Params, QueryResult, Row};
use std::time::Duration;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

/// A connection with its session, exclusively.
pub type Leased = OwnedMutexGuard<State>;

/// A result that is being read.
pub type Reading<'c> = QueryResult<'c, 'static, BinaryProtocol>;

/// Why a result was not read to its end: the driver's error, if it affects the session, and the caller's error.
pub type Failed = (Option<mysql_async::Error>, Error);

/// Runs `statement` and drops what rows it yields.
pub async fn execute(
    mut state: Leased,
    statement: &str,
    params: Params,
    limit: Duration,
) -> Result<(), Error> {
    let Some(lease) = state.lease.as_mut() else {
        return Err(no_session());
    };
    let run = async {
        let statement = lease.prepare(statement).await?;
        lease
            .conn()
            .exec_iter(statement, params)
            .await?
            .drop_result()
            .await
    };
    let result = match timeout(limit, run).await {
        Ok(result) => {
            lease.ended(result.as_ref().err());
            let changed = result.is_ok().then(|| lease.affected_rows());
            let insert_id = lease.insert_id().filter(|_| result.is_ok());
            state.known.note(changed, insert_id);
            result.map_err(|error| query_failed(&error))
        }
        Err(_) => {
            lease.time_out();
            Err(late(limit))
        }
    };
    state.settle();
    result
}

/// Runs `statement` and gives all its rows as `read` makes them.
pub async fn collect<T>(
    mut state: Leased,
    statement: &str,
    params: Params,
    limit: Duration,
    mut read: impl FnMut(Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let Some(lease) = state.lease.as_mut() else {
        return Err(no_session());
    };
    let run = async {
        let mut reading = begin(lease, statement, params).await?;
        let mut rows = Vec::new();
        loop {
            match reading.next().await {
                Ok(Some(row)) => match read(row) {
                    Ok(row) => rows.push(row),
                    Err(error) => break drop_rest(&mut reading, Err(error)).await,
                },
                Ok(None) => break drop_rest(&mut reading, Ok(())).await,
                Err(error) => break Err(broken(error)),
            }
        }
        .map(|()| rows)
    };
    let result = match timeout(limit, run).await {
        Ok(Ok(rows)) => {
            lease.ended(None);
            Ok(rows)
        }
        Ok(Err((error, shown))) => {
            lease.ended(error.as_ref());
            Err(shown)
        }
        Err(_) => {
            lease.time_out();
            Err(late(limit))
        }
    };
    state.known.note(None, None);
    state.settle();
    result
}

/// Sends `statement` and returns when its result begins.
pub async fn begin<'c>(
    lease: &'c mut Lease,
    statement: &str,
    params: Params,
) -> Result<Reading<'c>, Failed> {
    let begun = async {
        let statement = lease.prepare(statement).await?;
        lease.conn().exec_iter(statement, params).await
    };
    begun.await.map_err(|error| {
        let shown = query_failed(&error);
        (Some(error), shown)
    })
}

/// Drains what is left, so that the session can be used further.
pub async fn drop_rest(
    reading: &mut Reading<'_>,
    outcome: Result<(), Error>,
) -> Result<(), Failed> {
    while !reading.is_empty() {
        if let Err(error) = reading.next().await {
            return Err(broken(error));
        }
    }
    outcome.map_err(|shown| (None, shown))
}

/// An error between two rows.
pub fn broken(error: mysql_async::Error) -> Failed {
    let shown = Error::Other(error.to_string());
    (Some(error), shown)
}

/// The error of a statement that did not end in time.
pub fn late(limit: Duration) -> Error {
    Error::QueryFailed(format!(
        "the statement took longer than {} ms",
        limit.as_millis()
    ))
}

/// The error of a connection without a session. Not expected: callers take one first.
pub fn no_session() -> Error {
    Error::ConnectionFailed("no session".to_owned())
}

/// With Spin's text: the driver's error in debug form, from which components read the server's code.
fn query_failed(error: &mysql_async::Error) -> Error {
    Error::QueryFailed(format!("{error:?}"))
}
