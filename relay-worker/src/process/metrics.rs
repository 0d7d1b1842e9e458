//! Counters and gauges of this process, and their Prometheus text.

use crate::loops::seckill_source::Bus;
use crate::process::progress;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// A number that only grows; 0 at the start of the process.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `amount`.
    pub fn add(&self, amount: usize) {
        self.0.fetch_add(amount as u64, Relaxed);
    }

    /// The present value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Records not yet consumed, by topic with its prefix, over the partitions assigned to this process.
#[derive(Debug, Default)]
pub struct Lag(Mutex<BTreeMap<String, i64>>);

impl Lag {
    /// Replaces the number of `topic`.
    pub fn set(&self, topic: &str, records: i64) {
        let mut topics = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        topics.insert(topic.to_owned(), records);
    }
}

/// The outbox of one shard. The gauges count up to `GAUGE_ROWS_MAX` rows of all relays, the counters this process'
/// rows.
#[derive(Debug, Default)]
pub struct OutboxMetrics {
    /// Rows not yet sent.
    pub waiting: AtomicI64,
    /// Age of the oldest row not yet sent, by the database's clock; 0 without one.
    pub oldest_age_ms: AtomicU64,
    /// Rows given up.
    pub dead: AtomicI64,
    /// Rows that the bus confirmed.
    pub published: Counter,
    /// Attempts that failed and are retried.
    pub failed: Counter,
    /// Rows given up by this process.
    pub died: Counter,
}

/// Upper bounds of the buckets of batch sizes, in orders.
const BATCH_BUCKETS: [usize; 8] = [1, 2, 5, 10, 50, 100, 250, 500];

/// A histogram of batch sizes.
#[derive(Debug, Default)]
pub struct Sizes {
    buckets: [Counter; BATCH_BUCKETS.len()],
    sum: Counter,
    count: Counter,
}

impl Sizes {
    /// Counts a batch of `size` orders.
    pub fn observe(&self, size: usize) {
        for (bucket, bound) in self.buckets.iter().zip(BATCH_BUCKETS) {
            bucket.add(usize::from(size <= bound));
        }
        self.sum.add(size);
        self.count.add(1);
    }

    fn render(&self, name: &str, text: &mut String) {
        let _ = writeln!(text, "# TYPE {name} histogram");
        for (bucket, bound) in self.buckets.iter().zip(BATCH_BUCKETS) {
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {}", bucket.get());
        }
        let (sum, count) = (self.sum.get(), self.count.get());
        let _ = writeln!(
            text,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"
        );
    }
}

/// Intake entries of the batch writer, by outcome.
#[derive(Debug, Default)]
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
    pub lag: AtomicU64,
}

/// Messages that could not become orders at first.
#[derive(Debug, Default)]
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
#[derive(Debug, Default)]
pub struct SeckillMetrics {
    /// Other systems' purchases.
    pub foreign: Counter,
    /// Other systems' messages that could not be parsed.
    pub unreadable: Counter,
    /// Purchases published by this platform.
    pub own: Counter,
}

/// All metrics of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    /// By shard.
    pub outbox: Vec<OutboxMetrics>,
    /// Of the batch writer.
    pub intake: IntakeMetrics,
    /// Orders per transaction of the batch writer.
    pub intake_batch: Sizes,
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
    /// Messages put aside as dead letters.
    pub dead_letters: Counter,
    /// Documents that the search index took.
    pub documents_indexed: Counter,
    /// Documents that are sent to the search index again.
    pub documents_retried: Counter,
    /// Documents that the search index refused for good.
    pub documents_refused: Counter,
    /// Unpaid orders cancelled.
    pub orders_expired: Counter,
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
    /// Of the group that writes purchases.
    pub seckill_lag: Arc<Lag>,
    /// Of the group that forwards purchases to RabbitMQ.
    pub rabbitmq_lag: Arc<Lag>,
    /// Of the stock consumer.
    pub stock_lag: Arc<Lag>,
    /// Of the indexer.
    pub index_lag: Arc<Lag>,
}

