//! Private server processes for `cargo xtask up` and for the tests: MariaDB, Redis (one, or a cluster), Kafka, RabbitMQ
//! and Elasticsearch, each with its own data, port and log, and the platform's own binaries. A server can be paused,
//! killed and started again on the same data, which the tests need.

mod cache;
mod clock;
pub mod component;
pub mod door;
mod elasticsearch;
pub mod go;
mod home;
pub mod install;
mod jars;
mod kafka;
mod log;
mod mariadb;
pub mod node;
mod own;
mod password;
pub mod port;
mod process;
pub mod program;
pub mod provider;
pub mod python;
mod rabbitmq;
mod redis;
mod redis_cluster;
mod spawner;
pub mod steps;
mod wait;

pub use clock::Clock;
pub use elasticsearch::Elasticsearch;
pub use home::{Home, private_folder, write_private};
pub use kafka::{Kafka, KafkaCluster};
pub use mariadb::MariaDb;
pub use own::{give_way, raise_open_files};
pub use password::{password, secret};
pub use port::free_port;
pub use process::{Launch, NICENESS, Process, binary, terminate};
pub use rabbitmq::RabbitMq;
pub use redis::Redis;
pub use redis_cluster::RedisCluster;
pub use wait::{interrupted, is_interrupted, wait_for, wait_ok};
