//! What the functions of the shop share, over HTTP and gRPC: orders placed, found, listed and changed, in their shard
//! and in Redis; the catalogue. How a function talks to its host is in `guest`.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod caller;
pub mod catalogue;
pub mod inventory;
pub mod list_budget;
pub mod listing;
pub mod one_order;
pub mod order_cache;
pub mod order_reply;
pub mod order_row;
pub mod order_store;
mod payment;
pub mod place;
pub mod provider;
pub mod queued;
pub mod search_index;
mod shard_clock;
pub mod transition;
