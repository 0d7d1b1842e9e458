//! The command line and the environment, checked before anything starts. An error is one line that names
//! the variable and never shows its value, which may hold a password.

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
use std::net::SocketAddr;

/// Drains the outbox to Kafka, moves stock, feeds the search index, expires and repairs.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Work until SIGTERM; any number of copies may
    Run(Box<RunArgs>),
    /// Make missing databases and bring all to the newest schema
    Migrate(DatabaseArgs),
    /// Check the platform's invariants; exit code 1 where one is broken
    Reconcile(ReconcileArgs),
    /// Build the search index anew from the databases
    Reindex(ReindexArgs),
    /// Look at events that were not published, and publish them again
    #[command(subcommand)]
    Outbox(OutboxCommand),
}

#[derive(Debug, Subcommand)]
pub enum OutboxCommand {
    /// Show rows of the outbox, oldest first
    List {
        #[command(flatten)]
        databases: DatabaseArgs,
        /// Which rows
        #[arg(long, value_enum, default_value_t = Which::Dead)]
        status: Which,
        /// Rows of each shard
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Publish rows that were given up once more, with all their attempts
    Resend {
        #[command(flatten)]
        databases: DatabaseArgs,
        /// Every row that was given up
        #[arg(long, conflicts_with = "ids", required_unless_present = "ids")]
        all: bool,
        /// Message ids or order ids
        ids: Vec<String>,
    },
}

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

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub databases: DatabaseArgs,
    #[command(flatten)]
    pub redis: RedisArgs,
    #[command(flatten)]
    pub index: IndexArgs,
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Partitions of topics made here
    #[arg(long, env = "KAFKA_PARTITIONS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub kafka_partitions: u16,
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
    /// Work that nobody has hinted at is looked for so often
    #[arg(long, env = "RELAY_IDLE_POLL_MS", default_value_t = IDLE_POLL_MS_DEFAULT, value_parser = clap::value_parser!(u64).range(IDLE_POLL_MS_MIN..=IDLE_POLL_MS_MAX))]
    pub idle_poll_ms: u64,
    /// Where /metrics and /health are served; not at all without
    #[arg(long, env = "METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
}

#[derive(Debug, Args)]
pub struct RedisArgs {
    /// redis://HOST:PORT/DATABASE
    #[arg(long, env = "REDIS_URL", hide_env_values = true, default_value = "")]
    redis_url: String,
}

#[derive(Debug, Args)]
pub struct KafkaArgs {
    /// Kafka's bootstrap servers; empty: a broker inside the process of `run`, for development, which nobody else reads
    #[arg(long, env = "KAFKA_BROKERS", default_value = "")]
    brokers: String,
    /// Written before every topic and group
    #[arg(long, env = "TOPIC_PREFIX", default_value = "")]
    pub topic_prefix: String,
}

#[derive(Debug, Args)]
pub struct RabbitArgs {
    /// Take flash-sale messages from RabbitMQ too, and publish ours there
    #[arg(long, env = "RABBITMQ_ENABLED", default_value = "false", action = ArgAction::Set, value_parser = BoolishValueParser::new())]
    rabbitmq_enabled: bool,
    /// amqp://USER:PASSWORD@HOST:PORT/VHOST
    #[arg(long, env = "RABBITMQ_URL", hide_env_values = true, default_value = "")]
    rabbitmq_url: String,
}

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

#[derive(Debug, Args)]
pub struct ReconcileArgs {
    #[command(flatten)]
    pub databases: DatabaseArgs,
    #[command(flatten)]
    pub redis: RedisArgs,
    #[command(flatten)]
    pub index: IndexArgs,
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// What disagrees for so long is broken; less than a life in flight takes only where nothing is: 0 judges at once
    #[arg(long, default_value_t = SETTLE_MS.div_ceil(1_000), value_parser = clap::value_parser!(u64).range(0..=3_600))]
    pub settle_seconds: u64,
    /// Compare Kafka's events of the last hours only; without: all it has
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=87_600))]
    pub events_hours: Option<u64>,
}

#[derive(Debug, Args)]
pub struct ReindexArgs {
    #[command(flatten)]
    pub databases: DatabaseArgs,
    #[command(flatten)]
    pub index: IndexArgs,
}

/// Where the databases are.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub shards: Vec<Address>,
    pub inventory: Address,
    pub count: ShardCount,
}

impl DatabaseArgs {
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
    /// Needs a runtime.
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
    /// `None` where none is named. Topics that are there keep their partitions.
    pub fn cluster(&self, partitions: u16) -> Option<Cluster> {
        let brokers = self.brokers.trim();
        (!brokers.is_empty()).then(|| Cluster {
            brokers: brokers.to_owned(),
            topic_prefix: self.topic_prefix.clone(),
            partitions,
            embedded: false,
        })
    }

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
    /// `None` where it is off, whatever the URL is.
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
    /// The base URL without a slash at its end; `None` where no index is configured.
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
    /// Kafka, and how far back its events are compared; none where none is named.
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
    /// What single values cannot tell.
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
mod tests {
    use super::*;

    fn databases(mysql: &str, inventory: &str) -> DatabaseArgs {
        DatabaseArgs {
            mysql_urls: mysql.to_owned(),
            inventory_url: inventory.to_owned(),
        }
    }

    #[test]
    fn each_error_names_its_variable_and_no_secret() {
        let good = "mysql://u:s3cret@h/i";
        for (mysql, inventory, name) in [
            ("", good, "MYSQL_URLS"),
            ("nonsense:s3cret", good, "MYSQL_URLS"),
            (
                "mysql://u:s3cret@h/a,mysql://u:s3cret@h/a",
                good,
                "MYSQL_URLS",
            ),
            ("mysql://h/a,mysql://h/b,mysql://h/c", good, "MYSQL_URLS"),
            ("mysql://h/a", "", "INVENTORY_URL"),
            ("mysql://h/a", "mysql://u:s3cret@h", "INVENTORY_URL"),
            ("mysql://h/i", good, "INVENTORY_URL"),
        ] {
            let error = databases(mysql, inventory)
                .addresses()
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(name), "{error}");
            assert!(
                !error.contains("s3cret") && !error.contains('\n'),
                "{error}"
            );
        }
        let two = databases("mysql://h/a, mysql://h/b", good)
            .addresses()
            .unwrap();
        assert_eq!(two.count.get(), 2);
    }

    #[test]
    fn rabbitmq_is_off_unless_it_is_switched_on() {
        let server = |enabled: bool, url: &str| {
            let args = RabbitArgs {
                rabbitmq_enabled: enabled,
                rabbitmq_url: url.to_owned(),
            };
            args.server("w1.")
        };
        assert!(server(false, "amqp://me:s3cret@h/%2f").unwrap().is_none());
        let on = server(true, "amqp://me:s3cret@h/%2f").unwrap().unwrap();
        assert_eq!(on.name(), "h:5672//");
        for bad in ["", "amqps://me:s3cret@h"] {
            let error = server(true, bad).unwrap_err().to_string();
            assert!(error.starts_with("RABBITMQ_URL"), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn the_index_is_plain_http() {
        let url = |text: &str| {
            IndexArgs {
                elasticsearch_url: text.to_owned(),
            }
            .url()
        };
        assert_eq!(url("").unwrap(), None);
        assert_eq!(
            url("http://h:9200/").unwrap().as_deref(),
            Some("http://h:9200")
        );
        for bad in [
            "h:9200",
            "https://h",
            "http://u:p@h:9200",
            "http://h/x",
            "ftp://h",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
