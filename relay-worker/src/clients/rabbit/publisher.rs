//! Publishing to a durable exchange: persistent messages, each confirmed by the server.

use super::{Link, Server};
use crate::limits::{PUBLISH_TIMEOUT_MS, RABBITMQ_CONNECT_MS};
use crate::ports::{Outgoing, Publisher, Verdict};
use crate::process::outage::within;
use contract::wire::message::EXCHANGE;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Confirmation, ExchangeKind, PublisherConfirm};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
        Err(error) => Verdict::Away(error.to_string()),
    }
}

impl Publisher for RabbitPublisher {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Verdict> {
        let link = match self.link().await {
            Ok(link) => link,
            Err(error) => return vec![Verdict::Away(format!("{error:#}")); batch.len()],
        };
        let late = || Verdict::Away("no confirmation in time".to_owned());
        let until = tokio::time::Instant::now() + Duration::from_millis(PUBLISH_TIMEOUT_MS);
        let mut sent = Vec::with_capacity(batch.len());
        for record in &batch {
            sent.push(
                match tokio::time::timeout_at(until, self.send(&link, record)).await {
                    Ok(Ok(confirm)) => Ok(confirm),
                    Ok(Err(error)) => Err(Verdict::Away(error.to_string())),
                    Err(_) => Err(late()),
                },
            );
        }
        let mut verdicts = Vec::with_capacity(sent.len());
        for confirm in sent {
            verdicts.push(match confirm {
                Err(verdict) => verdict,
                Ok(confirm) => match tokio::time::timeout_at(until, confirm).await {
                    Ok(confirmed) => verdict(confirmed),
                    Err(_) => late(),
                },
            });
        }
        if verdicts.iter().any(|one| matches!(one, Verdict::Away(_))) {
            // Late confirmations on this channel must not count for later records.
            self.put(None);
        }
        verdicts
    }

    async fn reachable(&self) -> anyhow::Result<()> {
        self.link().await.map(drop)
    }
}
