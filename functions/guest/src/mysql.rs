//! MySQL through the host: statements by themselves, transactions, and rows read as what they must be. Connections are kept
//! by the instance and taken for a statement or for a transaction (docs/decisions/0010).

#[cfg(target_family = "wasm")]
#[path = "mysql/kept.rs"]
mod home;
#[cfg(not(target_family = "wasm"))]
#[path = "mysql/unkept.rs"]
mod home;
mod lease;
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "its port keeps connections")
)]
mod pool;
mod row;

use crate::Fault;
use crate::mysql_error::{self, Kind};
use contract::sql;
use domain::Ms;
use lease::Lease;
use pool::Mode;
use spin_sdk::mysql::{Error, MysqlError, ParameterValue};

pub use row::Row;
pub use spin_sdk::mysql::ParameterValue as Value;

/// A statement that failed: what kind of failure, and its text for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct SqlError {
    pub kind: Kind,
    pub text: String,
}

impl From<SqlError> for Fault {
    fn from(error: SqlError) -> Fault {
        match error.kind {
            Kind::Connection | Kind::Retry => Fault::Unavailable {
                backend: "mysql",
                reason: error.text,
            },
            _ => Fault::Internal(format!("mysql: {}", error.text)),
        }
    }
}

fn failed(error: Error) -> SqlError {
    let (kind, text) = match error {
        Error::MysqlError(MysqlError::QueryFailed(text)) => (mysql_error::kind(&text), text),
        Error::MysqlError(MysqlError::ConnectionFailed(text)) => (Kind::Connection, text),
        Error::MysqlError(MysqlError::Other(text)) => (mysql_error::kind(&text), text),
        Error::MysqlError(
            MysqlError::BadParameter(text) | MysqlError::ValueConversionFailed(text),
        ) => (Kind::Other(0), text),
        Error::Decode(text) => (Kind::Other(0), text),
    };
    SqlError { kind, text }
}

/// A database, by its address. Each statement is by itself, on a connection that is given back after it.
#[derive(Clone, Copy)]
pub struct Db<'a>(&'a str);

impl<'a> Db<'a> {
    pub fn at(address: &'a str) -> Db<'a> {
        Db(address)
    }

    /// Where it is; a secret.
    pub(crate) fn address(&self) -> &str {
        self.0
    }

    pub async fn execute(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        lease.execute(statement, parameters).await
    }

    /// All rows; statements that may give many must limit them.
    pub async fn query(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Row>, SqlError> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        lease.query(statement, parameters).await
    }

    /// What is read of each row as it comes: rows that are many, or long, are not held at once.
    pub async fn read<T>(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
        mut read: impl FnMut(Row) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        let (mut all, mut failed) = (Vec::new(), None);
        // Rows after one that cannot be read are taken all the same: an answer left unread costs the connection.
        let take = |row| match failed {
            Some(_) => {}
            None => read(row).map_or_else(|fault| failed = Some(fault), |one| all.push(one)),
        };
        lease.each(statement, parameters, take).await?;
        failed.map_or(Ok(all), Err)
    }

    /// Executes a statement and tells how many rows it changed.
    pub async fn update(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<i64, SqlError> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        lease.update(statement, parameters).await
    }

    /// Begins a transaction, which sees what is there at its first statement.
    pub async fn begin(&self) -> Result<Transaction, SqlError> {
        let mut lease = Lease::take(self.0, Mode::Manual).await?;
        lease.begin();
        Ok(Transaction(lease))
    }
}

/// Statements that stand together or not at all. One that is dropped is rolled back, though perhaps not at once.
pub struct Transaction(Lease);

impl Transaction {
    pub async fn execute(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        self.0.execute(statement, parameters).await
    }

    /// All rows; statements that may give many must limit them.
    pub async fn query(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Row>, SqlError> {
        self.0.query(statement, parameters).await
    }

    /// Executes a statement and tells how many rows it changed.
    pub async fn update(
        &mut self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<i64, SqlError> {
        self.0.update(statement, parameters).await
    }

    /// Inserts rows of `width` values each; their number decides how many statements that takes.
    pub async fn insert(
        &mut self,
        head: &str,
        width: usize,
        values: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        self.insert_ending(head, width, "", values).await
    }

    /// The same, where each row has an ending that is no parameter.
    pub async fn insert_ending(
        &mut self,
        head: &str,
        width: usize,
        ending: &str,
        values: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        let mut rest = values.into_iter();
        for rows in sql::row_counts(rest.len() / width) {
            let part = rest.by_ref().take(rows * width).collect();
            let statement = format!("{head}{}", sql::rows_ending(rows, width, ending));
            self.execute(&statement, part).await?;
        }
        Ok(())
    }

    /// After an error of the connection nobody knows whether it stands; after any other it does not.
    pub async fn commit(mut self) -> Result<(), SqlError> {
        let committed = self.0.end(sql::COMMIT).await;
        if committed.is_err() {
            self.rollback().await;
        }
        committed
    }

    /// Best effort: one that cannot be rolled back has lost its connection, and the server rolls it back.
    pub async fn rollback(mut self) {
        let _ = self.0.end(sql::ROLLBACK).await;
    }
}

pub fn text(value: &str) -> ParameterValue {
    ParameterValue::Str(value.to_owned())
}

pub fn optional_text(value: Option<&str>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, text)
}

pub fn optional_ms(value: Option<Ms>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, ParameterValue::Uint64)
}