/// A counter's name, what it counts, and itself.
type Named<'a> = (&'static str, &'static str, &'a Counter);

impl Metrics {
    /// Metrics of a platform with so many shards, all 0.
    pub fn new(shards: usize) -> Metrics {
        Metrics {
            outbox: (0..shards).map(|_| OutboxMetrics::default()).collect(),
            ..Metrics::default()
        }
    }

    fn counters_of_messages(&self) -> [Named<'_>; 8] {
        [
            (
                "relay_stock_applied_total",
                "stock messages applied",
                &self.stock_applied,
            ),
            (
                "relay_stock_repeated_total",
                "stock messages that were known",
                &self.stock_repeated,
            ),
            (
                "relay_stock_refused_total",
                "orders the stock's last guard refused",
                &self.stock_refused,
            ),
            (
                "relay_stock_anomalies_total",
                "stock messages that did not fit what is stored",
                &self.stock_anomalies,
            ),
            (
                "relay_dead_letters_total",
                "messages put aside as unreadable",
                &self.dead_letters,
            ),
            (
                "relay_index_documents_total",
                "documents in the search index",
                &self.documents_indexed,
            ),
            (
                "relay_index_retries_total",
                "documents sent again",
                &self.documents_retried,
            ),
            (
                "relay_index_refused_total",
                "documents the search index refused",
                &self.documents_refused,
            ),
        ]
    }

    fn counters_of_repairs(&self) -> [Named<'_>; 7] {
        [
            (
                "relay_orders_expired_total",
                "unpaid orders cancelled",
                &self.orders_expired,
            ),
            (
                "relay_sweep_released_total",
                "orphaned intents released",
                &self.sweep_released,
            ),
            (
                "relay_sweep_settled_total",
                "intents settled late",
                &self.sweep_settled,
            ),
            (
                "relay_sweep_repaired_total",
                "stock counts in Redis repaired",
                &self.sweep_repaired,
            ),
            (
                "relay_sweep_rolled_back_total",
                "orphaned reservations in the database rolled back",
                &self.sweep_rolled_back,
            ),
            (
                "relay_rabbitmq_published_total",
                "purchases RabbitMQ has confirmed",
                &self.rabbitmq_published,
            ),
            (
                "relay_loops_restarted_total",
                "loops started again after a panic",
                &self.loops_restarted,
            ),
        ]
    }

