//! A session of MySQL as the SDK has it, through the thread's port; a result comes whole.

use super::{Soon, UNFILLED, with};
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
