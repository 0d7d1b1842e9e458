//! Makes metrics in a registry, with the labels of each family.

use super::{Counter, FailureMetrics, IntakeMetrics, Lag, OutboxMetrics, SeckillMetrics};
use crate::loops::seckill_source::Bus;
use prometheus::{
    Histogram, IntCounterVec, IntGaugeVec, Registry, Result, register_gauge_vec_with_registry,
    register_histogram_with_registry, register_int_counter_vec_with_registry,
    register_int_counter_with_registry, register_int_gauge_vec_with_registry,
    register_int_gauge_with_registry,
};
use std::sync::Arc;

/// Families of metrics in this registry.
pub struct Families<'a>(pub &'a Registry);

impl Families<'_> {
    /// One counter.
    pub fn counter(&self, name: &str, help: &str) -> Result<Counter> {
        register_int_counter_with_registry!(name, help, self.0).map(Counter)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        register_int_counter_vec_with_registry!(name, help, labels, self.0)
    }

    fn gauges(&self, name: &str, help: &str, label: &str) -> Result<IntGaugeVec> {
        register_int_gauge_vec_with_registry!(name, help, &[label], self.0)
    }

    /// One histogram, of sizes up to these bounds.
    pub fn sizes(&self, name: &str, help: &str, bounds: &[f64]) -> Result<Histogram> {
        register_histogram_with_registry!(name, help, bounds.to_vec(), self.0)
    }

    /// Gauges by topic.
    pub fn lag(&self, name: &str, help: &str) -> Result<Arc<Lag>> {
        let gauges = self.gauges(name, help, "topic")?;
        Ok(Arc::new(Lag(gauges)))
    }

    /// The outbox of each shard.
    pub fn outbox(&self, shards: usize) -> Result<Vec<OutboxMetrics>> {
        let waiting = self.gauges("outbox_waiting_rows", "rows not yet sent", "shard")?;
        let oldest = register_gauge_vec_with_registry!(
            "outbox_oldest_age_seconds",
            "age of the oldest row not yet sent",
            &["shard"],
            self.0
        )?;
        let dead = self.gauges("outbox_dead_rows", "rows given up", "shard")?;
        let published = self.counters("outbox_published_total", "rows published", &["shard"])?;
        let failed = self.counters("outbox_failed_total", "sends that failed", &["shard"])?;
        let help = "rows given up by this process";
        let died = self.counters("outbox_dead_total", help, &["shard"])?;
        let of = |shard: usize| {
            let label = &[shard.to_string()];
            OutboxMetrics {
                waiting: waiting.with_label_values(label),
                oldest_age_seconds: oldest.with_label_values(label),
                dead: dead.with_label_values(label),
                published: Counter(published.with_label_values(label)),
                failed: Counter(failed.with_label_values(label)),
                died: Counter(died.with_label_values(label)),
            }
        };
        Ok((0..shards).map(of).collect())
    }

    /// The batch writer's.
    pub fn intake(&self) -> Result<IntakeMetrics> {
        let help = "accepted orders the batch writer is done with";
        let entries = self.counters("intake_entries_total", help, &["result"])?;
        let of = |result: &str| Counter(entries.with_label_values(&[result]));
        let lag =
            register_int_gauge_with_registry!("intake_lag", "entries not yet written", self.0)?;
        Ok(IntakeMetrics {
            written: of("written"),
            repeated: of("repeated"),
            refused: of("refused"),
            unreadable: of("unreadable"),
            lag,
        })
    }

    /// Of failures and their retries.
    pub fn failures(&self) -> Result<FailureMetrics> {
        let help = "messages that could not become orders, by what became of them";
        let failures = self.counters("order_failures_total", help, &["status"])?;
        let of = |status: &str| Counter(failures.with_label_values(&[status]));
        Ok(FailureMetrics {
            pending: of("pending"),
            success: of("success"),
            failed: of("failed"),
            runs: self.counter("compensation_runs_total", "retries of failed messages")?,
        })
    }

    /// Of purchases that are read from each bus.
    pub fn seckill(&self, buses: [Bus; 2]) -> Result<[SeckillMetrics; 2]> {
        let name = "relay_seckill_messages_total";
        let help = "messages about purchases, as read";
        let messages = self.counters(name, help, &["bus", "kind"])?;
        Ok(buses.map(|bus| {
            let of = |kind: &str| Counter(messages.with_label_values(&[bus.name(), kind]));
            SeckillMetrics {
                foreign: of("foreign"),
                unreadable: of("unreadable"),
                own: of("own"),
            }
        }))
    }
}
