//! The whole platform through its HTTP port: host, functions, relay, MariaDB and Redis as real processes, shared by all
//! tests here, each with buyers and products of its own.
#![allow(clippy::unwrap_used)] // a failed unwrap in a test is a failed test

mod cache;
mod clients;
mod contention;
mod docs_page;
mod failures;
mod filters;
mod grpc;
mod hints;
mod keys;
mod keys_storm;
mod life;
mod limits;
mod login;
mod operations;
mod payments;
mod products;
mod provider;
mod reading;
mod repeats;
mod schemathesis;
mod seeds;
mod signatures;
mod skus;
mod stock_changes;
mod stock_holds;
