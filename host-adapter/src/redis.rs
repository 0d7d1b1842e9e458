//! `spin:redis@3.0.0` over the links of [`pools::redis`]: each method names its command and reads its reply.

mod value;

use crate::bindings::spin::redis::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, RedisParameter, RedisResult,
};
use crate::store::Instance;
use ::redis::{Cmd, FromRedisValue, Value, cmd};
use pools::redis::Connection;
use wasmtime::Result as Trappable;
use wasmtime::component::{Accessor, HasData, Resource};

/// Gives the bindings their state.
pub struct RedisHost;

impl HasData for RedisHost {
    type Data<'a> = &'a mut Instance;
}

impl Host for Instance {}

impl HostConnection for Instance {
    fn drop(&mut self, connection: Resource<Connection>) -> Trappable<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

type Reply<T> = Trappable<Result<T, Error>>;

impl<T: Send> HostConnectionWithStore<T> for RedisHost {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Reply<Resource<Connection>> {
        accessor.with(|mut access| {
            let instance = access.get();
            let reach = &instance.reach;
            match reach.redis.open(&address, &reach.guest.allowed_hosts) {
                Ok(connection) => Ok(Ok(instance.table.push(connection)?)),
                Err(error) => Ok(Err(error.into())),
            }
        })
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Vec<u8>,
    ) -> Reply<()> {
        send(
            accessor,
            &connection,
            cmd("PUBLISH").arg(channel).arg(payload),
        )
        .await
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Reply<Option<Vec<u8>>> {
        send(accessor, &connection, cmd("GET").arg(key)).await
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Reply<()> {
        send(accessor, &connection, cmd("SET").arg(key).arg(value)).await
    }

    async fn incr(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Reply<i64> {
        send(accessor, &connection, cmd("INCRBY").arg(key).arg(1)).await
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        keys: Vec<String>,
    ) -> Reply<u32> {
        send(accessor, &connection, cmd("DEL").arg(keys)).await
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Reply<u32> {
        send(accessor, &connection, cmd("SADD").arg(key).arg(values)).await
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Reply<Vec<String>> {
        send(accessor, &connection, cmd("SMEMBERS").arg(key)).await
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Reply<u32> {
        send(accessor, &connection, cmd("SREM").arg(key).arg(values)).await
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        command: String,
        arguments: Vec<RedisParameter>,
    ) -> Reply<Vec<RedisResult>> {
        let connection = get(accessor, &connection)?;
        let is_block = |a: &RedisParameter| matches!(a, RedisParameter::Binary(b) if b.eq_ignore_ascii_case(b"BLOCK"));
        let has_block = arguments.iter().any(is_block);
        let mut sent = cmd(&command);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(number) => sent.arg(number),
                RedisParameter::Binary(bytes) => sent.arg(bytes),
            };
        }
        let reply = connection.send(&command, has_block, &sent).await;
        Ok(reply.map_err(Error::from).and_then(value::flatten))
    }
}

fn get<T>(
    accessor: &Accessor<T, RedisHost>,
    connection: &Resource<Connection>,
) -> Trappable<Connection> {
    accessor.with(|mut access| Ok(access.get().table.get(connection)?.clone()))
}

async fn send<T, R: FromRedisValue>(
    accessor: &Accessor<T, RedisHost>,
    connection: &Resource<Connection>,
    command: &Cmd,
) -> Reply<R> {
    let connection = get(accessor, connection)?;
    // A guest inside MULTI expects these to be queued with the rest, so they use its private connection, if it has one.
    let reply = connection.send("", false, command).await;
    let read = |value: Value| R::from_redis_value(value).map_err(|_| Error::TypeError);
    Ok(reply.map_err(Error::from).and_then(read))
}

impl From<pools::redis::Error> for Error {
    fn from(error: pools::redis::Error) -> Self {
        use pools::redis::Error as E;
        match error {
            E::InvalidAddress => Self::InvalidAddress,
            E::TooManyConnections => Self::TooManyConnections,
            E::TypeError => Self::TypeError,
            E::Other(reason) => Self::Other(reason),
        }
    }
}