    /// All metrics in Prometheus' text format, those of [`progress`] included.
    pub fn render(&self) -> String {
        let mut text = String::with_capacity(4096);
        let repairs = self.counters_of_repairs();
        for (name, help, counter) in self.counters_of_messages().into_iter().chain(repairs) {
            let value = counter.get();
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}"
            );
        }
        self.render_outbox(&mut text);
        self.render_seckill(&mut text);
        self.render_intake(&mut text);
        let lags = [&self.stock_lag, &self.index_lag, &self.seckill_lag];
        let help = "records not yet taken in";
        render_lag(&mut text, "kafka_consumer_lag", help, &lags);
        let help = "records of purchases not yet passed on to RabbitMQ";
        render_lag(&mut text, "relay_rabbitmq_lag", help, &[&self.rabbitmq_lag]);
        progress::render(&mut text);
        text
    }

    fn render_intake(&self, text: &mut String) {
        let IntakeMetrics {
            written,
            repeated,
            refused,
            unreadable,
            lag,
        } = &self.intake;
        let results = [
            ("written", written),
            ("repeated", repeated),
            ("refused", refused),
            ("unreadable", unreadable),
        ];
        let help = "accepted orders the batch writer is done with";
        labelled(text, "intake_entries_total", help, "result", &results);
        let _ = writeln!(
            text,
            "# HELP intake_lag entries not yet written\n# TYPE intake_lag gauge\nintake_lag {}",
            lag.load(Relaxed)
        );
        self.intake_batch.render("intake_batch_size", text);
        let failures = &self.failures;
        let statuses = [
            ("pending", &failures.pending),
            ("success", &failures.success),
            ("failed", &failures.failed),
        ];
        let help = "messages that could not become orders, by what became of them";
        labelled(text, "order_failures_total", help, "status", &statuses);
        let _ = writeln!(
            text,
            "# HELP compensation_runs_total retries of failed messages\n# TYPE compensation_runs_total counter\n\
             compensation_runs_total {}",
            failures.runs.get()
        );
    }

    fn render_seckill(&self, text: &mut String) {
        const NAME: &str = "relay_seckill_messages_total";
        let _ = writeln!(
            text,
            "# HELP {NAME} messages about purchases, as read\n# TYPE {NAME} counter"
        );
        for bus in [Bus::Kafka, Bus::RabbitMq] {
            let counts = &self.seckill[bus as usize];
            for (kind, counter) in [
                ("foreign", &counts.foreign),
                ("unreadable", &counts.unreadable),
                ("own", &counts.own),
            ] {
                let (bus, value) = (bus.name(), counter.get());
                let _ = writeln!(text, "{NAME}{{bus=\"{bus}\",kind=\"{kind}\"}} {value}");
            }
        }
    }

    fn render_outbox(&self, text: &mut String) {
        type Read = fn(&OutboxMetrics) -> String;
        let series: [(&str, &str, &str, Read); 6] = [
            ("outbox_waiting_rows", "gauge", "rows not yet sent", |o| {
                o.waiting.load(Relaxed).to_string()
            }),
            (
                "outbox_oldest_age_seconds",
                "gauge",
                "age of the oldest row not yet sent",
                |o| {
                    let ms = o.oldest_age_ms.load(Relaxed);
                    format!("{}.{:03}", ms / 1000, ms % 1000)
                },
            ),
            ("outbox_dead_rows", "gauge", "rows given up", |o| {
                o.dead.load(Relaxed).to_string()
            }),
            ("outbox_published_total", "counter", "rows published", |o| {
                o.published.get().to_string()
            }),
            ("outbox_failed_total", "counter", "sends that failed", |o| {
                o.failed.get().to_string()
            }),
            (
                "outbox_dead_total",
                "counter",
                "rows given up by this process",
                |o| o.died.get().to_string(),
            ),
        ];
        for (name, kind, help, read) in series {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (shard, outbox) in self.outbox.iter().enumerate() {
                let _ = writeln!(text, "{name}{{shard=\"{shard}\"}} {}", read(outbox));
            }
        }
    }
}

/// Renders a counter's series by one label.
fn labelled(text: &mut String, name: &str, help: &str, label: &str, series: &[(&str, &Counter)]) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
    for (value, counter) in series {
        let _ = writeln!(text, "{name}{{{label}=\"{value}\"}} {}", counter.get());
    }
}

fn render_lag(text: &mut String, name: &str, help: &str, lags: &[&Arc<Lag>]) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
    for lag in lags {
        for (topic, records) in lag.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = writeln!(text, "{name}{{topic=\"{topic}\"}} {records}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_every_shard_and_topic() {
        let metrics = Metrics::new(2);
        metrics.outbox[1].published.add(3);
        metrics.outbox[1].oldest_age_ms.store(1_005, Relaxed);
        metrics.stock_lag.set("doos.stock.deduct", 7);
        metrics.rabbitmq_lag.set("seckill.success", 2);
        metrics.seckill[Bus::RabbitMq as usize].own.add(4);
        metrics.intake_batch.observe(7);
        metrics.failures.failed.add(1);
        let text = metrics.render();
        for line in [
            "outbox_published_total{shard=\"0\"} 0",
            "outbox_published_total{shard=\"1\"} 3",
            "outbox_oldest_age_seconds{shard=\"1\"} 1.005",
            "intake_batch_size_bucket{le=\"5\"} 0",
            "intake_batch_size_bucket{le=\"10\"} 1",
            "order_failures_total{status=\"failed\"} 1",
            "kafka_consumer_lag{topic=\"doos.stock.deduct\"} 7",
            "relay_rabbitmq_lag{topic=\"seckill.success\"} 2",
            "relay_seckill_messages_total{bus=\"rabbitmq\",kind=\"own\"} 4",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
    }
}
