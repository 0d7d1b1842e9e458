//! Each function alone: a built component whose Redis and MySQL answer from a script, so that every error path can be
//! tested and every call to the servers checked.

#![allow(clippy::unwrap_used)]

mod bindings;
mod block;
mod callers;
mod cancel_order;
mod compat;
mod create_order;
mod create_order_async;
mod create_order_faults;
mod create_order_input;
mod cross_origin;
mod grpc;
mod health;
mod host;
mod http_rules;
mod kept_connections;
mod limits;
mod list_bytes;
mod login;
mod order_failures;
mod order_status;
mod product_catalog;
mod product_patch;
mod query_order;
mod queued;
mod replies;
mod request_identity;
mod rpc;
mod script;
mod search_server;
mod seckill_activities;
mod seckill_buy;
mod seckill_preheat;
mod seckill_token;
mod sessions;
mod signatures;
mod stats;
mod stock_change;
mod stock_hold;
mod stock_settle;
