//! MySQL through the host: statements by themselves, and rows read as what they must be. Connections are kept by the
//! instance and taken for a statement or for a transaction (docs/decisions/0010).

pub(crate) mod lease;
#[allow(dead_code, reason = "a native program has a pool of its own")]
pub(crate) mod pool;
mod row;

use crate::Fault;
use crate::mysql_error::{self, Kind};
use domain::Ms;
use lease::{Lease, Mode};
use spin_sdk::mysql::{Error, MysqlError, ParameterValue};

pub use row::Row;
pub use spin_sdk::mysql::ParameterValue as Value;

/// A statement that failed: what kind of failure, and its text for the log.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct SqlError {
    pub kind: Kind,
    pub text: String,
    /// Nobody knows whether the statement took effect: its answer did not come, or it was interrupted.
    pub is_lost: bool,
}

impl SqlError {
    /// What a host says of a statement that it sent.
    pub(crate) fn said(text: String) -> SqlError {
        SqlError {
            kind: mysql_error::kind(&text),
            is_lost: mysql_error::is_of_a_lost_answer(&text),
            text,
        }
    }

    /// The statement was not sent.
    pub(crate) fn unsent(kind: Kind, text: impl Into<String>) -> SqlError {
        SqlError {
            kind,
            text: text.into(),
            is_lost: false,
        }
    }
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

pub(crate) fn failed(error: Error) -> SqlError {
    match error {
        Error::MysqlError(MysqlError::QueryFailed(text) | MysqlError::Other(text)) => {
            SqlError::said(text)
        }
        Error::MysqlError(MysqlError::ConnectionFailed(text)) => {
            SqlError::unsent(Kind::Connection, text)
        }
        Error::MysqlError(
            MysqlError::BadParameter(text) | MysqlError::ValueConversionFailed(text),
        )
        | Error::Decode(text) => SqlError::unsent(Kind::Other(0), text),
    }
}

/// A database, by its address. Each statement is by itself, on a connection that is given back after it.
#[derive(Clone, Copy)]
pub struct Db<'a>(&'a str);

impl<'a> Db<'a> {
    pub fn at(address: &'a str) -> Db<'a> {
        Db(address)
    }

    /// Where it is; a secret.
    pub fn address(&self) -> &str {
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

    /// A connection that is only this caller's until it is dropped.
    pub(crate) async fn lease(&self, mode: Mode) -> Result<Lease, SqlError> {
        Lease::take(self.0, mode).await
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
