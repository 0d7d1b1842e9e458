//! `run`: checks the configuration and binds the port first, then starts the loops; at SIGTERM they finish their
//! rounds.

mod loops;
mod seckill;
mod starter;

use crate::clients::availability::Availability;
use crate::clients::database::Databases;
use crate::clients::kafka::{Cluster, EmbeddedBroker, KafkaPublisher, KafkaSource, topics};
use crate::clients::rabbit;
use crate::clients::redis::Redis;
use crate::config::{RunArgs, payments};
use crate::limits::{DRAIN_MS, ROUND_TIMEOUT_MS};
use crate::loops::failures::Failures;
use crate::loops::index::consume::IndexConsumer;
use crate::loops::index::{Index, rebuild};
use crate::loops::intake::write::Writer;
use crate::loops::outbox::claim;
use crate::loops::outbox::publish::{Claims, Outbox};
use crate::loops::stock::consume::StockConsumer;
use crate::loops::stock::shards::Shards;
use crate::loops::sweep::Sweep;
use crate::process::clock::now_ms;
use crate::process::hints::Hints;
use crate::process::metrics::Metrics;
use crate::process::outage::{Outage, persist, within};
use crate::process::precedence::Precedence;
use crate::process::shutdown::{self, Shutdown};
use crate::process::status_server;
use anyhow::{Context, bail};
use contract::wire::message::{
    INDEX_GROUP, INVENTORY_GROUP, ORDER_CREATED, ORDER_STATUS_CHANGED, STOCK,
};
use starter::Starter;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// State that all loops share.
#[derive(Clone)]
struct Platform {
    databases: Databases,
    redis: Redis,
    metrics: Arc<Metrics>,
    hints: Hints,
    precedence: Precedence,
    availability: Availability,
    index_url: Option<String>,
    payments: Option<Arc<payments::Settings>>,
}

/// Works until SIGTERM or SIGINT, then finishes work in flight.
///
/// # Errors
/// Wrong configuration, a port that is in use, or work that did not end in time.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    args.check()?;
    let addresses = args.databases.addresses()?;
    let databases = Databases::open(&addresses.shards, &addresses.inventory, addresses.count);
    let shards = databases.shards.len();
    let platform = Platform {
        redis: args.redis.open()?,
        index_url: args.index.url()?,
        payments: args.payments.settings()?.map(Arc::new),
        metrics: Arc::new(Metrics::new(shards)?),
        hints: Hints::new(shards),
        precedence: Precedence::default(),
        availability: Availability::of(&databases),
        databases,
    };
    let rabbitmq = args.rabbitmq.server(&args.kafka.topic_prefix)?;
    let listener = match args.metrics_listen {
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.with_context(|| format!("METRICS_LISTEN: {address}"))?)
        }
        None => None,
    };
    let (cluster, _embedded) = match args.kafka.cluster(args.kafka_partitions) {
        Some(cluster) => (cluster, None),
        None => {
            let broker = embedded(&args)?;
            (broker.cluster.clone(), Some(broker))
        }
    };
    let publisher = Arc::new(KafkaPublisher::new(&cluster).context("KAFKA_BROKERS")?);

    let (trigger, stopping) = shutdown::channel();
    let mut starter = Starter::new(platform.metrics.clone(), stopping.clone());
    if let Some(listener) = listener {
        tracing::info!("metrics on http://{}/metrics", listener.local_addr()?);
        let metrics = platform.metrics.clone();
        starter.run(status_server::run(listener, metrics, stopping.clone()));
    }
    let claims = claims(&args);
    loops::start(&platform, &args, &claims, &mut starter);
    if let Some(server) = rabbitmq.clone() {
        platform.start_rabbitmq(server, &mut starter);
    }
    let bus = Bus {
        platform: platform.clone(),
        cluster,
        publisher: publisher.clone(),
        claims,
        rabbitmq,
    };
    starter.run(bus.run(stopping));
    tracing::info!(shards, "the relay works");

    shutdown::signalled().await?;
    tracing::info!("stopping: what is in flight is finished");
    trigger.stop();
    let ended = tokio::time::timeout(Duration::from_millis(DRAIN_MS), starter.ended()).await;
    publisher.flush().await?;
    platform.databases.close().await;
    if ended.is_err() {
        bail!("some work did not end within {DRAIN_MS} ms; it will be done again");
    }
    tracing::info!("stopped");
    Ok(())
}

fn embedded(args: &RunArgs) -> anyhow::Result<EmbeddedBroker> {
    let broker = EmbeddedBroker::start(&args.kafka.topic_prefix, args.kafka_partitions)?;
    let bootstrap = broker.cluster.brokers.as_str();
    tracing::warn!(
        bootstrap,
        "embedded Kafka broker, development only: its messages end with this process"
    );
    Ok(broker)
}

/// How this process claims outbox rows. The owner's name is unique per process, so that a lease is never mistaken for
/// that of an earlier one.
fn claims(args: &RunArgs) -> Claims {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().take(30).collect();
    Claims {
        owner: format!("{host}:{}:{}", std::process::id(), now_ms()),
        rows: args.claim_rows,
        lease_ms: args.lease_ms,
        idle_poll_ms: args.idle_poll_ms,
        topic_prefix: args.kafka.topic_prefix.clone(),
    }
}

