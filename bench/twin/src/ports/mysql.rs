//! A function's MySQL session: parameters and cells are converted from one enum to the other.

use guest::host::Soon;
use guest::host::mysql::{Failure, Port};
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Params, Row, Value};
use pools::mysql::{Connection, Error};
use spin_sdk::mysql::{DbValue, ParameterValue};

pub struct Session(pub Connection);

impl Port for Session {
    fn execute<'a>(
        &'a self,
        statement: &'a str,
        parameters: Vec<ParameterValue>,
    ) -> Soon<'a, Result<(), Failure>> {
        Box::pin(async move {
            let executed = self.0.execute(statement, params(parameters)).await;
            executed.map_err(error)
        })
    }

    fn query<'a>(
        &'a self,
        statement: &'a str,
        parameters: Vec<ParameterValue>,
    ) -> Soon<'a, Result<Vec<Vec<DbValue>>, Failure>> {
        Box::pin(async move {
            let rows = {
                let known = |number| vec![DbValue::Uint64(number)];
                self.0
                    .collect(statement, params(parameters), row, known)
                    .await
            };
            rows.map_err(error)
        })
    }
}

fn params(values: Vec<ParameterValue>) -> Params {
    if values.is_empty() {
        return Params::Empty;
    }
    Params::Positional(values.into_iter().map(parameter).collect())
}

fn parameter(value: ParameterValue) -> Value {
    match value {
        ParameterValue::Boolean(v) => v.into(),
        ParameterValue::Int8(v) => v.into(),
        ParameterValue::Int16(v) => v.into(),
        ParameterValue::Int32(v) => v.into(),
        ParameterValue::Int64(v) => v.into(),
        ParameterValue::Uint8(v) => v.into(),
        ParameterValue::Uint16(v) => v.into(),
        ParameterValue::Uint32(v) => v.into(),
        ParameterValue::Uint64(v) => v.into(),
        ParameterValue::Floating32(v) => v.into(),
        ParameterValue::Floating64(v) => v.into(),
        ParameterValue::Str(v) => v.into(),
        ParameterValue::Binary(v) => v.into(),
        ParameterValue::DbNull => Value::NULL,
    }
}

fn row(row: Row) -> Result<Vec<DbValue>, Error> {
    let columns = row.columns();
    let cells = row.unwrap_raw().into_iter().zip(columns.iter());
    cells
        .map(|(value, column)| cell(value.unwrap_or(Value::NULL), column))
        .collect()
}

/// Integers are always 64 bits wide: functions do not depend on a column's width. Types that the host cannot carry fail
/// here too.
fn cell(value: Value, column: &Column) -> Result<DbValue, Error> {
    match value {
        Value::NULL => Ok(DbValue::DbNull),
        Value::Int(number) => Ok(DbValue::Int64(number)),
        Value::UInt(number) => Ok(DbValue::Uint64(number)),
        Value::Float(number) => Ok(DbValue::Floating32(number)),
        Value::Double(number) => Ok(DbValue::Floating64(number)),
        Value::Bytes(bytes) if is_string(column) => {
            if column.flags().contains(ColumnFlags::BINARY_FLAG) {
                return Ok(DbValue::Binary(bytes));
            }
            let text = String::from_utf8(bytes);
            text.map(DbValue::Str)
                .map_err(|error| Error::ValueConversionFailed(error.to_string()))
        }
        _ => Err(Error::ValueConversionFailed(format!(
            "column {:?} has a type that spin:mysql cannot carry",
            column.name_str()
        ))),
    }
}

fn is_string(column: &Column) -> bool {
    matches!(
        column.column_type(),
        ColumnType::MYSQL_TYPE_BLOB
            | ColumnType::MYSQL_TYPE_STRING
            | ColumnType::MYSQL_TYPE_VAR_STRING
            | ColumnType::MYSQL_TYPE_MEDIUM_BLOB
            | ColumnType::MYSQL_TYPE_LONG_BLOB
    )
}

pub fn error(error: Error) -> Failure {
    match error {
        Error::ConnectionFailed(text) => Failure::ConnectionFailed(text),
        Error::QueryFailed(text) => Failure::QueryFailed(text),
        Error::ValueConversionFailed(text) => Failure::ValueConversionFailed(text),
        Error::Other(text) => Failure::Other(text),
    }
}
