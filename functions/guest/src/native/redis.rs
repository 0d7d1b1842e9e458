//! A connection to Redis as the SDK has it, through the thread's port. Parameters may be lent, where the SDK's own
//! must be copies to cross into a host.

use super::{Soon, UNFILLED, with};

pub use spin_sdk::redis::{Error, RedisResult};

/// A parameter of a command.
#[derive(Debug)]
pub enum RedisParameter<'a> {
    Int64(i64),
    Binary(Vec<u8>),
    Lent(&'a [u8]),
}

/// What stays in the program need not be copied.
pub(crate) fn lent(bytes: &[u8]) -> RedisParameter<'_> {
    RedisParameter::Lent(bytes)
}

/// One connection, to be filled by the embedding program.
pub trait Port: Send + Sync {
    /// A command's reply, flattened to a list.
    fn execute<'a>(
        &'a self,
        command: &'a str,
        arguments: Vec<RedisParameter<'a>>,
    ) -> Soon<'a, Result<Vec<RedisResult>, Error>>;
    fn get<'a>(&'a self, key: &'a str) -> Soon<'a, Result<Option<Vec<u8>>, Error>>;
}

pub struct Connection(Box<dyn Port>);

impl Connection {
    pub async fn open(url: &str) -> Result<Connection, Error> {
        let opened = with(|ports| ports.redis(url));
        opened
            .unwrap_or_else(|| Err(Error::Other(UNFILLED.to_owned())))
            .map(Connection)
    }

    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key).await
    }

    pub async fn execute(
        &self,
        command: &str,
        arguments: Vec<RedisParameter<'_>>,
    ) -> Result<Vec<RedisResult>, Error> {
        self.0.execute(command, arguments).await
    }
}
