//! MySQL with the SDK's types, through the thread's port; a result comes whole. The program's own pool opens, limits
//! and cleans sessions, so none are kept here.

use super::{Soon, UNFILLED, with};
use crate::mysql::lease::{Lease, Mode, State};
use crate::mysql::{SqlError, failed};
use spin_sdk::mysql::{DbValue, Error, ParameterValue};

pub use spin_sdk::mysql::MysqlError as Failure;

/// One session, which the embedding program implements.
pub trait Port: Send + Sync {
    /// Runs a statement without a result.
    fn execute<'a>(
        &'a self,
        statement: &'a str,
        parameters: Vec<ParameterValue>,
    ) -> Soon<'a, Result<(), Failure>>;
    /// All rows of a statement, their columns in order.
    fn query<'a>(
        &'a self,
        statement: &'a str,
        parameters: Vec<ParameterValue>,
    ) -> Soon<'a, Result<Vec<Vec<DbValue>>, Failure>>;
}

/// A session of the thread's port.
pub struct Connection(Box<dyn Port>);

impl Connection {
    /// `url`: a `mysql://` URL.
    ///
    /// # Errors
    /// Where the port refuses the URL, or the thread has no ports.
    pub async fn open(url: &str) -> Result<Connection, Error> {
        let opened = with(|ports| ports.mysql(url));
        let port = opened.unwrap_or_else(|| Err(Failure::Other(UNFILLED.to_owned())))?;
        Ok(Connection(port))
    }

    /// Runs a statement without a result.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
    pub async fn execute(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), Error> {
        Ok(self.0.execute(statement, parameters).await?)
    }

    /// All rows of a statement, their columns in order.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
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

/// A new connection, in the mode of new ones whatever was asked for.
pub(crate) async fn take(address: &str, _: Mode) -> Result<Lease, SqlError> {
    let connection = Connection::open(address).await.map_err(failed)?;
    Ok(Lease::new(connection, Home, Mode::Automatic, State::Free))
}

/// Passes the rows of a query to `take`.
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
