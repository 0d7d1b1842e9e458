//! A function's Redis connection: commands are built from borrowed parameters, replies flattened as in the host.

use guest::host::Soon;
use guest::host::redis::{Error, Port, RedisParameter, RedisResult};
use pools::redis::Connection;
use redis::{Value, cmd};

pub struct Link(pub Connection);

impl Port for Link {
    fn execute<'a>(
        &'a self,
        command: &'a str,
        arguments: Vec<RedisParameter<'a>>,
    ) -> Soon<'a, Result<Vec<RedisResult>, Error>> {
        let mut sent = cmd(command);
        for argument in &arguments {
            match argument {
                RedisParameter::Int64(number) => sent.arg(number),
                RedisParameter::Binary(bytes) => sent.arg(bytes),
                RedisParameter::Lent(bytes) => sent.arg(bytes),
            };
        }
        Box::pin(async move {
            let reply = self.0.send(command, false, &sent).await.map_err(error)?;
            let mut list = Vec::new();
            flatten(&mut list, reply)?;
            Ok(list)
        })
    }

    fn get<'a>(&'a self, key: &'a str) -> Soon<'a, Result<Option<Vec<u8>>, Error>> {
        Box::pin(async move {
            let reply = self.0.send("GET", false, cmd("GET").arg(key)).await;
            match reply.map_err(error)? {
                Value::Nil => Ok(None),
                Value::BulkString(bytes) => Ok(Some(bytes)),
                _ => Err(Error::TypeError),
            }
        })
    }
}

/// Handles the kinds of replies that scripts and plain commands return.
fn flatten(list: &mut Vec<RedisResult>, value: Value) -> Result<(), Error> {
    list.push(match value {
        Value::Nil => RedisResult::Nil,
        Value::Int(number) => RedisResult::Int64(number),
        Value::BulkString(bytes) => RedisResult::Binary(bytes),
        Value::SimpleString(text) => RedisResult::Status(text),
        Value::Okay => RedisResult::Status("OK".to_owned()),
        Value::Array(values) => {
            list.reserve(values.len());
            return values
                .into_iter()
                .try_for_each(|value| flatten(list, value));
        }
        other => {
            return Err(Error::Other(format!(
                "a reply that no function asks for: {other:?}"
            )));
        }
    });
    Ok(())
}

pub fn error(error: pools::redis::Error) -> Error {
    use pools::redis::Error as E;
    match error {
        E::InvalidAddress => Error::InvalidAddress,
        E::TooManyConnections => Error::TooManyConnections,
        E::TypeError => Error::TypeError,
        E::Other(reason) => Error::Other(reason),
    }
}
