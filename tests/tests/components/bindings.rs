//! The host's side of spin:mysql, spin:redis and spin:variables: every call becomes a line of the script.

use crate::block::Session;
use crate::host::Data;
use crate::script::{Answer, Script, command_name};
use wasmtime::Result;
use wasmtime::component::{Accessor, FutureReader, HasData, Linker, Resource, StreamReader};

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "host",
        imports: { default: async | trappable },
        with: {
            "spin:mysql/mysql.connection": super::MySql,
            "spin:redis/redis.connection": super::Redis,
        },
    });
}
pub use generated::spin::mysql::mysql;
pub use generated::spin::redis::redis;
use generated::spin::variables::variables;

/// A session of a database.
pub struct MySql {
    database: String,
    number: u32,
}
pub struct Redis;

pub struct Bindings;
impl HasData for Bindings {
    type Data<'a> = &'a mut Data;
}

pub fn add_to_linker(linker: &mut Linker<Data>) -> Result<()> {
    mysql::add_to_linker::<Data, Bindings>(linker, |data| data)?;
    redis::add_to_linker::<Data, Bindings>(linker, |data| data)?;
    variables::add_to_linker::<Data, Bindings>(linker, |data| data)
}

fn script<T: 'static>(accessor: &Accessor<T, Bindings>) -> Script {
    accessor.with(|mut access| access.get().script.clone())
}

/// Database and number of a session.
fn session<T: 'static>(
    accessor: &Accessor<T, Bindings>,
    session: &Resource<MySql>,
) -> Result<(String, u32)> {
    accessor.with(|mut access| {
        let session = access.get().table.get(session)?;
        Ok((session.database.clone(), session.number))
    })
}

impl mysql::Host for Data {}
impl mysql::HostConnection for Data {
    async fn drop(&mut self, session: Resource<MySql>) -> Result<()> {
        let session = self.table.delete(session)?;
        self.script.closed(session.number);
        Ok(())
    }
}

type Rows = (
    Vec<mysql::Column>,
    StreamReader<mysql::Row>,
    FutureReader<Result<(), mysql::Error>>,
);

async fn statement(
    script: &Script,
    (database, session): (String, u32),
    text: &str,
    parameters: &[mysql::ParameterValue],
) -> Result<Vec<mysql::Row>, mysql::Error> {
    let values = parameters.iter().map(shown).collect();
    let flight = script.flight(Some(session));
    let asked = Session {
        script,
        flight: &flight,
        database: &database,
        number: session,
    };
    let answer = asked.answer(text, values).await;
    if matches!(answer, Answer::Never) {
        std::future::pending::<()>().await;
    }
    flight.answered(&answer);
    match answer {
        Answer::Rows(rows) => Ok(rows),
        Answer::Done => Ok(Vec::new()),
        Answer::ConnectionFailed(text) => Err(mysql::Error::ConnectionFailed(text)),
        Answer::QueryFailed(text) => Err(mysql::Error::QueryFailed(text)),
        other => Err(mysql::Error::Other(format!(
            "{other:?} is no answer of MySQL"
        ))),
    }
}

/// A parameter as text, for comparisons in tests.
fn shown(value: &mysql::ParameterValue) -> String {
    use mysql::ParameterValue::*;
    match value {
        Boolean(v) => v.to_string(),
        Int8(v) => v.to_string(),
        Int16(v) => v.to_string(),
        Int32(v) => v.to_string(),
        Int64(v) => v.to_string(),
        Uint8(v) => v.to_string(),
        Uint16(v) => v.to_string(),
        Uint32(v) => v.to_string(),
        Uint64(v) => v.to_string(),
        Floating32(v) => v.to_string(),
        Floating64(v) => v.to_string(),
        Str(v) => v.clone(),
        Binary(v) => v.iter().map(|byte| format!("{byte:02x}")).collect(),
        DbNull => "NULL".to_owned(),
    }
}

impl<T: Send + 'static> mysql::HostConnectionWithStore<T> for Bindings {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Result<Result<Resource<MySql>, mysql::Error>> {
        let database = address.rsplit('/').next().unwrap_or_default().to_owned();
        let (script, name) = (script(accessor), format!("open {database}"));
        let flight = script.flight(None);
        let answer = script.call(name.clone(), vec![]);
        flight.held(&name).await;
        match answer {
            Answer::Done => {}
            Answer::ConnectionFailed(text) => return Ok(Err(mysql::Error::ConnectionFailed(text))),
            other => return Ok(Err(mysql::Error::Other(format!("{other:?}")))),
        }
        let number = script.opened();
        let session = MySql { database, number };
        accessor.with(|mut access| Ok(Ok(access.get().table.push(session)?)))
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        resource: Resource<MySql>,
        text: String,
        parameters: Vec<mysql::ParameterValue>,
    ) -> Result<Result<(), mysql::Error>> {
        let session = session(accessor, &resource)?;
        let answer = statement(&script(accessor), session, &text, &parameters).await;
        Ok(answer.map(|_| ()))
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        resource: Resource<MySql>,
        text: String,
        parameters: Vec<mysql::ParameterValue>,
    ) -> Result<Result<Rows, mysql::Error>> {
        let session = session(accessor, &resource)?;
        let rows = match statement(&script(accessor), session, &text, &parameters).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let end = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok(Ok((vec![], rows, end)))
        })
    }
}

