//! The intake streams: found by registry, read by consumer group, claimed from relays that died. Every command names
//! one stream, so that all of it runs on a Redis Cluster too.

use crate::clients::redis::Redis;
use crate::limits::{
    INTAKE_CLAIM_IDLE_MS, INTAKE_CONSUMER_IDLE_MS, INTAKE_NAMES_MAX, INTAKE_READ_MAX,
    SALES_RECENT_MS,
};
use crate::process::outage::Outage;
use anyhow::Context;
use contract::store::call::Call;
use contract::store::call::order::settle_intake;
use contract::store::redis::{
    INTAKE_GROUP, SECKILL_PRODUCTS, Script, order_intakes, seckill_intake,
};
use domain::ProductId;
use redis::RedisError;
use std::collections::{BTreeMap, HashMap, HashSet};

const RETIRE: Script = Script {
    name: "retire",
    text: include_str!("retire.lua"),
};

const FORGET: Script = Script {
    name: "forget",
    text: include_str!("forget.lua"),
};

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Key of the stream, such as `{p1}:intake`.
    pub stream: String,
    /// `<ms>-<sequence>`, unique in the stream.
    pub id: String,
    /// Values by name; empty where the entry was deleted meanwhile.
    pub fields: HashMap<String, Vec<u8>>,
}

type Fields = HashMap<String, Vec<u8>>;
/// Ids and fields of one stream's entries.
type Entries = Vec<(String, Option<Fields>)>;

/// What this relay knows of the streams: the registry as last read, and consumer groups that exist.
pub struct Streams {
    redis: Redis,
    /// Name in the consumer group, unique per process.
    consumer: String,
    /// Streams whose group is known to exist.
    ready: HashSet<String>,
    products: Vec<ProductId>,
    /// Whether one of their sales is open or ended recently.
    open: bool,
    /// Those whose sales ended long ago and whose intakes are empty.
    over: Vec<ProductId>,
    /// Outages of single streams: one that fails does not stop the others.
    faults: Outage,
}

impl Streams {
    /// `consumer`: name in the consumer group, unique per process.
    pub fn new(redis: Redis, consumer: String) -> Streams {
        Streams {
            redis,
            consumer,
            ready: HashSet::new(),
            products: Vec::new(),
            open: false,
            over: Vec::new(),
            faults: Outage::new("single intake streams"),
        }
    }

    /// Whether a flash sale is open or ended recently, so that purchases may come at any moment; by the last scan.
    pub fn has_sales(&self) -> bool {
        self.open
    }

    /// Number of streams that can exist, by the last scan.
    pub fn count(&self) -> usize {
        order_intakes().count() + self.products.len()
    }

