//! MySQL through the host: one session, its transactions, and rows read as what they must be.

use crate::Fault;
use crate::mysql_error::{self, Kind};
use contract::sql;
use domain::Ms;
use spin_sdk::mysql::{DbValue, Error, MysqlError, ParameterValue};
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(not(target_family = "wasm"))]
use crate::native::mysql::Connection;
#[cfg(target_family = "wasm")]
use spin_sdk::{mysql::Connection, wasip3::wit_bindgen::StreamResult};

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

/// Rows asked of the host in one call: most answers, and a page of a list, come in one.
#[cfg(target_family = "wasm")]
const ROWS_AT_ONCE: usize = 64;

/// A session of this request.
pub struct Db {
    connection: Connection,
    /// It went away: nothing more is asked of it, which would only wait for the next deadline.
    lost: AtomicBool,
}

impl Db {
    pub async fn open(url: &str) -> Result<Db, SqlError> {
        let connection = Connection::open(url).await.map_err(failed)?;
        Ok(Db {
            connection,
            lost: AtomicBool::new(false),
        })
    }

    fn failed(&self, error: Error) -> SqlError {
        let error = failed(error);
        if error.kind == Kind::Connection {
            self.lost.store(true, Ordering::Relaxed);
        }
        error
    }

    pub async fn execute(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<(), SqlError> {
        let executed = self.connection.execute(statement, parameters).await;
        executed.map_err(|error| self.failed(error))
    }

    /// All rows; statements that may give many must limit them.
    #[cfg(target_family = "wasm")]
    pub async fn query(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Row>, SqlError> {
        let answer = self.connection.query(statement, parameters).await;
        let mut result = answer.map_err(|error| self.failed(error))?;
        let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
        loop {
            let (read, all) = result.rows().read(rows).await;
            rows = all;
            match read {
                StreamResult::Complete(_) => {
                    if rows.len() == rows.capacity() {
                        rows.reserve(ROWS_AT_ONCE);
                    }
                }
                StreamResult::Dropped | StreamResult::Cancelled => break,
            }
        }
        let outcome = result.result().await;
        outcome.map_err(|error| self.failed(error))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// All rows, as they come from the driver.
    #[cfg(not(target_family = "wasm"))]
    pub async fn query(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Vec<Row>, SqlError> {
        let answer = self.connection.query(statement, parameters).await;
        let rows = answer.map_err(|error| self.failed(error))?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Rows changed by the statement just before.
    pub async fn row_count(&self) -> Result<i64, Fault> {
        let rows = self.query(sql::ROW_COUNT, vec![]).await?;
        rows.first()
            .ok_or_else(|| Fault::Internal("ROW_COUNT() gave no row".to_owned()))?
            .i64(0)
    }

    pub async fn begin(&self) -> Result<(), SqlError> {
        self.execute(sql::NO_AUTOCOMMIT, vec![]).await
    }

    pub async fn commit(&self) -> Result<(), SqlError> {
        self.execute(sql::COMMIT, vec![]).await
    }

    /// Best effort: a session that cannot be rolled back is broken, and the server rolls it back.
    pub async fn rollback(&self) {
        if !self.lost.load(Ordering::Relaxed) {
            let _ = self.execute(sql::ROLLBACK, vec![]).await;
        }
    }
}

/// A row by column number.
#[derive(Debug)]
pub struct Row(Vec<DbValue>);

impl Row {
    fn wrong(&self, column: usize, wanted: &str) -> Fault {
        Fault::Internal(format!(
            "column {column} is no {wanted}: {:?}",
            self.0.get(column)
        ))
    }

    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(DbValue::DbNull))
    }

    pub fn i64(&self, column: usize) -> Result<i64, Fault> {
        let number = match self.0.get(column) {
            Some(DbValue::Int8(n)) => Some(i64::from(*n)),
            Some(DbValue::Int16(n)) => Some(i64::from(*n)),
            Some(DbValue::Int32(n)) => Some(i64::from(*n)),
            Some(DbValue::Int64(n)) => Some(*n),
            Some(DbValue::Uint8(n)) => Some(i64::from(*n)),
            Some(DbValue::Uint16(n)) => Some(i64::from(*n)),
            Some(DbValue::Uint32(n)) => Some(i64::from(*n)),
            Some(DbValue::Uint64(n)) => i64::try_from(*n).ok(),
            Some(DbValue::Boolean(b)) => Some(i64::from(*b)),
            _ => None,
        };
        number.ok_or_else(|| self.wrong(column, "integer"))
    }

    pub fn u64(&self, column: usize) -> Result<u64, Fault> {
        match self.0.get(column) {
            Some(DbValue::Uint64(n)) => Ok(*n),
            _ => {
                u64::try_from(self.i64(column)?).map_err(|_| self.wrong(column, "unsigned integer"))
            }
        }
    }

    pub fn u32(&self, column: usize) -> Result<u32, Fault> {
        u32::try_from(self.u64(column)?).map_err(|_| self.wrong(column, "32-bit integer"))
    }

    pub fn u8(&self, column: usize) -> Result<u8, Fault> {
        u8::try_from(self.u64(column)?).map_err(|_| self.wrong(column, "small integer"))
    }

    pub fn ms(&self, column: usize) -> Result<Option<Ms>, Fault> {
        if self.is_null(column) {
            Ok(None)
        } else {
            self.u64(column).map(Some)
        }
    }

    pub fn text(&self, column: usize) -> Result<String, Fault> {
        self.optional_text(column)?
            .ok_or_else(|| self.wrong(column, "text"))
    }

    pub fn optional_text(&self, column: usize) -> Result<Option<String>, Fault> {
        match self.0.get(column) {
            Some(DbValue::Str(text)) => Ok(Some(text.clone())),
            Some(DbValue::Binary(bytes)) => Ok(Some(String::from_utf8_lossy(bytes).into_owned())),
            None | Some(DbValue::DbNull) => Ok(None),
            Some(_) => Err(self.wrong(column, "text")),
        }
    }

    pub fn optional_bytes(&self, column: usize) -> Result<Option<Vec<u8>>, Fault> {
        match self.0.get(column) {
            Some(DbValue::Binary(bytes)) => Ok(Some(bytes.clone())),
            Some(DbValue::Str(text)) => Ok(Some(text.clone().into_bytes())),
            None | Some(DbValue::DbNull) => Ok(None),
            Some(_) => Err(self.wrong(column, "bytes")),
        }
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
