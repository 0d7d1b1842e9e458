//! The command line and the environment, checked before anything starts. An error is one line that names the variable
//! and never shows its value, which may hold a password.

pub mod payments;
pub mod users;

use crate::clients::database::Address;
use crate::clients::kafka::Cluster;
use crate::clients::rabbit;
use crate::clients::redis::Redis;
use crate::commands::reconcile::bus::Window;
use crate::limits::{
    CLAIM_ROWS_DEFAULT, CLAIM_ROWS_MAX, IDLE_POLL_MS_DEFAULT, IDLE_POLL_MS_MAX, IDLE_POLL_MS_MIN,
    LEASE_MS_DEFAULT, LEASE_MS_MAX, PUBLISH_TIMEOUT_MS, SETTLE_MS,
};
use crate::loops::outbox::resend::Which;
use crate::process::clock::now_ms;
use anyhow::{anyhow, bail};
use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use domain::ShardCount;
use domain::limits::UNPAID_EXPIRY_MS;
use payments::PaymentArgs;
use std::net::SocketAddr;
use users::{UserCommand, UsersArgs};

/// Drains the outbox to Kafka, moves stock, feeds the search index, expires and repairs.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// What the program does.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Work until SIGTERM; any number of copies may
    Run(Box<RunArgs>),
    /// Make missing databases and bring all to the newest schema
    Migrate(MigrateArgs),
    /// Check the platform's invariants; exit code 1 where one is broken
    Reconcile(ReconcileArgs),
    /// Build the search index anew from the databases
    Reindex(ReindexArgs),
    /// Look at events that were not published, and publish them again
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Add users, and change what they may do
    #[command(subcommand)]
    User(UserCommand),
}

/// The commands of `outbox`.
#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// Show rows of the outbox, oldest first
    List {
        /// The shards to read.
        #[command(flatten)]
        databases: DatabaseArgs,
        /// Which rows
        #[arg(long, value_enum, default_value_t = Which::Dead)]
        status: Which,
        /// Rows of each shard, at most
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Publish rows that were given up once more, with all their attempts
    Resend {
        /// The shards to change.
        #[command(flatten)]
        databases: DatabaseArgs,
        /// Every row that was given up
        #[arg(long, conflicts_with = "ids", required_unless_present = "ids")]
        all: bool,
        /// Message ids or order ids
        ids: Vec<String>,
    },
}

/// Where the databases are, as text; see [`DatabaseArgs::addresses`].
#[derive(Debug, Args)]
pub struct DatabaseArgs {
    /// Order shards in their order, comma-separated: mysql://USER:PASSWORD@HOST:PORT/DATABASE
    #[arg(long, env = "MYSQL_URLS", hide_env_values = true, default_value = "")]
    mysql_urls: String,
    /// Inventory database
    #[arg(
        long,
        env = "INVENTORY_URL",
        hide_env_values = true,
        default_value = ""
    )]
    inventory_url: String,
}

/// The flags of `migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Orders and stock.
    #[command(flatten)]
    pub databases: DatabaseArgs,
    /// Users, if any log in here.
    #[command(flatten)]
    pub users: UsersArgs,
}

/// The flags of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// All databases.
    #[command(flatten)]
    pub databases: DatabaseArgs,
    /// The one Redis.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// The search index, if any.
    #[command(flatten)]
    pub index: IndexArgs,
    /// Kafka, or the embedded broker.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// The payment provider, if any.
    #[command(flatten)]
    pub payments: PaymentArgs,
    /// Partitions of topics that are created here
    #[arg(long, env = "KAFKA_PARTITIONS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub kafka_partitions: u16,
    /// RabbitMQ, if any.
    #[command(flatten)]
    pub rabbitmq: RabbitArgs,
    /// Unpaid orders are cancelled after this time; 0: never
    #[arg(long, env = "UNPAID_EXPIRY_MS", default_value_t = UNPAID_EXPIRY_MS)]
    pub unpaid_expiry_ms: u64,
    /// Outbox rows of one claim
    #[arg(long, env = "RELAY_CLAIM_ROWS", default_value_t = CLAIM_ROWS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=i64::from(CLAIM_ROWS_MAX)))]
    pub claim_rows: u32,
    /// Time after which another relay may take over a claim
    #[arg(long, env = "RELAY_LEASE_MS", default_value_t = LEASE_MS_DEFAULT)]
    pub lease_ms: u64,
    /// Interval of the polls that find work without a hint
    #[arg(long, env = "RELAY_IDLE_POLL_MS", default_value_t = IDLE_POLL_MS_DEFAULT, value_parser = clap::value_parser!(u64).range(IDLE_POLL_MS_MIN..=IDLE_POLL_MS_MAX))]
    pub idle_poll_ms: u64,
    /// Where /metrics and /health are served; without it they are not
    #[arg(long, env = "METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
}

