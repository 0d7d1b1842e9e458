//! Publishing to a durable exchange: persistent messages, each confirmed by the server, or refused for good.

use super::{Link, Server};
use crate::limits::{PUBLISH_TIMEOUT_MS, RABBITMQ_CONNECT_MS};
use crate::ports::{Outgoing, Publisher, Verdict};
use crate::process::outage::within;
use contract::wire::message::EXCHANGE;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation, ErrorKind, ExchangeKind, PublisherConfirm};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// AMQP's delivery mode of a message that is kept on disk.
const PERSISTENT: u8 = 2;

/// A publisher to the exchange [`EXCHANGE`].
pub struct RabbitPublisher {
    server: Server,
    exchange: String,
    /// Held only to clone or replace the handle.
    link: Mutex<Option<Arc<Link>>>,
}

impl RabbitPublisher {
    /// A publisher that connects when it is first used.
    pub fn new(server: Server) -> RabbitPublisher {
        RabbitPublisher {
            exchange: server.named(EXCHANGE),
            server,
            link: Mutex::new(None),
        }
    }

    fn put(&self, link: Option<Arc<Link>>) {
        *self.link.lock().unwrap_or_else(PoisonError::into_inner) = link;
    }

    fn open(&self) -> Option<Arc<Link>> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = |link: &&Arc<Link>| link.channel.status().connected();
        link.as_ref().filter(usable).cloned()
    }

    async fn link(&self) -> anyhow::Result<Arc<Link>> {
        if let Some(link) = self.open() {
            return Ok(link);
        }
        let opening = async {
            let link = self.server.open().await?;
            let durable = ExchangeDeclareOptions {
                durable: true,
                ..ExchangeDeclareOptions::default()
            };
            link.channel
                .exchange_declare(
                    self.exchange.as_str().into(),
                    ExchangeKind::Topic,
                    durable,
                    FieldTable::default(),
                )
                .await?;
            link.channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            Ok(Arc::new(link))
        };
        let link = within(RABBITMQ_CONNECT_MS, "opening the exchange", opening).await?;
        self.put(Some(link.clone()));
        Ok(link)
    }

    async fn send(&self, link: &Link, record: &Outgoing) -> lapin::Result<PublisherConfirm> {
        link.channel
            .basic_publish(
                self.exchange.as_str().into(),
                record.topic.as_str().into(),
                BasicPublishOptions::default(),
                &record.value,
                properties(record),
            )
            .await
    }
}

fn properties(record: &Outgoing) -> BasicProperties {
    let mut table = FieldTable::default();
    let mut properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT);
    for (name, value) in &record.headers {
        if *name == "id" {
            properties = properties.with_message_id(value.as_str().into());
        }
        table.insert((*name).into(), AMQPValue::LongString(value.as_str().into()));
    }
    properties.with_headers(table)
}

fn verdict(confirmed: lapin::Result<Confirmation>) -> Verdict {
    match confirmed {
        Ok(Confirmation::Ack(_)) => Verdict::Delivered,
        Ok(Confirmation::Nack(_)) => Verdict::Away("RabbitMQ could not store it".to_owned()),
        Ok(Confirmation::NotRequested) => Verdict::Away("RabbitMQ confirms nothing".to_owned()),
        Err(error) => failed(&error),
    }
}

fn late() -> Verdict {
    Verdict::Away("no confirmation in time".to_owned())
}

/// The server closes the channel over a message that it will never take, such as one that is larger than it allows.
fn failed(error: &lapin::Error) -> Verdict {
    match error.kind() {
        ErrorKind::ProtocolError(closed)
            if *closed.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) =>
        {
            Verdict::Refused(closed.get_message().to_string())
        }
        _ => Verdict::Away(error.to_string()),
    }
}

impl RabbitPublisher {
    /// Publishes on one channel. Where the server closes it over one of the records, those that it has not confirmed
    /// are all refused.
    async fn together(&self, batch: &[Outgoing], until: Instant) -> Vec<Verdict> {
        let link = match self.link().await {
            Ok(link) => link,
            Err(error) => return vec![Verdict::Away(format!("{error:#}")); batch.len()],
        };
        let mut sent = Vec::with_capacity(batch.len());
        for record in batch {
            sent.push(match timeout_at(until, self.send(&link, record)).await {
                Ok(Ok(confirm)) => Ok(confirm),
                Ok(Err(error)) => Err(failed(&error)),
                Err(_) => Err(late()),
            });
        }
        let mut verdicts = Vec::with_capacity(sent.len());
        for confirm in sent {
            verdicts.push(match confirm {
                Err(verdict) => verdict,
                Ok(confirm) => match timeout_at(until, confirm).await {
                    Ok(confirmed) => verdict(confirmed),
                    Err(_) => late(),
                },
            });
        }
        if verdicts.iter().any(|one| *one != Verdict::Delivered) {
            // Late confirmations on this channel must not count for later records.
            self.put(None);
        }
        verdicts
    }

    async fn alone(&self, record: &Outgoing, until: Instant) -> Verdict {
        let verdict = match Instant::now() < until {
            true => self
                .together(std::slice::from_ref(record), until)
                .await
                .pop(),
            false => None,
        };
        verdict.unwrap_or_else(late)
    }
}

impl Publisher for RabbitPublisher {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Verdict> {
        let until = Instant::now() + Duration::from_millis(PUBLISH_TIMEOUT_MS);
        let mut verdicts = self.together(&batch, until).await;
        let refused = |one: &Verdict| matches!(one, Verdict::Refused(_));
        if batch.len() > 1 && verdicts.iter().any(refused) {
            // The server does not say over which of them it closed the channel.
            for (verdict, record) in verdicts.iter_mut().zip(&batch) {
                if *verdict != Verdict::Delivered {
                    *verdict = self.alone(record, until).await;
                }
            }
        }
        verdicts
    }

    async fn reachable(&self) -> anyhow::Result<()> {
        self.link().await.map(drop)
    }
}
