//! Private server processes for `cargo xtask up` and for the tests: MariaDB, Redis, Kafka and
//! Elasticsearch, each with its own data, port and log, and our own binaries beside them. A server
//! here can be paused, killed and started again on the same data, for the tests live on that.

mod elasticsearch;
mod home;
pub mod install;
mod jars;
mod kafka;
mod mariadb;
pub mod port;
mod process;
mod redis;
mod spawner;
mod wait;

pub use elasticsearch::Elasticsearch;
pub use home::{Home, write_private};
pub use kafka::Kafka;
pub use mariadb::MariaDb;
pub use port::free_port;
pub use process::{Launch, Process, binary, terminate};
pub use redis::Redis;
pub use wait::{interrupted, is_interrupted, wait_for, wait_ok};