/// Where Redis is, as text; see [`RedisArgs::open`].
#[derive(Debug, Args)]
pub struct RedisArgs {
    /// redis://HOST:PORT/DATABASE
    #[arg(long, env = "REDIS_URL", hide_env_values = true, default_value = "")]
    redis_url: String,
}

/// Where Kafka is, as text; see [`KafkaArgs::cluster`].
#[derive(Debug, Args)]
pub struct KafkaArgs {
    /// Kafka's bootstrap servers; empty: a broker inside the process of `run`, for development, which nobody else reads
    #[arg(long, env = "KAFKA_BROKERS", default_value = "")]
    brokers: String,
    /// Written before every topic and group
    #[arg(long, env = "TOPIC_PREFIX", default_value = "")]
    pub topic_prefix: String,
}

/// Where RabbitMQ is, as text; see [`RabbitArgs::server`].
#[derive(Debug, Args)]
pub struct RabbitArgs {
    /// Take flash-sale messages from RabbitMQ too, and publish ours there
    #[arg(long, env = "RABBITMQ_ENABLED", default_value = "false", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    rabbitmq_enabled: bool,
    /// amqp://USER:PASSWORD@HOST:PORT/VHOST
    #[arg(long, env = "RABBITMQ_URL", hide_env_values = true, default_value = "")]
    rabbitmq_url: String,
}

/// Where the search index is, as text; see [`IndexArgs::url`].
#[derive(Debug, Args)]
pub struct IndexArgs {
    /// http://HOST:PORT of Elasticsearch; empty: no search index
    #[arg(
        long,
        env = "ELASTICSEARCH_URL",
        hide_env_values = true,
        default_value = ""
    )]
    elasticsearch_url: String,
}

/// The flags of `reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// All databases.
    #[command(flatten)]
    pub databases: DatabaseArgs,
    /// The one Redis.
    #[command(flatten)]
    pub redis: RedisArgs,
    /// The search index, if any.
    #[command(flatten)]
    pub index: IndexArgs,
    /// Kafka, if it is to be compared.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// How long a disagreement must last to be broken; a shorter time than the default is only for a platform without
    /// work in flight; 0: judge at once
    #[arg(long, default_value_t = SETTLE_MS.div_ceil(1_000), value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub settle_seconds: u64,
    /// Compare only Kafka's events of the last hours; without: all it has
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=87_600))]
    pub events_hours: Option<u64>,
}

/// The flags of `reindex`.
#[derive(Debug, Args)]
pub struct ReindexArgs {
    /// The shards with the orders.
    #[command(flatten)]
    pub databases: DatabaseArgs,
    /// The search index, which must be configured.
    #[command(flatten)]
    pub index: IndexArgs,
}

/// Where the databases are: none of them twice.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Order shards, in the order of their indexes.
    pub shards: Vec<Address>,
    /// The inventory database.
    pub inventory: Address,
    /// The number of shards.
    pub count: ShardCount,
}

impl DatabaseArgs {
    /// Reads and checks `MYSQL_URLS` and `INVENTORY_URL`.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn addresses(&self) -> anyhow::Result<Addresses> {
        if self.mysql_urls.trim().is_empty() {
            bail!("MYSQL_URLS must be set: one URL per order shard, comma-separated");
        }
        if self.inventory_url.trim().is_empty() {
            bail!("INVENTORY_URL must be set");
        }
        let mut shards: Vec<Address> = Vec::new();
        for (index, url) in self.mysql_urls.split(',').enumerate() {
            let address = Address::parse(url.trim())
                .map_err(|reason| anyhow!("MYSQL_URLS: shard {index} {reason}"))?;
            if let Some(twin) = shards.iter().position(|shard| shard.name == address.name) {
                bail!("MYSQL_URLS: shards {twin} and {index} are the same database");
            }
            shards.push(address);
        }
        let count =
            ShardCount::new(shards.len()).map_err(|error| anyhow!("MYSQL_URLS: {error}"))?;
        let inventory = Address::parse(self.inventory_url.trim())
            .map_err(|reason| anyhow!("INVENTORY_URL {reason}"))?;
        if shards.iter().any(|shard| shard.name == inventory.name) {
            bail!("INVENTORY_URL must not be one of the order shards");
        }
        Ok(Addresses {
            shards,
            inventory,
            count,
        })
    }
}

