//! Rows on their way to the caller: the first piece at once, the others as they come.

use super::Error;
use mysql_async::{Column, Row};
use std::task::{Context, Poll};
use tokio::sync::{mpsc, oneshot};

/// A caller's reader of rows, made once per result from its columns.
pub trait Decode: Clone + Send + Sync + 'static {
    /// A row as the caller wants it.
    type Row: Send + 'static;

    /// The reader of rows with these columns.
    fn of(columns: &[Column]) -> Self;

    /// Reads one row.
    ///
    /// # Errors
    /// [`Error::ValueConversionFailed`], naming the column.
    fn read(&self, row: Row) -> Result<Self::Row, Error>;
}

/// The beginning of a result.
#[derive(Debug)]
pub struct Answer<D: Decode> {
    /// Made from the result's columns.
    pub decoder: D,
    /// Its rows, the first of them already read.
    pub rows: Rows<D::Row>,
    /// How it ended.
    pub outcome: Outcome,
}

/// How reading the rows ended, or will.
#[derive(Debug)]
pub enum Outcome {
    /// All rows are in the first piece.
    Known(Result<(), Error>),
    /// The reading task sends it.
    Later(oneshot::Receiver<Result<(), Error>>),
}

/// Pieces of rows.
#[derive(Debug)]
pub struct Rows<R> {
    first: Vec<R>,
    rest: Option<mpsc::Receiver<Vec<R>>>,
}

impl<R> From<Vec<R>> for Rows<R> {
    fn from(first: Vec<R>) -> Self {
        Self { first, rest: None }
    }
}

impl<R> Rows<R> {
    /// `first`, and then the pieces received from `rest`.
    pub(super) fn with_rest(first: Vec<R>, rest: mpsc::Receiver<Vec<R>>) -> Self {
        Self {
            first,
            rest: Some(rest),
        }
    }

    /// The next piece, never empty; `None` after the last.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<R>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(std::mem::take(&mut self.first)));
        }
        match &mut self.rest {
            Some(rest) => rest.poll_recv(cx),
            None => Poll::Ready(None),
        }
    }

    /// Whether it is known that none are left.
    pub fn is_ended(&self) -> bool {
        self.first.is_empty() && self.rest.is_none()
    }
}
