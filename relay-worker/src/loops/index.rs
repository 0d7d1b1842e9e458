//! The search index: orders in Elasticsearch under their id and with their version, so that late or repeated
//! events change nothing. Its loop and its checkpoint are its own: a slow index holds nothing else.

pub mod bulk;
pub mod client;
pub mod consume;
pub mod rebuild;
pub mod schema;

pub use client::Index;
