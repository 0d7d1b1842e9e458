//! WIT values to driver values and back. Which column type becomes which WIT type follows Spin's host, so that a
//! component reads the same on both; a type WIT has no case for is a conversion error, unless the value is NULL.

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
mod tests {
    use super::*;

    #[test]
    fn column_types() {
        use ColumnType as T;
        let none = ColumnFlags::empty();
        let unsigned = ColumnFlags::UNSIGNED_FLAG;
        let binary = ColumnFlags::BINARY_FLAG;
        for (column, flags, want) in [
            (T::MYSQL_TYPE_TINY, none, DbDataType::Int8),
            (T::MYSQL_TYPE_TINY, unsigned, DbDataType::Uint8),
            (T::MYSQL_TYPE_LONG, none, DbDataType::Int32),
            (T::MYSQL_TYPE_LONGLONG, unsigned, DbDataType::Uint64),
            (T::MYSQL_TYPE_VAR_STRING, none, DbDataType::Str),
            (T::MYSQL_TYPE_VAR_STRING, binary, DbDataType::Binary),
            (T::MYSQL_TYPE_BLOB, none, DbDataType::Str),
            (T::MYSQL_TYPE_BLOB, binary, DbDataType::Binary),
            (T::MYSQL_TYPE_LONG_BLOB, none, DbDataType::Binary),
            (T::MYSQL_TYPE_NEWDECIMAL, none, DbDataType::Other),
            (T::MYSQL_TYPE_DATETIME, none, DbDataType::Other),
            (T::MYSQL_TYPE_JSON, none, DbDataType::Other),
        ] {
            assert_eq!(
                data_type(column, flags) as u8,
                want as u8,
                "{column:?} {flags:?}"
            );
        }
    }

    #[test]
    fn cells() {
        let column = |data_type| Column {
            name: "c".into(),
            data_type,
        };
        assert!(matches!(
            cell(Value::Int(-3), &column(DbDataType::Int64)),
            Ok(DbValue::Int64(-3))
        ));
        assert!(matches!(
            cell(Value::NULL, &column(DbDataType::Other)),
            Ok(DbValue::DbNull)
        ));
        assert!(
            matches!(cell(Value::Bytes(b"x".into()), &column(DbDataType::Str)), Ok(DbValue::Str(s)) if s == "x")
        );
        for (value, kind) in [
            (Value::Int(300), DbDataType::Int8),
            (Value::Bytes(vec![0xff]), DbDataType::Str),
            (Value::Bytes(b"1.50".into()), DbDataType::Other),
        ] {
            assert!(matches!(
                cell(value, &column(kind)),
                Err(Error::ValueConversionFailed(_))
            ));
        }
    }

    #[test]
    fn parameters_keep_their_types() {
        let values = vec![
            ParameterValue::Uint64(u64::MAX),
            ParameterValue::Boolean(true),
            ParameterValue::DbNull,
        ];
        let want = vec![Value::UInt(u64::MAX), Value::Int(1), Value::NULL];
        assert_eq!(params(values), Params::Positional(want));
        assert_eq!(params(vec![]), Params::Empty);
    }
}
