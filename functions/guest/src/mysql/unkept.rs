//! Where connections come from in a native program: its own pool, which opens, bounds and cleans them. Nothing is kept above it.

use super::lease::{Lease, State};
use super::pool::Mode;
use super::{SqlError, failed};
use spin_sdk::mysql::{DbValue, Error, ParameterValue};

pub use crate::native::mysql::Connection;

pub struct Flight;

impl Flight {
    pub fn start() -> Flight {
        Flight
    }
}

#[derive(Clone, Copy)]
pub struct Home;

impl Home {
    pub fn back(self, connection: Connection, _: Mode, _: State) {
        drop(connection);
    }

    pub fn doubt(self) {}
}

/// A connection as it is opened, whatever the mode asked for.
pub async fn take(address: &str, _: Mode) -> Result<Lease, SqlError> {
    let connection = Connection::open(address).await.map_err(failed)?;
    Ok(Lease::new(connection, Home, Mode::Automatic, State::Free))
}

/// Takes the rows of a query, which come whole.
pub async fn each(
    connection: &Connection,
    statement: &str,
    parameters: Vec<ParameterValue>,
    take: impl FnMut(Vec<DbValue>),
) -> Result<(), Error> {
    let rows = connection.query(statement, parameters).await?;
    rows.into_iter().for_each(take);
    Ok(())
}
