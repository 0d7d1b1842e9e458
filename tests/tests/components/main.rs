//! Each function alone: a built component whose Redis and MySQL answer from a script, so that every
//! error path can be taken, and what was asked of the servers can be read back.

#![allow(clippy::unwrap_used)]

mod bindings;
mod cancel_order;
mod create_order;
mod create_order_faults;
mod host;
mod order_status;
mod replies;
mod script;
