//! Counters and gauges of this process, as Prometheus reads them.

mod families;
#[cfg(test)]
mod tests;

use crate::loops::seckill_source::Bus;
use crate::process::progress;
use families::Families;
use prometheus::{
    Gauge, Histogram, IntCounter, IntGauge, IntGaugeVec, Registry, Result, TextEncoder,
};
use std::sync::Arc;

/// A number that only grows; 0 at the start of the process.
#[derive(Clone, Debug)]
pub struct Counter(IntCounter);

impl Counter {
    /// Adds `amount`.
    pub fn add(&self, amount: usize) {
        self.0.inc_by(amount as u64);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

/// Records not yet consumed, by topic with its prefix, over the partitions assigned to this process.
#[derive(Clone, Debug)]
pub struct Lag(IntGaugeVec);

impl Lag {
    /// Replaces the number of `topic`.
    pub fn set(&self, topic: &str, records: i64) {
        self.0.with_label_values(&[topic]).set(records);
    }
}

/// The outbox of one shard. The gauges count up to `GAUGE_ROWS_MAX` rows of all relays, the counters this process'
/// rows.
#[derive(Debug)]
pub struct OutboxMetrics {
    /// Rows not yet sent.
    pub waiting: IntGauge,
    /// Age of the oldest row not yet sent, in seconds by the database's clock; 0 without one.
    pub oldest_age_seconds: Gauge,
    /// Rows given up.
    pub dead: IntGauge,
    /// Rows that the bus confirmed.
    pub published: Counter,
    /// Attempts that failed and are retried.
    pub failed: Counter,
    /// Rows given up by this process.
    pub died: Counter,
}

/// Intake entries of the batch writer, by outcome.
#[derive(Debug)]
pub struct IntakeMetrics {
    /// Entries that became orders.
    pub written: Counter,
    /// Entries whose order was written before.
    pub repeated: Counter,
    /// Entries that could not become orders: recorded as failures.
    pub refused: Counter,
    /// Entries that could not be parsed: recorded as failures.
    pub unreadable: Counter,
    /// Entries in all intakes, at the last scan.
    pub lag: IntGauge,
}

/// Messages that could not become orders at first.
#[derive(Debug)]
pub struct FailureMetrics {
    /// Recorded, to be retried.
    pub pending: Counter,
    /// Became orders by a retry.
    pub success: Counter,
    /// Given up.
    pub failed: Counter,
    /// Retries begun.
    pub runs: Counter,
}

/// Messages of `seckill.success` read from one bus.
#[derive(Debug)]
pub struct SeckillMetrics {
    /// Other systems' purchases.
    pub foreign: Counter,
    /// Other systems' messages that could not be parsed.
    pub unreadable: Counter,
    /// Purchases published by this platform.
    pub own: Counter,
}

/// All metrics of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// By shard.
    pub outbox: Vec<OutboxMetrics>,
    /// Of the batch writer.
    pub intake: IntakeMetrics,
    /// Orders per transaction of the batch writer.
    pub intake_batch: Histogram,
    /// Of failures and their retries.
    pub failures: FailureMetrics,
    /// Stock messages applied.
    pub stock_applied: Counter,
    /// Stock messages that had been applied before.
    pub stock_repeated: Counter,
    /// Orders cancelled because the database lacks the stock.
    pub stock_refused: Counter,
    /// Stock moves that contradict the stock log.
    pub stock_anomalies: Counter,
    /// Dead letters that the bus has.
    pub dead_letters: Counter,
    /// Documents that the search index took.
    pub documents_indexed: Counter,
    /// Documents that are sent to the search index again.
    pub documents_retried: Counter,
    /// Documents that the search index refused for good.
    pub documents_refused: Counter,
    /// Unpaid orders cancelled.
    pub orders_expired: Counter,
    /// Payments that the provider did not report, and told when it was asked.
    pub payments_recovered: Counter,
    /// Holds of other systems given back because their time was over.
    pub holds_expired: Counter,
    /// Intents released whose order was never inserted.
    pub sweep_released: Counter,
    /// Intents that the sweep settled, as their stock had moved in the database.
    pub sweep_settled: Counter,
    /// Numbers in Redis that the sweep corrected.
    pub sweep_repaired: Counter,
    /// Lines of stock reserved in the database whose order was never inserted: rolled back.
    pub sweep_rolled_back: Counter,
    /// Loops started again after a panic.
    pub loops_restarted: Counter,
    /// Purchases that RabbitMQ has confirmed.
    pub rabbitmq_published: Counter,
    /// By `seckill_source::Bus`, as an index.
    pub seckill: [SeckillMetrics; 2],
    /// Of the groups that take in stock moves, purchases and changes of the index.
    pub consumer_lag: Arc<Lag>,
    /// Of the group that forwards purchases to RabbitMQ.
    pub rabbitmq_lag: Arc<Lag>,
}

/// Upper bounds of the buckets of batch sizes, in orders.
const BATCH_BUCKETS: [f64; 8] = [1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 250.0, 500.0];

impl Metrics {
    /// Metrics of a platform with so many shards, all 0.
    ///
    /// # Errors
    /// Where two metrics share a name, which a test rules out.
    pub fn new(shards: usize) -> Result<Metrics> {
        let registry = Registry::new();
        registry.register(Box::new(progress::Collected::new()?))?;
        let made = Families(&registry);
        Ok(Metrics {
            outbox: made.outbox(shards)?,
            intake: made.intake()?,
            intake_batch: made.sizes(
                "intake_batch_size",
                "orders per transaction of the batch writer",
                &BATCH_BUCKETS,
            )?,
            failures: made.failures()?,
            stock_applied: made.counter("relay_stock_applied_total", "stock messages applied")?,
            stock_repeated: made.counter(
                "relay_stock_repeated_total",
                "stock messages that were known",
            )?,
            stock_refused: made.counter(
                "relay_stock_refused_total",
                "orders the stock's last guard refused",
            )?,
            stock_anomalies: made.counter(
                "relay_stock_anomalies_total",
                "stock messages that did not fit what is stored",
            )?,
            dead_letters: made.counter("relay_dead_letters_total", "dead letters written")?,
            documents_indexed: made.counter("relay_index_documents_total", "documents indexed")?,
            documents_retried: made.counter("relay_index_retries_total", "documents sent again")?,
            documents_refused: made.counter(
                "relay_index_refused_total",
                "documents the search index refused",
            )?,
            orders_expired: made
                .counter("relay_orders_expired_total", "unpaid orders cancelled")?,
            payments_recovered: made.counter(
                "relay_payments_recovered_total",
                "unreported payments found",
            )?,
            holds_expired: made.counter("relay_holds_expired_total", "holds given back")?,
            sweep_released: made
                .counter("relay_sweep_released_total", "orphaned intents released")?,
            sweep_settled: made.counter("relay_sweep_settled_total", "intents settled late")?,
            sweep_repaired: made.counter(
                "relay_sweep_repaired_total",
                "stock counts in Redis repaired",
            )?,
            sweep_rolled_back: made.counter(
                "relay_sweep_rolled_back_total",
                "orphaned reservations in the database rolled back",
            )?,
            loops_restarted: made.counter(
                "relay_loops_restarted_total",
                "loops started again after a panic",
            )?,
            rabbitmq_published: made.counter(
                "relay_rabbitmq_published_total",
                "purchases RabbitMQ has confirmed",
            )?,
            seckill: made.seckill([Bus::Kafka, Bus::RabbitMq])?,
            consumer_lag: made.lag("kafka_consumer_lag", "records not yet taken in")?,
            rabbitmq_lag: made.lag(
                "relay_rabbitmq_lag",
                "records of purchases not yet passed on to RabbitMQ",
            )?,
            registry,
        })
    }

    /// All metrics in Prometheus' text format, those of [`progress`] included.
    ///
    /// # Errors
    /// Where a value cannot be written as text.
    pub fn render(&self) -> Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
