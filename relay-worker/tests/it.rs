//! The relay as a process of its own, against real MariaDB, Redis, Kafka and Elasticsearch.

#[path = "it/life.rs"]
mod life;
#[path = "it/migrate.rs"]
mod migrate;
#[path = "it/world.rs"]
mod world;
