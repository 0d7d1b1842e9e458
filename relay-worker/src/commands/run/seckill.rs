//! The loops of flash-sale messages: from Kafka, from RabbitMQ where it is enabled, and from the topic to RabbitMQ.
//! Each has its own offsets or acknowledgements.

use super::starter::Starter;
use super::{Bus, Platform};
use crate::clients::kafka::KafkaSource;
use crate::clients::rabbit::{RabbitPublisher, RabbitSource, Server};
use crate::loops::seckill_source::{self as seckill, Forwarder, OrdersOrFailures, SeckillConsumer};
use contract::wire::message::{RABBITMQ_GROUP, SECKILL_GROUP, SECKILL_SUCCESS};
use std::sync::Arc;

impl Platform {
    fn purchases(&self) -> Arc<OrdersOrFailures> {
        Arc::new(OrdersOrFailures {
            writer: self.writer(),
            failures: self.failures(),
        })
    }

    /// Starts the consumer of RabbitMQ, which does not need Kafka.
    pub(super) fn start_rabbitmq(&self, server: Server, starter: &mut Starter) {
        tracing::info!("RabbitMQ at {server:?}");
        let (metrics, writer) = (self.metrics.clone(), self.purchases());
        starter.start("seckill rabbitmq", move |stop| {
            let consumer = SeckillConsumer {
                bus: seckill::Bus::RabbitMq,
                source: RabbitSource::new(server.clone(), SECKILL_SUCCESS),
                writer: writer.clone(),
                metrics: metrics.clone(),
            };
            Ok(consumer.run(stop))
        });
    }
}

impl Bus {
    pub(super) fn start_seckill(self: &Arc<Self>, starter: &mut Starter) {
        let (this, writer) = (self.clone(), self.platform.purchases());
        starter.start("seckill kafka", move |stop| {
            let consumer = SeckillConsumer {
                bus: seckill::Bus::Kafka,
                source: this.seckill_topic(SECKILL_GROUP)?,
                writer: writer.clone(),
                metrics: this.platform.metrics.clone(),
            };
            Ok(consumer.run(stop))
        });
        let Some(server) = self.rabbitmq.clone() else {
            return;
        };
        let this = self.clone();
        starter.start("seckill to rabbitmq", move |stop| {
            let forwarder = Forwarder {
                source: this.seckill_topic(RABBITMQ_GROUP)?,
                publisher: RabbitPublisher::new(server.clone()),
                letters: this.publisher.clone(),
                metrics: this.platform.metrics.clone(),
            };
            Ok(forwarder.run(stop))
        });
    }

    fn seckill_topic(&self, group: &str) -> anyhow::Result<KafkaSource> {
        let metrics = &self.platform.metrics;
        let lag = match group {
            SECKILL_GROUP => metrics.consumer_lag.clone(),
            _ => metrics.rabbitmq_lag.clone(),
        };
        let source = KafkaSource::open(&self.cluster, group, &[SECKILL_SUCCESS], lag)?;
        Ok(source.with_headers())
    }
}
