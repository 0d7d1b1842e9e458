//! RabbitMQ behind the ports: where it is, and one connection with one channel at a time, made anew after it broke.

pub mod publisher;
pub mod source;

pub use publisher::RabbitPublisher;
pub use source::RabbitSource;

use crate::limits::{RABBITMQ_CONNECT_MS, RABBITMQ_HEARTBEAT_S};
use crate::process::outage::within;
use anyhow::Context;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Channel, Connection, ConnectionProperties};
use std::fmt;

/// Where the server is, and the prefix of every queue and exchange.
#[derive(Clone)]
pub struct Server {
    uri: AMQPUri,
    prefix: String,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// An open channel and its connection.
struct Link {
    _connection: Connection,
    channel: Channel,
}

impl Server {
    /// Reads `amqp://USER:PASSWORD@HOST:PORT/VHOST`.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence; never shows the text.
    pub fn parse(url: &str, prefix: &str) -> Result<Server, String> {
        const SHAPE: &str =
            "must look like amqp://USER:PASSWORD@HOST:PORT/VHOST, %2f being the default vhost";
        let mut uri: AMQPUri = url.parse().map_err(|_| SHAPE.to_owned())?;
        if uri.scheme != AMQPScheme::AMQP || uri.authority.host.is_empty() {
            return Err(SHAPE.to_owned());
        }
        uri.query.connection_timeout = Some(RABBITMQ_CONNECT_MS);
        uri.query.heartbeat.get_or_insert(RABBITMQ_HEARTBEAT_S);
        Ok(Server {
            uri,
            prefix: prefix.to_owned(),
        })
    }

    /// `host:port/vhost`, for messages.
    pub fn name(&self) -> String {
        let AMQPUri {
            authority, vhost, ..
        } = &self.uri;
        format!("{}:{}/{vhost}", authority.host, authority.port)
    }

    /// The name of a queue or an exchange with its prefix.
    pub fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn connect(&self) -> anyhow::Result<Connection> {
        let properties =
            ConnectionProperties::default().with_connection_name("flashorder-relay".into());
        let connecting = async {
            let connection = Connection::connect_uri(self.uri.clone(), properties).await;
            connection.with_context(|| format!("RabbitMQ at {}", self.name()))
        };
        within(RABBITMQ_CONNECT_MS, "connecting to RabbitMQ", connecting).await
    }

    async fn open(&self) -> anyhow::Result<Link> {
        let connection = self.connect().await?;
        let channel = connection.create_channel().await?;
        Ok(Link {
            _connection: connection,
            channel,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::wire::message::EXCHANGE;

    #[test]
    fn names_hold_no_password() {
        let server = Server::parse("amqp://me:s3cret@mq.example:5673/%2f", "w1.").unwrap();
        assert_eq!(server.name(), "mq.example:5673//");
        assert_eq!(format!("{server:?}"), server.name());
        assert_eq!(server.named(EXCHANGE), "w1.flashorder.seckill");
        for bad in [
            "",
            "mq",
            "http://me:s3cret@h",
            "amqps://me:s3cret@h/%2f",
            "amqp://me:s3cret@h:x",
        ] {
            let error = Server::parse(bad, "").unwrap_err();
            assert!(error.starts_with("must look like"), "{bad}: {error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
