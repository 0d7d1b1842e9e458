//! The relay as a separate process with real MariaDB, Redis, Kafka, RabbitMQ and Elasticsearch.
#![allow(clippy::unwrap_used, reason = "a failed unwrap there is a failed test")]

// Its document is the one that consumers are made from.
#[path = "../../platform/src/asyncapi.rs"]
#[allow(dead_code, reason = "the tests of the platform use the rest")]
mod asyncapi;
#[path = "it/bus.rs"]
mod bus;
#[path = "it/cloudevents.rs"]
mod cloudevents;
#[path = "it/crash.rs"]
mod crash;
#[path = "it/failures.rs"]
mod failures;
#[path = "it/half_away.rs"]
mod half_away;
#[path = "it/heal.rs"]
mod heal;
#[path = "it/intake.rs"]
mod intake;
#[path = "it/life.rs"]
mod life;
#[path = "it/migrate.rs"]
mod migrate;
#[path = "it/prices.rs"]
mod prices;
#[path = "it/rabbit.rs"]
mod rabbit;
#[path = "it/reconcile.rs"]
mod reconcile;
#[path = "it/reconcile_kafka.rs"]
mod reconcile_kafka;
#[path = "it/sales.rs"]
mod sales;
#[path = "it/search.rs"]
mod search;
#[path = "it/seckill_source.rs"]
mod seckill_source;
#[path = "it/sweep.rs"]
mod sweep;
#[path = "it/time.rs"]
mod time;
#[path = "it/topic.rs"]
mod topic;
#[path = "it/world.rs"]
mod world;
