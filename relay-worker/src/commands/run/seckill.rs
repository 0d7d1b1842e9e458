//! The loops of flash-sale messages: from Kafka, from RabbitMQ where it is switched on, and from the topic
//! on to RabbitMQ. Each has a checkpoint of its own.

use super::{Bus, Platform};
use crate::clients::kafka::KafkaSource;
use crate::clients::rabbit::{RabbitPublisher, RabbitSource, Server};
use crate::loops::seckill_source::{self as seckill, Forwarder, OrdersOrFailures, SeckillConsumer};
use crate::process::shutdown::Shutdown;
use crate::process::supervise::supervise;
use contract::wire::message::{RABBITMQ_GROUP, SECKILL_GROUP, SECKILL_SUCCESS};
use std::sync::Arc;
use tokio::task::JoinSet;

impl Platform {
    fn purchases(&self) -> Arc<OrdersOrFailures> {
        Arc::new(OrdersOrFailures {
            writer: self.writer(),
            failures: self.failures(),
        })
    }

    /// Goes on while Kafka is away.
    pub(super) fn start_rabbitmq(
        &self,
        server: Server,
        stopping: &Shutdown,
        loops: &mut JoinSet<()>,
    ) {
        tracing::info!("RabbitMQ at {server:?}");
        let (metrics, stop, writer) = (self.metrics.clone(), stopping.clone(), self.purchases());
        let make = move || {
            let consumer = SeckillConsumer {
                bus: seckill::Bus::RabbitMq,
                source: RabbitSource::new(server.clone(), SECKILL_SUCCESS),
                writer: writer.clone(),
                metrics: metrics.clone(),
            };
            Ok(consumer.run(stop.clone()))
        };
        let (metrics, stopping) = (self.metrics.clone(), stopping.clone());
        loops.spawn(supervise("seckill rabbitmq", metrics, stopping, make));
    }
}

impl Bus {
    pub(super) fn start_seckill(self: &Arc<Self>, stopping: &Shutdown, loops: &mut JoinSet<()>) {
        let metrics = &self.platform.metrics;
        let (this, stop, writer) = (self.clone(), stopping.clone(), self.platform.purchases());
        let make = move || {
            let consumer = SeckillConsumer {
                bus: seckill::Bus::Kafka,
                source: this.seckill_topic(SECKILL_GROUP)?,
                writer: writer.clone(),
                metrics: this.platform.metrics.clone(),
            };
            Ok(consumer.run(stop.clone()))
        };
        let (name, stop) = ("seckill kafka", stopping.clone());
        loops.spawn(supervise(name, metrics.clone(), stop, make));
        let Some(server) = self.rabbitmq.clone() else {
            return;
        };
        let (this, stop) = (self.clone(), stopping.clone());
        let make = move || {
            let forwarder = Forwarder {
                source: this.seckill_topic(RABBITMQ_GROUP)?,
                publisher: RabbitPublisher::new(server.clone()),
                metrics: this.platform.metrics.clone(),
            };
            Ok(forwarder.run(stop.clone()))
        };
        let (name, stop) = ("seckill to rabbitmq", stopping.clone());
        loops.spawn(supervise(name, metrics.clone(), stop, make));
    }

    fn seckill_topic(&self, group: &str) -> anyhow::Result<KafkaSource> {
        let metrics = &self.platform.metrics;
        let lag = match group {
            SECKILL_GROUP => metrics.seckill_lag.clone(),
            _ => metrics.rabbitmq_lag.clone(),
        };
        let source = KafkaSource::open(&self.cluster, group, &[SECKILL_SUCCESS], lag)?;
        Ok(source.with_headers())
    }
}
