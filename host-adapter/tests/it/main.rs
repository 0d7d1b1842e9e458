//! The host as a whole: probe components through real sockets, on a private MariaDB and Redis.

mod harness;
mod http;
mod mysql;
mod process;
mod redis;
mod sessions;