    /// Reads the registry, and finds every stream that has entries, with their number.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn scan(&mut self) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut connection = self.redis.connection();
        let ((seconds, _micros), registered): ((u64, u64), Vec<(u64, f64)>) = redis::pipe()
            .cmd("TIME")
            .zrange_withscores(SECKILL_PRODUCTS, 0, -1)
            .query_async(&mut connection)
            .await
            .context("Redis")?;
        // A sale that ended before this is closed, and no purchase of it is in flight.
        let long_ago = (seconds * 1_000).saturating_sub(SALES_RECENT_MS) as f64;
        self.open = registered.iter().any(|(_, ends_at)| *ends_at >= long_ago);
        self.products = registered
            .iter()
            .map(|(product, _)| ProductId(*product))
            .collect();
        let names: Vec<String> = order_intakes()
            .chain(self.products.iter().copied().map(seckill_intake))
            .collect();
        let mut pipeline = redis::pipe();
        for name in &names {
            pipeline.xlen(name);
        }
        let replies: Vec<Result<u64, RedisError>> = pipeline
            .ignore_errors()
            .query_async(&mut connection)
            .await
            .context("Redis")?;
        let lengths = self.of_each(&names, replies);
        let lengths: Vec<u64> = lengths.into_iter().map(Option::unwrap_or_default).collect();
        let sales = registered
            .iter()
            .zip(&lengths[lengths.len().saturating_sub(registered.len())..]);
        self.over = sales
            .filter(|((_, ends_at), length)| *ends_at < long_ago && **length == 0)
            .map(|((product, _), _)| ProductId(*product))
            .collect();
        let filled = names.into_iter().zip(lengths);
        Ok(filled.filter(|(_, length)| *length > 0).collect())
    }

    /// Reads new entries, at most `INTAKE_READ_MAX` of each stream; also names the streams that may have more.
    ///
    /// # Errors
    /// When Redis is away; what it had delivered by then is claimed later.
    pub async fn read(&mut self, names: &[String]) -> anyhow::Result<(Vec<Entry>, Vec<String>)> {
        let names = &self.prepare(names).await?;
        if names.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let mut pipeline = redis::pipe();
        for name in names {
            pipeline
                .cmd("XREADGROUP")
                .arg("GROUP")
                .arg(INTAKE_GROUP)
                .arg(&self.consumer)
                .arg("COUNT")
                .arg(INTAKE_READ_MAX)
                .arg("STREAMS")
                .arg(name)
                .arg(">");
        }
        type Reply = Option<Vec<(String, Entries)>>;
        let replies: Vec<Result<Reply, RedisError>> = pipeline
            .ignore_errors()
            .query_async(&mut self.redis.connection())
            .await
            .context("Redis")?;
        let (mut read, mut more) = (Vec::new(), Vec::new());
        let replies = self.of_each(names, replies);
        for (name, found) in names.iter().zip(replies) {
            for (_, entries) in found.flatten().unwrap_or_default() {
                if entries.len() == INTAKE_READ_MAX {
                    more.push(name.clone());
                }
                read.extend(entries.into_iter().map(|entry| self::entry(name, entry)));
            }
        }
        Ok((read, more))
    }

    /// Claims entries that a relay, this one or another, has had for longer than `INTAKE_CLAIM_IDLE_MS`.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn claim(&mut self, names: &[String]) -> anyhow::Result<Vec<Entry>> {
        let names = &self.prepare(names).await?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = redis::pipe();
        for name in names {
            pipeline
                .cmd("XAUTOCLAIM")
                .arg(name)
                .arg(INTAKE_GROUP)
                .arg(&self.consumer)
                .arg(INTAKE_CLAIM_IDLE_MS)
                .arg("0-0")
                .arg("COUNT")
                .arg(INTAKE_READ_MAX);
        }
        /// Next cursor, entries, ids of deleted ones.
        type Reply = (String, Entries, redis::Value);
        let replies: Vec<Result<Reply, RedisError>> = pipeline
            .ignore_errors()
            .query_async(&mut self.redis.connection())
            .await
            .context("Redis")?;
        let mut claimed = Vec::new();
        let replies = self.of_each(names, replies);
        for (name, reply) in names.iter().zip(replies) {
            let entries = reply.map(|(_, entries, _)| entries).unwrap_or_default();
            claimed.extend(entries.into_iter().map(|entry| self::entry(name, entry)));
        }
        Ok(claimed)
    }

    /// Creates missing groups, which start at the first entry. Returns the streams that have one.
    async fn prepare(&mut self, names: &[String]) -> anyhow::Result<Vec<String>> {
        let mut ready = Vec::with_capacity(names.len());
        for name in names {
            if self.ready.contains(name) {
                ready.push(name.clone());
                continue;
            }
            let made: redis::RedisResult<()> = redis::cmd("XGROUP")
                .arg("CREATE")
                .arg(name)
                .arg(INTAKE_GROUP)
                .arg("0")
                .arg("MKSTREAM")
                .query_async(&mut self.redis.connection())
                .await;
            match made {
                Ok(()) => {}
                Err(error) if error.code() == Some("BUSYGROUP") => {}
                Err(error) if is_of_the_stream(&error) => {
                    self.fault(name, error);
                    continue;
                }
                Err(error) => return Err(error).context("Redis"),
            }
            // Names come by hint too, so their number is bounded; a dropped group is only looked for again.
            if self.ready.len() >= INTAKE_NAMES_MAX {
                self.ready.clear();
            }
            self.ready.insert(name.clone());
            ready.push(name.clone());
        }
        Ok(ready)
    }

    /// The replies of a pipeline with one command per stream; `None` for a stream that failed. Its group is created
    /// again next time, as the stream may have been removed.
    fn of_each<T>(
        &mut self,
        names: &[String],
        replies: Vec<Result<T, RedisError>>,
    ) -> Vec<Option<T>> {
        let mut all = true;
        let mut answers = Vec::with_capacity(replies.len());
        for (name, reply) in names.iter().zip(replies) {
            answers.push(match reply {
                Ok(reply) => Some(reply),
                Err(error) => {
                    all = false;
                    self.ready.remove(name);
                    // A missing group is created next time.
                    if error.code() != Some("NOGROUP") {
                        self.fault(name, error);
                    }
                    None
                }
            });
        }
        if all && !answers.is_empty() {
            self.faults.over();
        }
        answers
    }

    fn fault(&mut self, name: &str, error: RedisError) {
        let error = anyhow::Error::new(error).context(format!("stream {name}"));
        self.faults.failed(&error);
    }

    /// Removes consumers of relays that are gone, and products whose flash sales ended long ago.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn retire(&self) -> anyhow::Result<()> {
        self.forget_sales().await?;
        let calls: Vec<Call> = self
            .ready
            .iter()
            .map(|name| {
                Call::new(&RETIRE, [name.clone()])
                    .text(INTAKE_GROUP)
                    .text(&self.consumer)
                    .arg(INTAKE_CONSUMER_IDLE_MS)
            })
            .collect();
        let removed: Vec<usize> = self.redis.run(&calls).await?;
        let removed: usize = removed.into_iter().sum();
        if removed > 0 {
            tracing::info!(consumers = removed, "relays that are gone are forgotten");
        }
        Ok(())
    }

    async fn forget_sales(&self) -> anyhow::Result<()> {
        if self.over.is_empty() {
            return Ok(());
        }
        let products = self.over.iter().map(|product| product.0);
        let call = Call::new(&FORGET, [SECKILL_PRODUCTS.to_owned()])
            .arg(SALES_RECENT_MS)
            .args(products);
        let forgotten: Vec<usize> = self.redis.run(&[call]).await?;
        tracing::info!(
            products = forgotten.iter().sum::<usize>(),
            "flash sales that are over are forgotten"
        );
        Ok(())
    }
}

/// Whether the error is about this stream alone, as for a key that is no stream.
fn is_of_the_stream(error: &RedisError) -> bool {
    matches!(error.code(), Some("WRONGTYPE" | "ERR"))
}

fn entry(stream: &str, (id, fields): (String, Option<Fields>)) -> Entry {
    Entry {
        stream: stream.to_owned(),
        id,
        fields: fields.unwrap_or_default(),
    }
}

/// Acknowledges and deletes entries that are processed.
///
/// # Errors
/// When Redis is away; it may be repeated.
pub async fn settle<'a>(
    redis: &Redis,
    entries: impl Iterator<Item = &'a Entry>,
) -> anyhow::Result<()> {
    let mut streams: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in entries {
        streams.entry(&entry.stream).or_default().push(&entry.id);
    }
    let calls: Vec<Call> = streams
        .iter()
        .flat_map(|(stream, ids)| {
            let chunks = ids.chunks(INTAKE_READ_MAX);
            chunks.map(|ids| settle_intake(stream, ids))
        })
        .collect();
    redis.run::<i64>(&calls).await?;
    Ok(())
}
