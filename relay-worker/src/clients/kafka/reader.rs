//! Reads the ids of all records of some topics up to their ends, outside of any group, for `reconcile`.

use super::Cluster;
use crate::limits::{TOPIC_READ_MS_MAX, TOPIC_STILL_MS_MAX};
use anyhow::{Context, bail, ensure};
use domain::Ms;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the brokers may take to answer a question about a topic.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one poll waits for a record.
const POLL: Duration = Duration::from_millis(100);

type Partition = (String, i32);

/// A position in each partition of some topics.
pub struct Reader {
    /// `None` while a thread reads with it, and after that failed.
    consumer: Option<BaseConsumer>,
    /// The next offset to read.
    places: BTreeMap<Partition, i64>,
    kept_since: Option<Ms>,
}

impl Reader {
    /// A reader at the beginning of these topics (without their prefix), or at their first records since a time.
    ///
    /// # Errors
    /// Where the brokers are away, or do not know a topic.
    pub async fn open(
        cluster: &Cluster,
        topics: &[&str],
        since: Option<Ms>,
    ) -> anyhow::Result<Reader> {
        let consumer: BaseConsumer = cluster
            .client()
            // Never joined and never committed to; the client requires a name.
            .set("group.id", cluster.topic("reconcile"))
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "earliest")
            .set("queued.max.messages.kbytes", "16384")
            .create()?;
        let topics: Vec<String> = topics.iter().map(|topic| cluster.topic(topic)).collect();
        let brokers = cluster.brokers.clone();
        let opened = tokio::task::spawn_blocking(move || opened(consumer, &topics, since));
        opened.await?.with_context(|| format!("Kafka at {brokers}"))
    }

    /// Since when the topics hold all their records, by the clocks of their producers; `None` where they lost none.
    pub fn kept_since(&self) -> Option<Ms> {
        self.kept_since
    }

    /// Calls `each` with the header `id` of every record up to the ends that the topics have at the call; `None` for a
    /// record without one.
    ///
    /// # Errors
    /// Where that takes too long, the brokers fail, or `each` fails.
    pub async fn to_the_end(
        &mut self,
        mut each: impl FnMut(Option<&str>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let consumer = self.consumer.take().context("a reader that failed")?;
        let places = std::mem::take(&mut self.places);
        let (ids, mut received) = tokio::sync::mpsc::channel(1_000);
        let reading = tokio::task::spawn_blocking(move || {
            let places = read(&consumer, places, &ids)?;
            anyhow::Ok((consumer, places))
        });
        while let Some(id) = received.recv().await {
            each(id.as_deref())?;
        }
        let (consumer, places) = reading.await?.context("reading from Kafka")?;
        (self.consumer, self.places) = (Some(consumer), places);
        Ok(())
    }
}

fn opened(consumer: BaseConsumer, topics: &[String], since: Option<Ms>) -> anyhow::Result<Reader> {
    let mut partitions: Vec<Partition> = Vec::new();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic), ASK_TIMEOUT)?;
        let known = metadata.topics().iter().find(|one| one.name() == topic);
        let known = known.filter(|one| !one.partitions().is_empty());
        let known = known.with_context(|| format!("there is no topic {topic}"))?;
        partitions.extend(
            known
                .partitions()
                .iter()
                .map(|one| (topic.clone(), one.id())),
        );
    }
    let (mut places, mut lows) = (BTreeMap::new(), BTreeMap::new());
    let mut asked = TopicPartitionList::new();
    for (topic, partition) in partitions {
        let (low, high) = consumer.fetch_watermarks(&topic, partition, ASK_TIMEOUT)?;
        if let Some(since) = since {
            let since = Offset::Offset(i64::try_from(since)?);
            asked.add_partition_offset(&topic, partition, since)?;
        }
        places.insert((topic.clone(), partition), low);
        if low > 0 {
            lows.insert((topic, partition), (low, high));
        }
    }
    if since.is_some() {
        for element in consumer.offsets_for_times(asked, ASK_TIMEOUT)?.elements() {
            let place = (element.topic().to_owned(), element.partition());
            let low = places.get(&place).copied().unwrap_or_default();
            let offset = match element.offset() {
                Offset::Offset(offset) => offset.max(low),
                // No record is that young.
                _ => {
                    let (topic, partition) = (&place.0, place.1);
                    consumer.fetch_watermarks(topic, partition, ASK_TIMEOUT)?.1
                }
            };
            places.insert(place, offset);
        }
    }
    let mut kept_since = None;
    for (partition, (low, high)) in lows {
        kept_since = kept_since.max(Some(first_of(&consumer, &partition, low, high)?));
    }
    assign(&consumer, &places)?;
    Ok(Reader {
        consumer: Some(consumer),
        places,
        kept_since,
    })
}