impl redis::Host for Data {}
impl redis::HostConnection for Data {
    async fn drop(&mut self, connection: Resource<Redis>) -> Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

type Reply<T> = Result<Result<T, redis::Error>>;

fn command(
    script: &Script,
    name: &str,
    arguments: Vec<String>,
) -> Result<Vec<redis::RedisResult>, redis::Error> {
    match script.call(command_name(name, &arguments), arguments) {
        Answer::Redis(results) => Ok(results),
        Answer::RedisError(text) | Answer::QueryFailed(text) => Err(redis::Error::Other(text)),
        other => Err(redis::Error::Other(format!(
            "{other:?} is no answer of Redis"
        ))),
    }
}

/// The first result if it is a number, or zero.
fn number(results: &[redis::RedisResult]) -> i64 {
    match results.first() {
        Some(redis::RedisResult::Int64(number)) => *number,
        _ => 0,
    }
}

fn texts(results: Vec<redis::RedisResult>) -> Vec<String> {
    let text = |result| match result {
        redis::RedisResult::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        redis::RedisResult::Status(text) => text,
        redis::RedisResult::Int64(number) => number.to_string(),
        redis::RedisResult::Nil => String::new(),
    };
    results.into_iter().map(text).collect()
}

impl<T: Send + 'static> redis::HostConnectionWithStore<T> for Bindings {
    async fn open(accessor: &Accessor<T, Self>, _: String) -> Reply<Resource<Redis>> {
        if let Answer::RedisError(text) = script(accessor).call("open redis".to_owned(), vec![]) {
            return Ok(Err(redis::Error::Other(text)));
        }
        let connection = accessor.with(|mut access| access.get().table.push(Redis))?;
        Ok(Ok(connection))
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        channel: String,
        payload: Vec<u8>,
    ) -> Reply<()> {
        let arguments = vec![channel, String::from_utf8_lossy(&payload).into_owned()];
        Ok(command(&script(accessor), "PUBLISH", arguments).map(|_| ()))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        key: String,
    ) -> Reply<Option<Vec<u8>>> {
        let results = command(&script(accessor), "GET", vec![key]);
        Ok(results.map(|results| match results.into_iter().next() {
            Some(redis::RedisResult::Binary(bytes)) => Some(bytes),
            _ => None,
        }))
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        key: String,
        value: Vec<u8>,
    ) -> Reply<()> {
        let arguments = vec![key, String::from_utf8_lossy(&value).into_owned()];
        Ok(command(&script(accessor), "SET", arguments).map(|_| ()))
    }

    async fn incr(accessor: &Accessor<T, Self>, _: Resource<Redis>, key: String) -> Reply<i64> {
        Ok(command(&script(accessor), "INCR", vec![key]).map(|results| number(&results)))
    }

    async fn del(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        keys: Vec<String>,
    ) -> Reply<u32> {
        Ok(command(&script(accessor), "DEL", keys).map(|results| number(&results) as u32))
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        key: String,
        values: Vec<String>,
    ) -> Reply<u32> {
        let arguments = [vec![key], values].concat();
        Ok(command(&script(accessor), "SADD", arguments).map(|results| number(&results) as u32))
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        key: String,
    ) -> Reply<Vec<String>> {
        Ok(command(&script(accessor), "SMEMBERS", vec![key]).map(texts))
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        key: String,
        values: Vec<String>,
    ) -> Reply<u32> {
        let arguments = [vec![key], values].concat();
        Ok(command(&script(accessor), "SREM", arguments).map(|results| number(&results) as u32))
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        _: Resource<Redis>,
        name: String,
        arguments: Vec<redis::RedisParameter>,
    ) -> Reply<Vec<redis::RedisResult>> {
        let text = |argument| match argument {
            redis::RedisParameter::Int64(number) => number.to_string(),
            redis::RedisParameter::Binary(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        };
        let arguments = arguments.into_iter().map(text).collect();
        Ok(command(&script(accessor), &name, arguments))
    }
}

impl variables::Host for Data {}
impl<T: Send + 'static> variables::HostWithStore<T> for Bindings {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> Result<Result<String, variables::Error>> {
        Ok(accessor.with(
            |mut access| match access.get().variables.get(name.as_str()) {
                Some(value) => Ok((*value).to_owned()),
                None => Err(variables::Error::Undefined(name)),
            },
        ))
    }
}
