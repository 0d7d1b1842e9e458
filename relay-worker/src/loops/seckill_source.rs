//! Purchases other systems tell of on `seckill.success`, from Kafka and from RabbitMQ: read strictly,
//! handed to the writer, and acknowledged only once they are orders or failures. And the way out: our own
//! purchases are passed on from the topic to RabbitMQ by a loop with a checkpoint of its own.

pub mod consume;
pub mod forward;
pub mod read;
pub mod take_in;

pub use consume::SeckillConsumer;
pub use forward::Forwarder;
pub use take_in::OrdersOrFailures;

use crate::loops::failures::MessageSource;
use contract::wire::seckill_message::ForeignPurchase;
use std::future::Future;

/// Where messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bus {
    Kafka,
    RabbitMq,
}

impl Bus {
    pub const fn source(self) -> MessageSource {
        match self {
            Bus::Kafka => MessageSource::Kafka,
            Bus::RabbitMq => MessageSource::RabbitMq,
        }
    }

    pub const fn name(self) -> &'static str {
        self.source().name()
    }
}

/// A message of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    pub bus: Bus,
    /// Where it stood; the same each time it is read.
    pub id: String,
    /// As it came.
    pub raw: &'a [u8],
    /// What it asks for, or why it never can be an order.
    pub purchase: Result<ForeignPurchase, String>,
}

/// Who makes orders of messages.
pub trait Purchases: Send + Sync + 'static {
    /// Afterwards each message is an order, was one, or is a failure. May be repeated.
    ///
    /// # Errors
    /// When the database is away: nothing or a part has happened then.
    fn take_in(&self, messages: &[Message<'_>]) -> impl Future<Output = anyhow::Result<()>> + Send;
}
