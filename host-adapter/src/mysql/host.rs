//! The WIT traits of `spin:mysql`: each method translates and hands on.

use super::rows::Outcome;
use super::{Connection, Handle, value};
use crate::bindings::spin::mysql::mysql::{
    Column, Error, Host, HostConnection, HostConnectionWithStore, ParameterValue, Row,
};
use crate::store::Instance;
use std::sync::Arc;
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
                Err(reason) => Ok(Err(Error::ConnectionFailed(reason))),
            }
        })
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Trappable<Result<(), Error>> {
        let handle = handle(accessor, &connection)?;
        Ok(handle.execute(&statement, value::params(params)).await)
    }

    async fn query(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        params: Vec<ParameterValue>,
    ) -> Trappable<Result<Query, Error>> {
        let handle = handle(accessor, &connection)?;
        let answer = match handle.query(statement, value::params(params)).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, answer.rows)?;
            let outcome = match answer.outcome {
                Outcome::Known(outcome) => {
                    FutureReader::new(&mut access, async move { wasmtime::error::Ok(outcome) })?
                }
                Outcome::Later(outcome) => FutureReader::new(&mut access, async move {
                    let lost = || Error::Other("reading the rows was stopped".to_owned());
                    wasmtime::error::Ok(outcome.await.unwrap_or_else(|_| Err(lost())))
                })?,
            };
            Ok(Ok((answer.columns, rows, outcome)))
        })
    }
}

fn handle<T>(
    accessor: &Accessor<T, MysqlHost>,
    connection: &Resource<Connection>,
) -> Trappable<Arc<Handle>> {
    accessor.with(|mut access| Ok(access.get().table.get(connection)?.0.clone()))
}
