//! The host as a whole: probe components through real sockets, on a private MariaDB and Redis.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod answers;
mod bounds;
mod breaker;
mod cache;
mod cache_race;
mod certificate;
mod flags;
mod framing;
mod framing_h2;
mod harness;
mod http;
mod instances;
mod mysql;
mod process;
mod rate;
mod redis;
mod sessions;
mod stopping;
mod wire;
