//! The search index: orders in Elasticsearch under their id and with their version, so that late or repeated events
//! change nothing. It has its own loop and consumer group: a slow index delays nothing else.

pub mod bulk;
pub mod client;
pub mod consume;
pub mod rebuild;
pub mod schema;

pub use client::Index;