impl Platform {
    fn writer(&self) -> Writer {
        Writer {
            databases: self.databases.clone(),
            redis: self.redis.clone(),
            metrics: self.metrics.clone(),
            hints: self.hints.shards.clone(),
            availability: self.availability.clone(),
        }
    }

    fn sweep(&self) -> Sweep {
        Sweep::new(
            self.databases.clone(),
            self.redis.clone(),
            self.metrics.clone(),
            self.availability.clone(),
        )
    }

    fn shards(&self) -> Shards {
        Shards {
            databases: self.databases.clone(),
            redis: self.redis.clone(),
            metrics: self.metrics.clone(),
            availability: self.availability.clone(),
        }
    }

    fn failures(&self) -> Failures {
        Failures {
            database: self.databases.inventory.clone(),
            metrics: self.metrics.clone(),
            hint: self.hints.failures.clone(),
        }
    }
}

/// The loops that need Kafka.
struct Bus {
    platform: Platform,
    cluster: Cluster,
    publisher: Arc<KafkaPublisher>,
    claims: Claims,
    rabbitmq: Option<rabbit::Server>,
}

impl Bus {
    async fn run(self, mut stopping: Shutdown) {
        let mut outage = Outage::new("bus");
        let ready = || within(ROUND_TIMEOUT_MS, "preparing the bus", self.prepare());
        if persist(&mut outage, &mut stopping, ready).await.is_none() {
            return;
        }
        let mut starter = Starter::new(self.platform.metrics.clone(), stopping.clone());
        for shard in 0..self.platform.databases.shards.len() {
            let outbox = self.outbox(shard);
            starter.start("outbox", move |stop| Ok(outbox.clone().run(stop)));
        }
        let this = Arc::new(self);
        this.start_seckill(&mut starter);
        if let Some(index) = this.platform.index_url.as_deref().map(Index::at) {
            starter.run(this.clone().index(index, stopping));
        }
        starter.start("stock consumer", move |stop| {
            Ok(this.stock_consumer()?.run(stop))
        });
        starter.ended().await;
    }

    /// Creates missing topics; with the embedded broker, which starts empty, marks unconfirmed rows to be sent again.
    async fn prepare(&self) -> anyhow::Result<()> {
        if !self.cluster.embedded {
            return topics::ensure(&self.cluster).await;
        }
        for shard in &self.platform.databases.shards {
            let rows = claim::send_again(shard).await?;
            if rows > 0 {
                tracing::info!(rows, database = %shard.name, "unconfirmed rows will be sent again");
            }
        }
        Ok(())
    }

    /// Prepares the index and runs its loop. With the embedded broker, first indexes what that has lost.
    async fn index(self: Arc<Self>, index: Index, mut stopping: Shutdown) {
        let mut outage = Outage::new("search index");
        let (databases, forgets) = (&self.platform.databases, self.cluster.embedded);
        let ready = || async {
            index.ensure().await?;
            match forgets {
                true => rebuild::catch_up(databases, &index).await,
                false => Ok(0),
            }
        };
        let Some(documents) = persist(&mut outage, &mut stopping, ready).await else {
            return;
        };
        if documents > 0 {
            tracing::info!(documents, "the search index has caught up");
        }
        let mut starter = Starter::new(self.platform.metrics.clone(), stopping);
        starter.start("indexer", move |stop| {
            Ok(self.index_consumer(index.clone())?.run(stop))
        });
        starter.ended().await;
    }

    fn index_consumer(
        &self,
        index: Index,
    ) -> anyhow::Result<IndexConsumer<KafkaSource, KafkaPublisher>> {
        let metrics = self.platform.metrics.clone();
        let topics = [ORDER_CREATED, ORDER_STATUS_CHANGED];
        let lag = metrics.consumer_lag.clone();
        Ok(IndexConsumer {
            source: KafkaSource::open(&self.cluster, INDEX_GROUP, &topics, lag)?,
            publisher: self.publisher.clone(),
            index,
            metrics,
        })
    }

    fn outbox(&self, shard: usize) -> Outbox<KafkaPublisher> {
        Outbox {
            shard,
            database: self.platform.databases.shards[shard].clone(),
            publisher: self.publisher.clone(),
            redis: self.platform.redis.clone(),
            claims: self.claims.clone(),
            hint: self.platform.hints.shards[shard].clone(),
            precedence: self.platform.precedence.clone(),
            metrics: self.platform.metrics.clone(),
        }
    }

    fn stock_consumer(&self) -> anyhow::Result<StockConsumer<KafkaSource, KafkaPublisher>> {
        let lag = self.platform.metrics.consumer_lag.clone();
        Ok(StockConsumer {
            source: KafkaSource::open(&self.cluster, INVENTORY_GROUP, &[STOCK], lag)?,
            publisher: self.publisher.clone(),
            shards: self.platform.shards(),
        })
    }
}
