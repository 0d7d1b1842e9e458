//! WIT values to driver values and back. The WIT type of each column type is that of Spin's host, so that a component
//! reads the same on both; a type without a WIT case is a conversion error, unless the value is NULL.

use crate::bindings::spin::mysql::mysql::{Column, DbDataType, DbValue, ParameterValue};
use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::prelude::FromValue;
use mysql_async::{Params, Row, Value, from_value_opt};
use pools::mysql::Error;

/// The parameters of a statement.
pub fn params(values: Vec<ParameterValue>) -> Params {
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

/// Name and type of each column.
pub fn columns(columns: &[mysql_async::Column]) -> Vec<Column> {
    columns
        .iter()
        .map(|column| Column {
            name: column.name_str().into_owned(),
            data_type: data_type(column.column_type(), column.flags()),
        })
        .collect()
}

fn data_type(column: ColumnType, flags: ColumnFlags) -> DbDataType {
    use ColumnType as T;
    let unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
    let binary = flags.contains(ColumnFlags::BINARY_FLAG);
    match column {
        T::MYSQL_TYPE_DOUBLE => DbDataType::Floating64,
        T::MYSQL_TYPE_FLOAT => DbDataType::Floating32,
        T::MYSQL_TYPE_TINY if unsigned => DbDataType::Uint8,
        T::MYSQL_TYPE_TINY => DbDataType::Int8,
        T::MYSQL_TYPE_SHORT if unsigned => DbDataType::Uint16,
        T::MYSQL_TYPE_SHORT => DbDataType::Int16,
        T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_LONG if unsigned => DbDataType::Uint32,
        T::MYSQL_TYPE_INT24 | T::MYSQL_TYPE_LONG => DbDataType::Int32,
        T::MYSQL_TYPE_LONGLONG if unsigned => DbDataType::Uint64,
        T::MYSQL_TYPE_LONGLONG => DbDataType::Int64,
        // TEXT is a BLOB without the binary flag.
        T::MYSQL_TYPE_BLOB | T::MYSQL_TYPE_STRING | T::MYSQL_TYPE_VAR_STRING if !binary => {
            DbDataType::Str
        }
        T::MYSQL_TYPE_BLOB
        | T::MYSQL_TYPE_STRING
        | T::MYSQL_TYPE_VAR_STRING
        | T::MYSQL_TYPE_MEDIUM_BLOB
        | T::MYSQL_TYPE_LONG_BLOB => DbDataType::Binary,
        _ => DbDataType::Other,
    }
}

/// A row as the guest sees it.
pub fn row(row: Row, columns: &[Column]) -> Result<Vec<DbValue>, Error> {
    row.unwrap()
        .into_iter()
        .zip(columns)
        .map(|(value, column)| cell(value, column))
        .collect()
}

fn cell(value: Value, column: &Column) -> Result<DbValue, Error> {
    if value == Value::NULL {
        return Ok(DbValue::DbNull);
    }
    match column.data_type {
        DbDataType::Boolean => convert(value, DbValue::Boolean),
        DbDataType::Int8 => convert(value, DbValue::Int8),
        DbDataType::Int16 => convert(value, DbValue::Int16),
        DbDataType::Int32 => convert(value, DbValue::Int32),
        DbDataType::Int64 => convert(value, DbValue::Int64),
        DbDataType::Uint8 => convert(value, DbValue::Uint8),
        DbDataType::Uint16 => convert(value, DbValue::Uint16),
        DbDataType::Uint32 => convert(value, DbValue::Uint32),
        DbDataType::Uint64 => convert(value, DbValue::Uint64),
        DbDataType::Floating32 => convert(value, DbValue::Floating32),
        DbDataType::Floating64 => convert(value, DbValue::Floating64),
        DbDataType::Str => convert(value, DbValue::Str),
        DbDataType::Binary => convert(value, DbValue::Binary),
        DbDataType::Other => Err(Error::ValueConversionFailed(format!(
            "column {:?} has a type that spin:mysql cannot carry: select it as text or as an integer",
            column.name
        ))),
    }
}

fn convert<T: FromValue>(value: Value, case: fn(T) -> DbValue) -> Result<DbValue, Error> {
    from_value_opt(value)
        .map(case)
        .map_err(|e| Error::ValueConversionFailed(e.to_string()))
}

#[cfg(test)]
mod tests;
