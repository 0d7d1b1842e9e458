//! The relay: outbox -> Kafka -> stock and search index, expiry of unpaid orders, repair of what crashes
//! left behind, and the commands `migrate`, `reconcile` and `reindex`. Any number of copies may run at once.

pub mod availability;
pub mod clock;
pub mod config;
pub mod database;
pub mod dead_letter;
pub mod expiry;
pub mod failures;
#[cfg(test)]
pub mod fixtures;
pub mod hints;
pub mod index;
pub mod intake;
pub mod kafka;
pub mod limits;
pub mod metrics;
pub mod migrate;
pub mod orders;
pub mod outage;
pub mod outbox;
pub mod ports;
pub mod precedence;
pub mod progress;
pub mod rabbit;
pub mod reconcile;
pub mod redis;
pub mod run;
pub mod sales;
pub mod seckill_source;
pub mod shutdown;
pub mod status_server;
pub mod stock;
pub mod supervise;
pub mod sweep;
pub mod telemetry;
