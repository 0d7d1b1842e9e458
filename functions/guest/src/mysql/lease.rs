//! A connection on loan to a request. However the request ends, the connection goes back with the state it then has.

use super::row::Row;
use super::{SqlError, failed};
use crate::host::mysql::{self as home, Connection, Flight, Home};
use crate::mysql_error::{self, Kind};
use contract::store::sql;
use spin_sdk::mysql::{Error, ParameterValue};
use std::mem::replace;

/// What a connection is used for. A manual one begins a transaction with the first statement after COMMIT or ROLLBACK.
/// So it must never run a single statement: that would leave a transaction open, whose old snapshot the next one reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Single statements, with autocommit, as connections are opened.
    Automatic,
    /// Transactions, one after the other, without autocommit.
    Manual,
}

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In no transaction.
    Free,
    /// In a transaction.
    Open,
    /// A statement is in flight; a lease that is dropped in this state was cancelled.
    Asked,
    /// A failure leaves it unknown which statement the next answer would belong to.
    Spoilt,
}

/// Gives its connection back when dropped.
pub struct Lease {
    /// `None` only while it is dropped.
    connection: Option<Connection>,
    home: Home,
    mode: Mode,
    state: State,
}

impl Lease {
    pub fn new(connection: Connection, home: Home, mode: Mode, state: State) -> Lease {
        Lease {
            connection: Some(connection),
            home,
            mode,
            state,
        }
    }

    /// A connection of this mode, in no transaction.
    pub async fn take(address: &str, mode: Mode) -> Result<Lease, SqlError> {
        let mut lease = home::take(address, mode).await?;
        // That another request's transaction cannot be rolled back is not this request's failure.
        while lease.state == State::Open && lease.end(sql::ROLLBACK).await.is_err() {
            lease = home::take(address, mode).await?;
        }
        if lease.mode != mode {
            let turn = match mode {
                Mode::Automatic => sql::AUTOCOMMIT,
                Mode::Manual => sql::NO_AUTOCOMMIT,
            };
            lease.execute(turn, vec![]).await?;
            lease.mode = mode;
        }
        Ok(lease)
    }

    /// Marks it as in a transaction.
    pub fn begin(&mut self) {
        self.state = State::Open;
    }

    /// Runs COMMIT or ROLLBACK.
    pub async fn end(&mut self, statement: &str) -> Result<(), SqlError> {
        self.execute(statement, vec![]).await?;
        self.state = State::Free;
        Ok(())
    }

    pub async fn execute(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        let (before, connection) = self.ask()?;
        let answer = {
            let _flight = Flight::start();
            connection.execute(statement, parameters).await
        };
        self.answered(before, answer)
    }

    pub async fn query(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Row>, SqlError> {
        let mut rows = Vec::new();
        self.each(statement, parameters, |row| rows.push(row))
            .await?;
        Ok(rows)
    }

    /// Passes the rows of a query to `take` as they arrive.
    pub async fn each(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
        mut take: impl FnMut(Row),
    ) -> Result<(), SqlError> {
        let (before, connection) = self.ask()?;
        let answer = {
            let _flight = Flight::start();
            home::each(connection, statement, parameters, |row| take(Row(row))).await
        };
        self.answered(before, answer)
    }

    /// Executes a statement and gives the number of rows it changed.
    pub async fn update(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<i64, SqlError> {
        self.execute(statement, parameters).await?;
        let rows = self.query(sql::ROW_COUNT, vec![]).await?;
        let count = rows.first().and_then(|row| row.i64(0).ok());
        count.ok_or_else(|| SqlError::unsent(Kind::Other(0), "ROW_COUNT() gave no number"))
    }

    fn ask(&mut self) -> Result<(State, &Connection), SqlError> {
        let before = match self.state {
            State::Free | State::Open => replace(&mut self.state, State::Asked),
            // Another statement would only run into its deadline.
            State::Asked | State::Spoilt => State::Spoilt,
        };
        match &self.connection {
            Some(connection) if before != State::Spoilt => Ok((before, connection)),
            _ => Err(SqlError::unsent(
                Kind::Connection,
                "the connection has failed already",
            )),
        }
    }

    fn answered<T>(&mut self, before: State, answer: Result<T, Error>) -> Result<T, SqlError> {
        self.state = before;
        answer.map_err(|error| {
            let error = failed(error);
            // Only where the server gives an error number has it certainly finished the statement.
            if matches!(error.kind, Kind::Connection | Kind::Other(0)) {
                self.state = State::Spoilt;
            }
            if error.kind == Kind::Connection && mysql_error::is_of_the_link(&error.text) {
                self.home.doubt();
            }
            error
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.home.back(connection, self.mode, self.state);
        }
    }
}
