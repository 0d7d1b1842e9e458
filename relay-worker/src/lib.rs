//! The relay: outbox -> Kafka -> stock and search index, expiry of unpaid orders, repair of what crashes left behind,
//! and the commands `migrate`, `reconcile`, `reindex` and `outbox`. Any number of copies may run at once.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod clients;
pub mod commands;
pub mod config;
pub mod dead_letter;
#[cfg(test)]
pub mod fixtures;
pub mod limits;
pub mod loops;
pub mod orders;
pub mod ports;
pub mod process;
