//! Tests of `value`.

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
