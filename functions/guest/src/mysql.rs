//! MySQL through the host: single statements, and rows with typed columns. The instance keeps its connections and lends
//! each for a statement or for a transaction (docs/decisions/0010).

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

/// A failed statement.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct SqlError {
    /// What the error number means.
    pub kind: Kind,
    /// The host's text, for the log only.
    pub text: String,
    /// It is unknown whether the statement took effect: its answer was lost, or it was interrupted.
    pub is_lost: bool,
}

impl SqlError {
    /// From a host's text on a statement that was sent.
    pub(crate) fn said(text: String) -> SqlError {
        SqlError {
            kind: mysql_error::kind(&text),
            is_lost: mysql_error::is_of_a_lost_answer(&text),
            text,
        }
    }

    /// For a statement that was not sent.
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

/// A database, by its address. Each statement runs by itself, with autocommit, on a connection that then goes back.
#[derive(Clone, Copy)]
pub struct Db<'a>(&'a str);

impl<'a> Db<'a> {
    /// `address`: a `mysql://` URL. Opens nothing yet.
    pub fn at(address: &'a str) -> Db<'a> {
        Db(address)
    }

    /// Its URL; a secret, as it has the password.
    pub fn address(&self) -> &str {
        self.0
    }

    /// Runs a statement without a result.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
    pub async fn execute(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        lease.execute(statement, parameters).await
    }

    /// All rows; statements that may give many must limit them.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
    pub async fn query(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Row>, SqlError> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        lease.query(statement, parameters).await
    }

    /// What `read` makes of each row as it arrives, so that many or long rows are not held at once.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement, and the first of `read`.
    pub async fn read<T>(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
        mut read: impl FnMut(Row) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        let (mut all, mut failed) = (Vec::new(), None);
        // Rows after a failed one are taken all the same: an answer left unread costs the connection.
        let take = |row| match failed {
            Some(_) => {}
            None => read(row).map_or_else(|fault| failed = Some(fault), |one| all.push(one)),
        };
        lease.each(statement, parameters, take).await?;
        failed.map_or(Ok(all), Err)
    }

    /// Runs a statement and gives the number of rows it changed.
    ///
    /// # Errors
    /// Where the server is away or refuses the statement.
    pub async fn update(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<i64, SqlError> {
        let mut lease = Lease::take(self.0, Mode::Automatic).await?;
        lease.update(statement, parameters).await
    }

    /// A connection for this caller alone until it is dropped.
    pub(crate) async fn lease(&self, mode: Mode) -> Result<Lease, SqlError> {
        Lease::take(self.0, mode).await
    }
}

/// A parameter of text.
pub fn text(value: &str) -> ParameterValue {
    ParameterValue::Str(value.to_owned())
}

/// A parameter of text, NULL for `None`.
pub fn optional_text(value: Option<&str>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, text)
}

/// A parameter of BIGINT milliseconds, NULL for `None`.
pub fn optional_ms(value: Option<Ms>) -> ParameterValue {
    value.map_or(ParameterValue::DbNull, ParameterValue::Uint64)
}
