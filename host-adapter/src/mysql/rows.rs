//! Rows on their way to the guest. A result that fits one piece is there when `query` returns and costs no further
//! wake-up; a longer one is read by a task that stays a few pieces ahead of the guest, so memory is bounded.

use super::pool::Lease;
use super::{State, value};
use crate::bindings::spin::mysql::mysql::{Column, DbDataType, DbValue, Error, Row};
use crate::limits;
use futures::future::{Either, select};
use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, Params, QueryResult};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};
use tokio::time::timeout;
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

/// A connection with its session, exclusively.
pub type Leased = OwnedMutexGuard<State>;

/// What a statement leaves behind to be asked for, by statements that need no session for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known {
    affected_rows: Option<u64>,
    insert_id: Option<u64>,
}

/// The one value of such an answer.
#[derive(Debug, Clone, Copy)]
pub enum Single {
    AffectedRows(u64),
    InsertId(u64),
}

impl Known {
    /// The answer to `statement`, if that is all it asks for.
    pub fn answer(&self, statement: &str) -> Option<Single> {
        let is = |text: &str| statement.trim().eq_ignore_ascii_case(text);
        if is(ROW_COUNT) {
            return self.affected_rows.map(Single::AffectedRows);
        }
        let id = self.insert_id.filter(|_| is(LAST_INSERT_ID));
        id.map(Single::InsertId)
    }

    fn note(&mut self, changed: Option<u64>, insert_id: Option<u64>) {
        self.affected_rows = changed;
        self.insert_id = insert_id.or(self.insert_id);
    }
}

const ROW_COUNT: &str = "SELECT ROW_COUNT()";
const LAST_INSERT_ID: &str = "SELECT LAST_INSERT_ID()";

impl Single {
    /// As an answer of the server.
    pub fn answer(self) -> Answer {
        let (name, data_type, value) = match self {
            Self::AffectedRows(rows) => {
                let rows = i64::try_from(rows).unwrap_or(i64::MAX);
                ("ROW_COUNT()", DbDataType::Int64, DbValue::Int64(rows))
            }
            Self::InsertId(id) => ("LAST_INSERT_ID()", DbDataType::Uint64, DbValue::Uint64(id)),
        };
        let column = Column {
            name: name.to_owned(),
            data_type,
        };
        Answer {
            columns: vec![column],
            rows: Rows {
                first: vec![vec![value]],
                rest: None,
            },
            outcome: Outcome::Known(Ok(())),
        }
    }

    /// The value itself.
    pub fn number(self) -> u64 {
        match self {
            Self::AffectedRows(number) | Self::InsertId(number) => number,
        }
    }
}

/// The beginning of a result.
pub struct Answer {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Rows,
    /// How it ended.
    pub outcome: Outcome,
}

/// How reading the rows ended, or will.
pub enum Outcome {
    /// All rows are in the first piece.
    Known(Result<(), Error>),
    /// The reading task will tell.
    Later(oneshot::Receiver<Result<(), Error>>),
}

/// Rows, the first piece at once and the others as they come.
pub struct Rows {
    first: Vec<Row>,
    rest: Option<mpsc::Receiver<Vec<Row>>>,
}

/// Runs `statement` and returns when its first rows are there.
pub async fn query(
    state: Leased,
    statement: String,
    params: Params,
    limit: Duration,
) -> Result<Answer, Error> {
    let (tell, told) = oneshot::channel();
    let mut reading = Box::pin(read(state, statement, params, limit, tell));
    // Read here, not by a task, as long as nobody has to go on after the answer.
    let told = match select(&mut reading, told).await {
        Either::Left(((), told)) => told.await,
        Either::Right((told, _)) => {
            tokio::spawn(reading);
            told
        }
    };
    told.unwrap_or_else(|_| Err(Error::Other("reading the rows was stopped".to_owned())))
}

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

