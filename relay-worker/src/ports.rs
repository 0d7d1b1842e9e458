//! What the loops need of a message bus: publish a batch with a verdict per record, read a batch and
//! acknowledge it once it has taken effect.

use futures::future::BoxFuture;
use std::future::Future;
use std::time::Duration;

/// One record to publish; `topic` with its prefix.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub topic: String,
    /// Records of one key keep their order.
    pub key: String,
    pub value: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    /// The bus does not take this record.
    Refused(String),
    /// The bus is away or too slow; the record may have arrived all the same.
    Away(String),
}

pub trait Publisher: Send + Sync + 'static {
    /// One verdict per record, in their order, within a deadline of its own.
    fn publish(&self, batch: Vec<Outgoing>) -> impl Future<Output = Vec<Verdict>> + Send;

    /// Whether the bus can be reached, for a loop that saw `Away`.
    fn reachable(&self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// One record as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    /// Those that are text; none where the source was not asked for them.
    pub headers: Vec<(String, String)>,
}

impl Incoming {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(have, _)| have == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What becomes of one record: an answer, or `Away` at a deadline of its own.
pub type Delivery = BoxFuture<'static, Verdict>;

/// A bus that takes records one after the other and answers for each by itself: those for a part of it that is away do
/// not hold up the answers for the others.
pub trait PipelinedPublisher: Publisher {
    /// Hands the records over in their order; one delivery per record.
    fn send(&self, batch: Vec<Outgoing>) -> impl Future<Output = Vec<Delivery>> + Send;
}

pub trait Source: Send + 'static {
    /// Waits for a record, then takes what comes within `gather`, at most `max`. May be dropped while waiting.
    fn next(
        &mut self,
        max: usize,
        gather: Duration,
    ) -> impl Future<Output = anyhow::Result<Vec<Incoming>>> + Send;

    /// What was read up to these records is never read again.
    ///
    /// # Errors
    /// When the source no longer owns them; they are read again then.
    fn acknowledge(
        &mut self,
        batch: &[Incoming],
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}
