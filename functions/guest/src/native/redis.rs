//! Redis with the SDK's types, through the thread's port. Parameters may be borrowed; the SDK's own must be copies to
//! cross into a host.

use super::{Soon, UNFILLED, with};

pub use spin_sdk::redis::{Error, RedisResult};

/// A parameter of a command.
#[derive(Debug)]
pub enum RedisParameter<'a> {
    /// Sent in decimal.
    Int64(i64),
    /// Text or bytes.
    Binary(Vec<u8>),
    /// Text or bytes of the caller.
    Lent(&'a [u8]),
}

/// Borrowed, as it does not leave the program.
pub(crate) fn lent(bytes: &[u8]) -> RedisParameter<'_> {
    RedisParameter::Lent(bytes)
}

/// One connection, which the embedding program implements.
pub trait Port: Send + Sync {
    /// A command's reply, flattened to a list.
    fn execute<'a>(
        &'a self,
        command: &'a str,
        arguments: Vec<RedisParameter<'a>>,
    ) -> Soon<'a, Result<Vec<RedisResult>, Error>>;
    /// The value of a string key; `None` where it is absent.
    fn get<'a>(&'a self, key: &'a str) -> Soon<'a, Result<Option<Vec<u8>>, Error>>;
}

/// A connection of the thread's port.
pub struct Connection(Box<dyn Port>);

impl Connection {
    /// `url`: a `redis://` URL.
    ///
    /// # Errors
    /// Where the port refuses the URL, or the thread has no ports.
    pub async fn open(url: &str) -> Result<Connection, Error> {
        let opened = with(|ports| ports.redis(url));
        opened
            .unwrap_or_else(|| Err(Error::Other(UNFILLED.to_owned())))
            .map(Connection)
    }

    /// The value of a string key; `None` where it is absent.
    ///
    /// # Errors
    /// Where Redis is away or the key is of another type.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        self.0.get(key).await
    }

    /// A command's reply, flattened to a list.
    ///
    /// # Errors
    /// Where Redis is away or refuses the command.
    pub async fn execute(
        &self,
        command: &str,
        arguments: Vec<RedisParameter<'_>>,
    ) -> Result<Vec<RedisResult>, Error> {
        self.0.execute(command, arguments).await
    }
}