/// Runs `statement` and gives all its rows as `read` makes them, within one deadline.
pub async fn collect<T>(
    mut state: Leased,
    statement: &str,
    params: Params,
    limit: Duration,
    mut read: impl FnMut(mysql_async::Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let Some(lease) = state.lease.as_mut() else {
        return Err(no_session());
    };
    let run = async {
        let mut result = begin(lease, statement, params).await?;
        let mut rows = Vec::new();
        loop {
            match result.next().await {
                Ok(Some(row)) => match read(row) {
                    Ok(row) => rows.push(row),
                    Err(error) => break drop_rest(&mut result, Err(error)).await,
                },
                Ok(None) => break drop_rest(&mut result, Ok(())).await,
                Err(error) => {
                    let shown = Error::Other(error.to_string());
                    break Err((Some(error), shown));
                }
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

async fn read(
    mut state: Leased,
    statement: String,
    params: Params,
    limit: Duration,
    tell: oneshot::Sender<Result<Answer, Error>>,
) {
    let Some(lease) = state.lease.as_mut() else {
        let _ = tell.send(Err(no_session()));
        return;
    };
    let begun = {
        match timeout(limit, first_piece(lease, &statement, params)).await {
            Ok(Ok((result, columns, piece))) => go_on(result, columns, piece, limit, tell).await,
            Ok(Err((error, shown))) => {
                let _ = tell.send(Err(shown));
                End::Failed(error)
            }
            Err(_) => {
                let _ = tell.send(Err(late(limit)));
                End::Late
            }
        }
    };
    match begun {
        End::Read => lease.ended(None),
        End::Failed(error) => lease.ended(error.as_ref()),
        End::Late => lease.time_out(),
        // Rows are left on the wire: the session stays marked busy, and is closed rather than drained.
        End::Abandoned => {}
    }
    state.known.note(None, None);
    state.settle();
}

/// How a statement left its session.
enum End {
    Read,
    Failed(Option<mysql_async::Error>),
    Late,
    Abandoned,
}

type Reading<'c> = QueryResult<'c, 'static, BinaryProtocol>;

async fn begin<'c>(
    lease: &'c mut Lease,
    statement: &str,
    params: Params,
) -> Result<Reading<'c>, (Option<mysql_async::Error>, Error)> {
    let begun = async {
        let statement = lease.prepare(statement).await?;
        lease.conn().exec_iter(statement, params).await
    };
    begun.await.map_err(|error| {
        let shown = query_failed(&error);
        (Some(error), shown)
    })
}

async fn first_piece<'c>(
    lease: &'c mut Lease,
    statement: &str,
    params: Params,
) -> Result<(Reading<'c>, Vec<Column>, Piece), (Option<mysql_async::Error>, Error)> {
    let mut result = begin(lease, statement, params).await?;
    let columns = result
        .columns()
        .map_or_else(Vec::new, |columns| value::columns(&columns));
    let piece = next_piece(&mut result, &columns).await;
    Ok((result, columns, piece))
}

/// Up to [`limits::ROWS_BUFFERED_MAX`] rows or [`limits::ROWS_BUFFERED_BYTES_MAX`], and whether they were the last.
struct Piece {
    rows: Vec<Row>,
    /// `None` while there is more.
    end: Option<Result<(), (Option<mysql_async::Error>, Error)>>,
}

async fn next_piece(result: &mut Reading<'_>, columns: &[Column]) -> Piece {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let end = loop {
        match result.next().await {
            Ok(Some(row)) => {
                bytes += value::row_bytes(&row);
                match value::row(row, columns) {
                    Ok(row) => rows.push(row),
                    Err(error) => break drop_rest(result, Err(error)).await,
                }
            }
            Ok(None) if columns.is_empty() => {
                let nothing = Error::Other("unable to stream query result".to_owned());
                break drop_rest(result, Err(nothing)).await;
            }
            Ok(None) => break drop_rest(result, Ok(())).await,
            Err(error) => {
                let shown = Error::Other(error.to_string());
                break Err((Some(error), shown));
            }
        }
        if rows.len() == limits::ROWS_BUFFERED_MAX || bytes >= limits::ROWS_BUFFERED_BYTES_MAX {
            return Piece { rows, end: None };
        }
    };
    Piece {
        rows,
        end: Some(end),
    }
}

/// Reads away what is left, so that the session can go on.
async fn drop_rest(
    result: &mut Reading<'_>,
    outcome: Result<(), Error>,
) -> Result<(), (Option<mysql_async::Error>, Error)> {
    while !result.is_empty() {
        if let Err(error) = result.next().await {
            let shown = Error::Other(error.to_string());
            return Err((Some(error), shown));
        }
    }
    outcome.map_err(|shown| (None, shown))
}

async fn go_on(
    mut result: Reading<'_>,
    columns: Vec<Column>,
    piece: Piece,
    limit: Duration,
    tell: oneshot::Sender<Result<Answer, Error>>,
) -> End {
    let Piece { rows: first, end } = piece;
    if let Some(end) = end {
        let (outcome, end) = split(end);
        let rows = Rows { first, rest: None };
        let _ = tell.send(Ok(Answer {
            columns,
            rows,
            outcome: Outcome::Known(outcome),
        }));
        return end;
    }
    let (pieces, rest) = mpsc::channel(limits::ROW_PIECES_QUEUED_MAX);
    let (done, outcome) = oneshot::channel();
    let answer = Answer {
        columns: columns.clone(),
        rows: Rows {
            first,
            rest: Some(rest),
        },
        outcome: Outcome::Later(outcome),
    };
    if tell.send(Ok(answer)).is_err() {
        return End::Abandoned;
    }
    loop {
        let Ok(Piece { rows, end }) = timeout(limit, next_piece(&mut result, &columns)).await
        else {
            let _ = done.send(Err(late(limit)));
            return End::Late;
        };
        // A stream that is given an empty piece ends its guest: the rows may have ended with the piece before.
        let taken = match rows.is_empty() {
            true => Ok(Ok(())),
            false => timeout(limits::ROWS_UNREAD_TIMEOUT, pieces.send(rows)).await,
        };
        if let Some(end) = end {
            let (outcome, end) = split(end);
            let _ = done.send(outcome);
            return end;
        }
        if !matches!(taken, Ok(Ok(()))) {
            let _ = done.send(Err(Error::Other("the rows were not read".to_owned())));
            return End::Abandoned;
        }
    }
}

fn split(end: Result<(), (Option<mysql_async::Error>, Error)>) -> (Result<(), Error>, End) {
    match end {
        Ok(()) => (Ok(()), End::Read),
        Err((error, shown)) => (Err(shown), End::Failed(error)),
    }
}

/// The text Spin gives: the driver's error in debug form, from which guests read the server's code.
fn query_failed(error: &mysql_async::Error) -> Error {
    Error::QueryFailed(format!("{error:?}"))
}

fn late(limit: Duration) -> Error {
    Error::QueryFailed(format!(
        "the statement took longer than {} ms",
        limit.as_millis()
    ))
}

fn no_session() -> Error {
    Error::ConnectionFailed("no session".to_owned())
}

impl<D> StreamProducer<D> for Rows {
    type Item = Row;
    type Buffer = VecBuffer<Row>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Row, VecBuffer<Row>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        if !this.first.is_empty() {
            destination.set_buffer(std::mem::take(&mut this.first).into());
            let more = this.rest.is_some();
            return Poll::Ready(Ok(if more {
                StreamResult::Completed
            } else {
                StreamResult::Dropped
            }));
        }
        let Some(rest) = &mut this.rest else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        match rest.poll_recv(cx) {
            Poll::Ready(Some(rows)) => {
                destination.set_buffer(rows.into());
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(None) => Poll::Ready(Ok(StreamResult::Dropped)),
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
