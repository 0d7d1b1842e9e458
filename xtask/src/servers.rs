//! The servers of a run: private ones under `.run/`, unless the environment names others.

use crate::console;
use crate::tools;
use crate::urls::Urls;
use anyhow::{Result, anyhow};
use stack::{Elasticsearch, Home, Kafka, MariaDb, Process, Redis, free_port, is_interrupted, port};
use std::path::Path;
use std::thread;

/// Order databases of a private MariaDB; the number of shards is a power of two.
const SHARDS: usize = 2;

/// Preferred ports: easy to remember, far from the servers' usual ones.
const MARIADB_PORT: u16 = 13306;
const REDIS_PORT: u16 = 16379;
const KAFKA_PORT: u16 = 19092;
const ELASTICSEARCH_PORT: u16 = 19200;

/// The running servers and their addresses. Stopped when dropped.
pub struct Servers {
    /// The addresses of all servers, private or not.
    pub urls: Urls,
    elasticsearch: Option<Elasticsearch>,
    kafka: Option<Kafka>,
    redis: Option<Redis>,
    mariadb: Option<MariaDb>,
}

impl Servers {
    /// Installs and starts the servers that `given` does not name; Kafka and Elasticsearch only if `full`.
    ///
    /// # Errors
    /// When a server cannot be installed or started; those already up are stopped.
    pub fn start(run_dir: &Path, given: Urls, full: bool) -> Result<Self> {
        let wants_mariadb = given.mysql.is_empty();
        let wants_redis = given.redis.is_empty();
        let wants_kafka = full && given.kafka.is_empty();
        let wants_elasticsearch = full && given.elasticsearch.is_empty();
        tools::for_serving(
            wants_mariadb,
            wants_redis,
            wants_kafka || wants_elasticsearch,
        )?;
        let home = Home::kept(run_dir)?;
        let home = &home;
        let (mariadb, redis, kafka, elasticsearch) = thread::scope(|scope| {
            let mariadb = scope.spawn(|| {
                start(wants_mariadb, "MariaDB", || {
                    MariaDb::start(home, Some(pick(MARIADB_PORT)?))
                })
            });
            let redis = scope.spawn(|| {
                start(wants_redis, "Redis", || {
                    Redis::start(home, Some(pick(REDIS_PORT)?))
                })
            });
            let kafka = scope.spawn(|| {
                start(wants_kafka, "Kafka", || {
                    Kafka::start(home, Some(pick(KAFKA_PORT)?))
                })
            });
            let elasticsearch = scope.spawn(|| {
                start(wants_elasticsearch, "Elasticsearch", || {
                    Elasticsearch::start(home, Some(pick(ELASTICSEARCH_PORT)?))
                })
            });
            (
                joined(mariadb),
                joined(redis),
                joined(kafka),
                joined(elasticsearch),
            )
        });
        let mut servers = Self {
            urls: given,
            elasticsearch: elasticsearch?,
            kafka: kafka?,
            redis: redis?,
            mariadb: mariadb?,
        };
        servers.note_urls();
        Ok(servers)
    }

    /// The command that opens a private MariaDB with its own client.
    pub fn mariadb_client(&self) -> Option<String> {
        let file = self.mariadb.as_ref()?.client_file().display().to_string();
        Some(format!("mariadb --defaults-file={file}"))
    }

    /// The private servers, in the order in which to stop them.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        let elasticsearch = self.elasticsearch.as_ref().map(|server| &server.process);
        let kafka = self.kafka.as_ref().map(|server| &server.process);
        let redis = self.redis.as_ref().map(|server| &server.process);
        let mariadb = self.mariadb.as_ref().map(|server| &server.process);
        [elasticsearch, kafka, redis, mariadb].into_iter().flatten()
    }

    fn note_urls(&mut self) {
        if let Some(mariadb) = &self.mariadb {
            let shards: Vec<String> = (0..SHARDS)
                .map(|shard| mariadb.url(&format!("order_{shard}")))
                .collect();
            self.urls.mysql = shards.join(",");
            self.urls.inventory = mariadb.url("inventory");
            self.urls.users = mariadb.url("users");
        }
        if let Some(redis) = &self.redis {
            self.urls.redis = redis.url();
        }
        if let Some(kafka) = &self.kafka {
            self.urls.kafka = kafka.brokers();
        }
        if let Some(elasticsearch) = &self.elasticsearch {
            self.urls.elasticsearch = elasticsearch.url();
        }
    }
}

fn start<T>(wanted: bool, name: &str, start: impl FnOnce() -> Result<T>) -> Result<Option<T>> {
    if !wanted {
        return Ok(None);
    }
    let server = console::step(name, |_| start());
    if let (Err(error), false) = (&server, is_interrupted()) {
        // Printed here, because another server may fail at the same time.
        console::error(error);
    }
    server
        .map(Some)
        .map_err(|_| anyhow!("{name} could not be started"))
}

fn joined<T>(thread: thread::ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread
        .join()
        .unwrap_or_else(|_| Err(anyhow!("starting a server panicked")))
}

/// The preferred port, or a free one where that is taken: clients get the port from the URL.
fn pick(preferred: u16) -> Result<u16> {
    if port::is_free(preferred) {
        Ok(preferred)
    } else {
        free_port()
    }
}