impl RedisArgs {
    /// A lazy connection to `REDIS_URL`. Needs a runtime.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn open(&self) -> anyhow::Result<Redis> {
        if self.redis_url.trim().is_empty() {
            bail!("REDIS_URL must be set");
        }
        Redis::open(self.redis_url.trim()).map_err(|reason| anyhow!("REDIS_URL {reason}"))
    }
}

impl KafkaArgs {
    /// The cluster at `KAFKA_BROKERS`; `None` where that is empty. `partitions` is for topics that are created.
    pub fn cluster(&self, partitions: u16) -> Option<Cluster> {
        let brokers = self.brokers.trim();
        (!brokers.is_empty()).then(|| Cluster {
            brokers: brokers.to_owned(),
            topic_prefix: self.topic_prefix.clone(),
            partitions,
            embedded: false,
        })
    }

    /// Checks `TOPIC_PREFIX`.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn check(&self) -> anyhow::Result<()> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.topic_prefix.len() > 100 || !self.topic_prefix.chars().all(legal) {
            bail!(
                "TOPIC_PREFIX must be at most 100 letters, digits, dots, underscores and hyphens"
            );
        }
        Ok(())
    }
}

impl RabbitArgs {
    /// The server at `RABBITMQ_URL`, whose queues and exchanges get `prefix`; `None` where RabbitMQ is off.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn server(&self, prefix: &str) -> anyhow::Result<Option<rabbit::Server>> {
        if !self.rabbitmq_enabled {
            return Ok(None);
        }
        if self.rabbitmq_url.trim().is_empty() {
            bail!("RABBITMQ_URL must be set where RABBITMQ_ENABLED is true");
        }
        rabbit::Server::parse(self.rabbitmq_url.trim(), prefix)
            .map(Some)
            .map_err(|reason| anyhow!("RABBITMQ_URL {reason}"))
    }
}

impl IndexArgs {
    /// The base URL without a trailing slash; `None` where `ELASTICSEARCH_URL` is empty.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn url(&self) -> anyhow::Result<Option<String>> {
        let url = self.elasticsearch_url.trim().trim_end_matches('/');
        if url.is_empty() {
            return Ok(None);
        }
        let parsed = url.parse::<http::Uri>().ok();
        let plain = |uri: &http::Uri| {
            uri.scheme_str() == Some("http")
                && uri.authority().is_some_and(|a| !a.as_str().contains('@'))
                && matches!(uri.path(), "" | "/")
        };
        match parsed {
            Some(uri) if plain(&uri) => Ok(Some(url.to_owned())),
            _ => bail!("ELASTICSEARCH_URL must look like http://HOST:PORT"),
        }
    }
}

impl ReconcileArgs {
    /// Kafka, and how far back its events are compared; `None` where `KAFKA_BROKERS` is empty.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn bus(&self) -> anyhow::Result<Option<(Cluster, Window)>> {
        self.kafka.check()?;
        let window = self.events_hours.map_or(Window::All, |hours| {
            Window::Since(now_ms().saturating_sub(hours * 3_600_000))
        });
        Ok(self.kafka.cluster(0).map(|cluster| (cluster, window)))
    }
}

impl RunArgs {
    /// Checks the values that depend on others.
    ///
    /// # Errors
    /// One line naming the variable.
    pub fn check(&self) -> anyhow::Result<()> {
        let shortest = 2 * PUBLISH_TIMEOUT_MS;
        if self.lease_ms < shortest {
            bail!("RELAY_LEASE_MS must be at least {shortest}: a lease outlives its publishing");
        }
        if self.lease_ms > LEASE_MS_MAX {
            bail!("RELAY_LEASE_MS must be at most {LEASE_MS_MAX}");
        }
        self.kafka.check()
    }
}

#[cfg(test)]
mod tests;
