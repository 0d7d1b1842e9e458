//! A session of MySQL as the SDK has it, through the thread's port; a result comes whole. The program has a pool of its
//! own, which opens, bounds and cleans sessions: nothing is kept above it.

use super::{Soon, UNFILLED, with};
use crate::mysql::lease::{Lease, Mode, State};
use crate::mysql::{SqlError, failed};
use spin_sdk::mysql::{DbValue, Error, ParameterValue};

pub use spin_sdk::mysql::MysqlError as Failure;

/// One session, to be filled by the embedding program.
pub trait Port: Send + Sync {
    fn execute<'a>(
        &'a self,
        statement: &'a str,
        parameters: Vec<ParameterValue>,
    ) -> Soon<'a, Result<(), Failure>>;
    fn query<'a>(
        &'a self,
        statement: &'a str,
        parameters: Vec<ParameterValue>,
    ) -> Soon<'a, Result<Vec<Vec<DbValue>>, Failure>>;
}

pub struct Connection(Box<dyn Port>);

impl Connection {
    pub async fn open(url: &str) -> Result<Connection, Error> {
        let opened = with(|ports| ports.mysql(url));
        let port = opened.unwrap_or_else(|| Err(Failure::Other(UNFILLED.to_owned())))?;
        Ok(Connection(port))
    }

    pub async fn execute(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), Error> {
        Ok(self.0.execute(statement, parameters).await?)
    }

    pub async fn query(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Vec<DbValue>>, Error> {
        Ok(self.0.query(statement, parameters).await?)
    }
}

pub(crate) struct Flight;

impl Flight {
    pub fn start() -> Flight {
        Flight
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Home;

impl Home {
    pub fn back(self, connection: Connection, _: Mode, _: State) {
        drop(connection);
    }

    pub fn doubt(self) {}
}

/// A connection as it is opened, whatever the mode asked for.
pub(crate) async fn take(address: &str, _: Mode) -> Result<Lease, SqlError> {
    let connection = Connection::open(address).await.map_err(failed)?;
    Ok(Lease::new(connection, Home, Mode::Automatic, State::Free))
}

/// Takes the rows of a query, which come whole.
pub(crate) async fn each(
    connection: &Connection,
    statement: &str,
    parameters: Vec<ParameterValue>,
    take: impl FnMut(Vec<DbValue>),
) -> Result<(), Error> {
    let rows = connection.query(statement, parameters).await?;
    rows.into_iter().for_each(take);
    Ok(())
}
