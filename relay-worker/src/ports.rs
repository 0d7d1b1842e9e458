//! What the loops need of a message bus: publish a batch with a verdict per record, read a batch and acknowledge it
//! once it has taken effect.

use futures::future::BoxFuture;
use std::future::Future;
use std::time::Duration;

/// One record to publish.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Kafka's topic with its prefix, or RabbitMQ's routing key.
    pub topic: String,
    /// Records of one key keep their order. Not used by RabbitMQ.
    pub key: String,
    /// The payload: JSON, or the bytes of a dead letter.
    pub value: Vec<u8>,
    /// Name and text of each header.
    pub headers: Vec<(&'static str, String)>,
}

/// The outcome of publishing one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The bus has confirmed the record.
    Delivered,
    /// The bus refuses this record for good; with the reason.
    Refused(String),
    /// The bus is away or too slow; the record may have arrived. With the reason.
    Away(String),
}

/// A bus that takes batches of records.
pub trait Publisher: Send + Sync + 'static {
    /// Publishes the records; one verdict each, in their order, within the bus' own deadline.
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Vec<Verdict>> + Send;

    /// Checks that the bus can be reached, for a loop that got [`Verdict::Away`].
    ///
    /// # Errors
    /// Where it cannot.
    fn reachable(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// One record as it was read from a bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Kafka's topic with its prefix, or RabbitMQ's queue.
    pub topic: String,
    /// 0 for RabbitMQ.
    pub partition: i32,
    /// The offset within the partition, or RabbitMQ's delivery tag.
    pub offset: i64,
    /// Empty for RabbitMQ, and for a record without one.
    pub key: Vec<u8>,
    /// The payload as it was sent.
    pub value: Vec<u8>,
    /// Name and value of the headers that are text; empty where the source was not asked for them.
    pub headers: Vec<(String, String)>,
}

impl Incoming {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The pending outcome of one record: the bus' answer, or [`Verdict::Away`] at the record's own deadline.
pub type Delivery = BoxFuture<'static, Verdict>;

/// A bus that takes records one after the other and answers each by itself: those for a part of it that is away do not
/// hold up the answers for the others.
pub trait PipelinedPublisher: Publisher {
    /// Hands the records over in their order; one delivery per record.
    fn send(&self, batch: Vec<Outgoing>) -> impl Future<Output = Vec<Delivery>> + Send;
}

/// A bus to read batches of records from.
pub trait Source: Send + 'static {
    /// Waits for a record, then takes what comes within `gather`, at most `max`. May be cancelled while it waits for
    /// the first; with no `gather` it waits for no other, so that a caller that gives up loses none.
    ///
    /// # Errors
    /// Where the bus is away, or ended the reading; may be called again.
    fn next(
        &mut self,
        max: usize,
        gather: Duration,
    ) -> impl Future<Output = anyhow::Result<Vec<Incoming>>> + Send;

    /// Marks everything read up to these records as done, so that it is not read again.
    ///
    /// # Errors
    /// Where the source does not own them any more; then they are read again.
    fn acknowledge(
        &mut self,
        batch: &[Incoming],
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}
