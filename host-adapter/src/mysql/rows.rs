//! Rows as a component reads them: a stream of WIT cells.

use super::value;
use crate::bindings::spin::mysql::mysql::{Column, DbDataType, DbValue, Row};
use pools::mysql::{Decode, Error, Number, Rows};
use std::pin::Pin;
use std::task::{Context, Poll};
use wasmtime::StoreContextMut;
use wasmtime::component::{Destination, StreamProducer, StreamResult, VecBuffer};

/// Reads rows as cells of these columns.
#[derive(Debug, Clone)]
pub struct Cells(Vec<Column>);

impl Decode for Cells {
    type Row = Row;

    fn of(columns: &[mysql_async::Column]) -> Self {
        Self(value::columns(columns))
    }

    fn read(&self, row: mysql_async::Row) -> Result<Row, Error> {
        value::row(row, &self.0)
    }
}

impl From<Cells> for Vec<Column> {
    fn from(cells: Cells) -> Self {
        cells.0
    }
}

/// `number` as the server would answer it.
pub fn of_number(number: Number) -> (Cells, Row) {
    let (name, data_type, value) = match number {
        Number::AffectedRows(rows) => {
            let rows = i64::try_from(rows).unwrap_or(i64::MAX);
            ("ROW_COUNT()", DbDataType::Int64, DbValue::Int64(rows))
        }
        Number::InsertId(id) => ("LAST_INSERT_ID()", DbDataType::Uint64, DbValue::Uint64(id)),
    };
    let column = Column {
        name: name.to_owned(),
        data_type,
    };
    (Cells(vec![column]), vec![value])
}

/// The stream that a component reads.
pub struct RowStream(pub Rows<Row>);

impl<D> StreamProducer<D> for RowStream {
    type Item = Row;
    type Buffer = VecBuffer<Row>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        _: StoreContextMut<'a, D>,
        mut destination: Destination<'a, Row, VecBuffer<Row>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let rows = &mut self.get_mut().0;
        Poll::Ready(Ok(match rows.poll_next(cx) {
            Poll::Ready(Some(piece)) => {
                destination.set_buffer(piece.into());
                match rows.is_ended() {
                    true => StreamResult::Dropped,
                    false => StreamResult::Completed,
                }
            }
            Poll::Ready(None) => StreamResult::Dropped,
            Poll::Pending if finish => StreamResult::Cancelled,
            Poll::Pending => return Poll::Pending,
        }))
    }
}
