//! `spin:mysql@3.0.0` over the sessions of [`pools::mysql`]: each method translates and passes on.

mod rows;
mod value;

use crate::bindings::spin::mysql::mysql::{
    Column, Error, Host, HostConnection, HostConnectionWithStore, ParameterValue, Row,
};
use crate::store::Instance;
use pools::mysql::{Connection, Outcome, Reply};
use rows::{Cells, RowStream};
use wasmtime::component::{Accessor, FutureReader, HasData, Resource, StreamReader};

/// Gives the bindings their state.
pub struct MysqlHost;

impl HasData for MysqlHost {
    type Data<'a> = &'a mut Instance;
}

impl Host for Instance {}

impl HostConnection for Instance {
    fn drop(&mut self, connection: Resource<Connection>) -> Trappable<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

type Trappable<T> = wasmtime::Result<T>;
type Query = (
    Vec<Column>,
    StreamReader<Row>,
    FutureReader<Result<(), Error>>,
);

impl<T: Send> HostConnectionWithStore<T> for MysqlHost {
    async fn open(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> Trappable<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| {
            let instance = access.get();
            let reach = &instance.reach;
            match reach.mysql.open(&address, &reach.guest.allowed_hosts) {
                Ok(connection) => Ok(Ok(instance.table.push(connection)?)),
                Err(error) => Ok(Err(error.into())),
            }
        })
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Trappable<Result<(), Error>> {
        let connection = get(accessor, &connection)?;
        let executed = connection.execute(&statement, value::params(params)).await;
        Ok(executed.map_err(Error::from))
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Trappable<Result<Query, Error>> {
        let connection = get(accessor, &connection)?;
        let params = value::params(params);
        let (columns, rows, outcome) = match connection.query::<Cells>(statement, params).await {
            Ok(Reply::Rows(answer)) => (answer.decoder, answer.rows, answer.outcome),
            Ok(Reply::Number(number)) => {
                let (columns, row) = rows::of_number(number);
                (columns, vec![row].into(), Outcome::Known(Ok(())))
            }
            Err(error) => return Ok(Err(error.into())),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, RowStream(rows))?;
            let outcome = match outcome {
                Outcome::Known(outcome) => {
                    let outcome = outcome.map_err(Error::from);
                    FutureReader::new(&mut access, async move { wasmtime::error::Ok(outcome) })?
                }
                Outcome::Later(outcome) => FutureReader::new(&mut access, async move {
                    let stopped = || Error::Other("reading the rows was stopped".to_owned());
                    let outcome = outcome.await.map_err(|_| stopped());
                    wasmtime::error::Ok(outcome.and_then(|ended| ended.map_err(Error::from)))
                })?,
            };
            Ok(Ok((columns.into(), rows, outcome)))
        })
    }
}

fn get<T>(
    accessor: &Accessor<T, MysqlHost>,
    connection: &Resource<Connection>,
) -> Trappable<Connection> {
    accessor.with(|mut access| Ok(access.get().table.get(connection)?.clone()))
}

impl From<pools::mysql::Error> for Error {
    fn from(error: pools::mysql::Error) -> Self {
        use pools::mysql::Error as E;
        match error {
            E::ConnectionFailed(text) => Self::ConnectionFailed(text),
            E::QueryFailed(text) => Self::QueryFailed(text),
            E::ValueConversionFailed(text) => Self::ValueConversionFailed(text),
            E::Other(text) => Self::Other(text),
        }
    }
}
