//! Purchases that other systems publish on `seckill.success`, in Kafka and in RabbitMQ: parsed strictly, handed to the
//! writer, and acknowledged only once they are orders or failures. In the other direction, a loop with its own consumer
//! group forwards our own purchases from the topic to RabbitMQ.

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
    /// The Kafka topic.
    Kafka,
    /// The RabbitMQ queue.
    RabbitMq,
}

impl Bus {
    /// Where its messages come from, as their failures name it.
    pub const fn source(self) -> MessageSource {
        match self {
            Bus::Kafka => MessageSource::Kafka,
            Bus::RabbitMq => MessageSource::RabbitMq,
        }
    }

    /// `kafka` or `rabbitmq`.
    pub const fn name(self) -> &'static str {
        self.source().name()
    }
}

/// A message of another system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Where it was read.
    pub bus: Bus,
    /// The same each time it is read: its position in Kafka, or a hash of its body in RabbitMQ.
    pub id: String,
    /// Its body, unchanged.
    pub raw: &'a [u8],
    /// What it asks for, or why it never can be an order.
    pub purchase: Result<ForeignPurchase, String>,
}

/// Makes orders of messages.
pub trait Purchases: Send + Sync + 'static {
    /// Afterwards each message is an order, was one already, or is a failure. May be repeated.
    ///
    /// # Errors
    /// When the database is away: nothing or a part has happened then.
    fn take_in(&self, messages: &[Message<'_>]) -> impl Future<Output = anyhow::Result<()>> + Send;
}