fn assign(consumer: &BaseConsumer, places: &BTreeMap<Partition, i64>) -> anyhow::Result<()> {
    let mut all = TopicPartitionList::new();
    for ((topic, partition), offset) in places {
        all.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    Ok(consumer.assign(&all)?)
}

/// The time of the first record that a partition holds which has lost others; the present, where it holds none.
fn first_of(
    consumer: &BaseConsumer,
    partition: &Partition,
    low: i64,
    high: i64,
) -> anyhow::Result<Ms> {
    if low == high {
        return Ok(crate::process::clock::now_ms());
    }
    assign(consumer, &BTreeMap::from([(partition.clone(), low)]))?;
    let deadline = Instant::now() + ASK_TIMEOUT;
    while Instant::now() < deadline {
        if let Some(Ok(message)) = consumer.poll(POLL) {
            let written = message.timestamp().to_millis().unwrap_or_default();
            return Ok(u64::try_from(written)?);
        }
    }
    bail!("partition {} of {} is away", partition.1, partition.0)
}

/// Reads up to the present ends; gives the positions behind them. Ends early where the receiver is gone.
fn read(
    consumer: &BaseConsumer,
    mut places: BTreeMap<Partition, i64>,
    ids: &tokio::sync::mpsc::Sender<Option<String>>,
) -> anyhow::Result<BTreeMap<Partition, i64>> {
    let mut ends = BTreeMap::new();
    for (partition, place) in &places {
        let (_, high) = consumer.fetch_watermarks(&partition.0, partition.1, ASK_TIMEOUT)?;
        if *place < high {
            ends.insert(partition.clone(), high);
        }
    }
    let (began, mut moved) = (Instant::now(), Instant::now());
    while !ends.is_empty() {
        ensure!(
            began.elapsed() < Duration::from_millis(TOPIC_READ_MS_MAX),
            "not at the ends of the topics within {TOPIC_READ_MS_MAX} ms"
        );
        ensure!(
            moved.elapsed() < Duration::from_millis(TOPIC_STILL_MS_MAX),
            "no record for {TOPIC_STILL_MS_MAX} ms, and not at the end of {} partitions",
            ends.len()
        );
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                moved = Instant::now();
                let partition = (message.topic().to_owned(), message.partition());
                let next = message.offset() + 1;
                if ids.blocking_send(id(&message)).is_err() {
                    return Ok(places);
                }
                if ends.get(&partition).is_some_and(|end| next >= *end) {
                    ends.remove(&partition);
                }
                places.insert(partition, next);
            }
            // Offsets before an end may hold no record. The place stays: no record was skipped.
            Some(Err(KafkaError::PartitionEOF(number))) => {
                let ended = |(topic, partition): &Partition, end: i64| {
                    *partition == number && position(consumer, topic, number) >= Some(end)
                };
                ends.retain(|partition, end| !ended(partition, *end));
            }
            // Brokers that are away come back, or a deadline above ends this.
            Some(Err(_)) | None => {}
        }
    }
    Ok(places)
}

fn position(consumer: &BaseConsumer, topic: &str, partition: i32) -> Option<i64> {
    let positions = consumer.position().ok()?;
    match positions.find_partition(topic, partition)?.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }
}

fn id(message: &BorrowedMessage<'_>) -> Option<String> {
    let headers = message.headers()?;
    let id = headers.iter().find(|header| header.key == "id")?.value?;
    Some(std::str::from_utf8(id).ok()?.to_owned())
}
