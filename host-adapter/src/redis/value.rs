//! Redis replies as `execute` gives them: one flat list, nested arrays and sets in order, as in Spin's host.

use crate::bindings::spin::redis::redis::{Error, RedisResult};
use redis::Value;

/// The flat list of `value`, or why there is none.
pub fn flatten(value: Value) -> Result<Vec<RedisResult>, Error> {
    let mut list = Vec::new();
    append(&mut list, value)?;
    Ok(list)
}

fn append(list: &mut Vec<RedisResult>, value: Value) -> Result<(), Error> {
    list.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::Boolean(truth) => RedisResult::Int64(i64::from(truth)),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Double(number) => RedisResult::Binary(number.to_string().into_bytes()),
        Value::BigNumber(digits) => RedisResult::Binary(digits),
        Value::Array(values) | Value::Set(values) => {
            return values.into_iter().try_for_each(|value| append(list, value));
        }
        Value::Map(_) => return Err(unsupported("map")),
        Value::Attribute { .. } => return Err(unsupported("attribute")),
        Value::VerbatimString { .. } => return Err(unsupported("verbatim string")),
        Value::Push { .. } => return Err(unsupported("push")),
        Value::ServerError(error) => return Err(Error::Other(format!("Server error: {error:?}"))),
        other => {
            return Err(Error::Other(format!(
                "a reply of an unknown type: {other:?}"
            )));
        }
    });
    Ok(())
}

fn unsupported(kind: &str) -> Error {
    Error::Other(format!("a reply of type {kind} is not supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_has_its_place_in_the_list() {
        let reply = Value::Array(vec![
            Value::Nil,
            Value::Int(-1),
            Value::Okay,
            Value::SimpleString("QUEUED".into()),
            Value::Set(vec![
                Value::BulkString(b"a".into()),
                Value::Array(vec![Value::Boolean(true)]),
            ]),
            Value::Array(vec![]),
            Value::Double(1.5),
            Value::BigNumber(b"123456789012345678901".into()),
        ]);
        let shown: Vec<_> = flatten(reply).unwrap().iter().map(show).collect();
        let want = [
            "nil",
            "-1",
            "+OK",
            "+QUEUED",
            "a",
            "1",
            "1.5",
            "123456789012345678901",
        ];
        assert_eq!(shown, want);
    }

    fn show(result: &RedisResult) -> String {
        match result {
            RedisResult::Nil => "nil".to_owned(),
            RedisResult::Status(text) => format!("+{text}"),
            RedisResult::Int64(number) => number.to_string(),
            RedisResult::Binary(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    #[test]
    fn what_has_no_place_is_an_error() {
        assert!(flatten(Value::Map(vec![])).is_err());
        assert!(flatten(Value::Array(vec![Value::Map(vec![])])).is_err());
    }
}
