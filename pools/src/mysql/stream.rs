//! A query whose rows are read as its caller takes them. A result that fits one piece is complete when [`query`]
//! returns and costs no further wake-up; a longer one is read by a task that stays a few pieces ahead, so memory is
//! bounded.

use super::Error;
use super::lease::Lease;
use super::rows::{Answer, Decode, Outcome, Rows};
use super::run::{Failed, Leased, Reading, begin, broken, drop_rest, late, no_session};
use crate::limits::{
    ROW_PIECES_QUEUED_MAX, ROWS_BUFFERED_BYTES_MAX, ROWS_BUFFERED_MAX, ROWS_UNREAD_TIMEOUT,
};
use futures::future::{Either, select};
use mysql_async::{Params, Row, Value};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Runs `statement` and returns when its first rows are read.
pub async fn query<D: Decode>(
    state: Leased,
    statement: String,
    params: Params,
    limit: Duration,
) -> Result<Answer<D>, Error> {
    let (sender, answer) = oneshot::channel();
    let mut reading = Box::pin(read(state, statement, params, limit, sender));
    // Polled here, and by a task only if rows are left after the answer.
    let answer = match select(&mut reading, answer).await {
        Either::Left(((), answer)) => answer.await,
        Either::Right((answer, _)) => {
            tokio::spawn(reading);
            answer
        }
    };
    answer.unwrap_or_else(|_| Err(Error::Other("reading the rows was stopped".to_owned())))
}

async fn read<D: Decode>(
    mut state: Leased,
    statement: String,
    params: Params,
    limit: Duration,
    sender: oneshot::Sender<Result<Answer<D>, Error>>,
) {
    let Some(lease) = state.lease.as_mut() else {
        let _ = sender.send(Err(no_session()));
        return;
    };
    let end = match timeout(limit, first_piece(lease, &statement, params)).await {
        Ok(Ok((reading, decoder, piece))) => go_on(reading, decoder, piece, limit, sender).await,
        Ok(Err((error, shown))) => {
            let _ = sender.send(Err(shown));
            End::Failed(error)
        }
        Err(_) => {
            let _ = sender.send(Err(late(limit)));
            End::Late
        }
    };
    match end {
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

async fn first_piece<'c, D: Decode>(
    lease: &'c mut Lease,
    statement: &str,
    params: Params,
) -> Result<(Reading<'c>, D, Piece<D::Row>), Failed> {
    let mut reading = begin(lease, statement, params).await?;
    let columns = reading.columns().unwrap_or_default();
    let decoder = D::of(&columns);
    let piece = match columns.is_empty() {
        true => nothing(&mut reading).await,
        false => next_piece(&mut reading, &decoder).await,
    };
    Ok((reading, decoder, piece))
}

/// Up to [`ROWS_BUFFERED_MAX`] rows or [`ROWS_BUFFERED_BYTES_MAX`], and whether they were the last.
struct Piece<R> {
    rows: Vec<R>,
    /// `None` while there is more.
    end: Option<Result<(), Failed>>,
}

/// A statement without columns is no query: refused, with Spin's text.
async fn nothing<R>(reading: &mut Reading<'_>) -> Piece<R> {
    let refused = Error::Other("unable to stream query result".to_owned());
    Piece {
        rows: Vec::new(),
        end: Some(drop_rest(reading, Err(refused)).await),
    }
}

async fn next_piece<D: Decode>(reading: &mut Reading<'_>, decoder: &D) -> Piece<D::Row> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    let end = loop {
        match reading.next().await {
            Ok(Some(row)) => {
                bytes += row_bytes(&row);
                match decoder.read(row) {
                    Ok(row) => rows.push(row),
                    Err(error) => break drop_rest(reading, Err(error)).await,
                }
            }
            Ok(None) => break drop_rest(reading, Ok(())).await,
            Err(error) => break Err(broken(error)),
        }
        if rows.len() == ROWS_BUFFERED_MAX || bytes >= ROWS_BUFFERED_BYTES_MAX {
            return Piece { rows, end: None };
        }
    };
    Piece {
        rows,
        end: Some(end),
    }
}

/// Bytes a row takes, approximately.
fn row_bytes(row: &Row) -> usize {
    let bytes = |at| match row.as_ref(at) {
        Some(Value::Bytes(bytes)) => bytes.len(),
        _ => 0,
    };
    row.len() * size_of::<Value>() + (0..row.len()).map(bytes).sum::<usize>()
}

async fn go_on<D: Decode>(
    mut reading: Reading<'_>,
    decoder: D,
    piece: Piece<D::Row>,
    limit: Duration,
    sender: oneshot::Sender<Result<Answer<D>, Error>>,
) -> End {
    let Piece { rows: first, end } = piece;
    if let Some(end) = end {
        let (outcome, end) = split(end);
        let _ = sender.send(Ok(Answer {
            decoder,
            rows: first.into(),
            outcome: Outcome::Known(outcome),
        }));
        return end;
    }
    let (pieces, rest) = mpsc::channel(ROW_PIECES_QUEUED_MAX);
    let (done, outcome) = oneshot::channel();
    let answer = Answer {
        decoder: decoder.clone(),
        rows: Rows::with_rest(first, rest),
        outcome: Outcome::Later(outcome),
    };
    if sender.send(Ok(answer)).is_err() {
        return End::Abandoned;
    }
    loop {
        let piece = timeout(limit, next_piece(&mut reading, &decoder)).await;
        let Ok(Piece { rows, end }) = piece else {
            let _ = done.send(Err(late(limit)));
            return End::Late;
        };
        // A component takes an empty piece for the end. One is read where the rows ended with the piece before.
        let taken = match rows.is_empty() {
            true => Ok(Ok(())),
            false => timeout(ROWS_UNREAD_TIMEOUT, pieces.send(rows)).await,
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

fn split(end: Result<(), Failed>) -> (Result<(), Error>, End) {
    match end {
        Ok(()) => (Ok(()), End::Read),
        Err((error, shown)) => (Err(shown), End::Failed(error)),
    }
}
