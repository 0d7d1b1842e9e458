//! Connections to the relay's servers, each with bounded waits, and which of the order shards answer.

pub mod availability;
pub mod database;
pub mod kafka;
pub mod rabbit;
pub mod redis;
pub mod web;
