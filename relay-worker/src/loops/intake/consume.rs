//! The loop from the intake streams to orders. The next batch is read while one is written. A batch takes what has
//! arrived, so its size follows the load.

use super::streams::{Entry, Streams};
use super::take_in::TakeIn;
use crate::limits::{
    INTAKE_BATCHES_IN_FLIGHT_MAX, INTAKE_CLAIM_EVERY_MS, INTAKE_PACE_MS,
    INTAKE_POLLS_PER_IDLE_POLL, INTAKE_READ_MAX, INTAKE_RETIRE_EVERY_MS, INTAKE_STREAMS_PER_READ,
    ROUND_TIMEOUT_MS,
};
use crate::process::hints::Names;
use crate::process::outage::{Outage, persist, within};
use crate::process::precedence::Precedence;
use crate::process::shutdown::Shutdown;
use contract::store::redis::order_intake_tag;
use domain::UserId;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;

/// An entry's stream and id.
type Place = (String, String);

/// Entries on their way to one shard; `None` where their shard is not known.
struct Work {
    shard: Option<usize>,
    places: Vec<Place>,
}

/// Reads intake streams, and writes their entries in concurrent batches.
pub struct IntakeConsumer {
    take_in: TakeIn,
    streams: Streams,
    idle_poll_ms: u64,
    hints: Arc<Names>,
    precedence: Precedence,
    hot: Hot,
    batches: JoinSet<()>,
    /// Entries being written, so that this relay does not claim them from itself.
    in_flight: HashMap<Id, Work>,
    housekeeping: Outage,
    due: Due,
}

/// When the periodic steps are due next.
struct Due {
    read: Instant,
    scan: Instant,
    claim: Instant,
    retire: Instant,
}

/// Queue of streams to read; each is in it at most once.
#[derive(Debug, Default)]
struct Hot {
    queue: VecDeque<String>,
    names: HashSet<String>,
}

impl Hot {
    fn push(&mut self, name: String) {
        if self.names.insert(name.clone()) {
            self.queue.push_back(name);
        }
    }

    fn take(&mut self, count: usize) -> Vec<String> {
        let taken: Vec<String> = self.queue.drain(..count.min(self.queue.len())).collect();
        for name in &taken {
            self.names.remove(name);
        }
        taken
    }
}

impl IntakeConsumer {
    /// `consumer`: this process's name in the consumer group, unique. `idle_poll_ms`: ms between scans of all streams
    /// while no flash sale is near and no stream has entries.
    pub fn new(
        take_in: TakeIn,
        hints: Arc<Names>,
        precedence: Precedence,
        consumer: String,
        idle_poll_ms: u64,
    ) -> IntakeConsumer {
        let now = Instant::now();
        IntakeConsumer {
            idle_poll_ms,
            precedence,
            streams: Streams::new(take_in.redis.clone(), consumer),
            take_in,
            hints,
            hot: Hot::default(),
            batches: JoinSet::new(),
            in_flight: HashMap::new(),
            housekeeping: Outage::new("intake housekeeping"),
            due: Due {
                read: now,
                scan: now,
                claim: now,
                retire: now + Duration::from_millis(INTAKE_RETIRE_EVERY_MS),
            },
        }
    }

    /// Runs until shutdown, then waits for the batches in flight.
    pub async fn run(mut self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("intake");
        while !shutdown.requested() {
            while let Some(done) = self.batches.try_join_next_with_id() {
                self.done(done);
            }
            if self.is_full() {
                if let Some(done) = self.batches.join_next_with_id().await {
                    self.done(done);
                }
                continue;
            }
            match within(ROUND_TIMEOUT_MS, "reading intakes", self.round(&shutdown)).await {
                Ok(()) => outage.over(),
                Err(error) => {
                    let pause = outage.failed(&error);
                    shutdown.pause(pause).await;
                    continue;
                }
            }
            if self.hot.queue.is_empty() {
                self.idle(&mut shutdown).await;
            }
        }
        while let Some(done) = self.batches.join_next_with_id().await {
            self.done(done);
        }
    }

    async fn idle(&mut self, shutdown: &mut Shutdown) {
        let hints = self.hints.clone();
        tokio::select! {
            () = hints.notified() => {}
            () = tokio::time::sleep_until(self.due.scan) => {}
            Some(done) = self.batches.join_next_with_id() => self.done(done),
            () = shutdown.wait() => {}
        }
    }

    /// A batch has ended. Its streams are read again: entries that arrived behind others published no hint.
    fn done(&mut self, done: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match done {
            Ok((id, ())) => id,
            Err(error) => {
                self.take_in.writer.metrics.loops_restarted.add(1);
                tracing::error!("a batch ended: {error}; its entries will be claimed again");
                error.id()
            }
        };
        let places = self.in_flight.remove(&id).map(|work| work.places);
        for (stream, _) in places.unwrap_or_default() {
            self.hot.push(stream);
        }
    }

    async fn round(&mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        for name in self.hints.take() {
            self.hot.push(name);
        }
        let now = Instant::now();
        if now >= self.due.scan {
            self.scan(now, shutdown).await?;
        }
        if self.hot.queue.is_empty() {
            return Ok(());
        }
        tokio::time::sleep_until(self.due.read).await;
        // Streams of a shard that is away are found again by a later scan.
        let mut names = self.hot.take(INTAKE_STREAMS_PER_READ);
        names.retain(|name| !self.waits_for_its_shard(name));
        let began = Instant::now();
        let (entries, more) = match self.streams.read(&names).await {
            Ok(read) => read,
            Err(error) => {
                names.into_iter().for_each(|name| self.hot.push(name));
                return Err(error);
            }
        };
        self.due.read = match more.is_empty() && !entries.is_empty() {
            true => began + Duration::from_millis(INTAKE_PACE_MS),
            false => began,
        };
        if !more.is_empty() {
            self.precedence.take();
        }
        more.into_iter().for_each(|name| self.hot.push(name));
        self.start(entries, shutdown);
        Ok(())
    }

    async fn scan(&mut self, now: Instant, shutdown: &Shutdown) -> anyhow::Result<()> {
        let filled = self.streams.scan().await?;
        let waiting: u64 = filled.values().sum();
        let metrics = &self.take_in.writer.metrics;
        let waiting = i64::try_from(waiting).unwrap_or(i64::MAX);
        metrics.intake.lag.set(waiting);
        let mut names: Vec<String> = filled.into_keys().collect();
        names.retain(|name| !self.waits_for_its_shard(name));
        if now >= self.due.claim {
            let claimed = self.streams.claim(&names).await?;
            let works = self.in_flight.values();
            let own: HashSet<&Place> = works.flat_map(|work| &work.places).collect();
            let orphans = claimed
                .into_iter()
                .filter(|entry| !own.contains(&(entry.stream.clone(), entry.id.clone())))
                .collect();
            self.start(orphans, shutdown);
            self.due.claim = now + Duration::from_millis(INTAKE_CLAIM_EVERY_MS);
        }
        if now >= self.due.retire {
            self.due.retire = now + Duration::from_millis(INTAKE_RETIRE_EVERY_MS);
            // Failed housekeeping delays no order.
            match self.streams.retire().await {
                Ok(()) => self.housekeeping.over(),
                Err(error) => drop(self.housekeeping.failed(&error)),
            }
        }
        let busy = self.streams.has_sales() || !names.is_empty();
        let pause = match busy {
            true => self.idle_poll_ms / INTAKE_POLLS_PER_IDLE_POLL,
            false => self.idle_poll_ms,
        };
        self.due.scan = now + Duration::from_millis(pause);
        names.into_iter().for_each(|name| self.hot.push(name));
        Ok(())
    }

    /// Starts a batch per shard. Entries of a shard that is away are left to be claimed later.
    fn start(&mut self, entries: Vec<Entry>, shutdown: &Shutdown) {
        let mut shards: BTreeMap<Option<usize>, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            let shard = self.shard_of(&entry);
            shards.entry(shard).or_default().push(entry);
        }
        for (shard, entries) in shards {
            if !shard.is_some_and(|shard| self.is_away(shard)) {
                self.spawn(shard, entries, shutdown);
            }
        }
    }

    /// Repeats a batch until it is written. On shutdown before that, its entries stay pending for another relay.
    fn spawn(&mut self, shard: Option<usize>, entries: Vec<Entry>, shutdown: &Shutdown) {
        let places = entries
            .iter()
            .map(|entry| (entry.stream.clone(), entry.id.clone()))
            .collect();
        let (take_in, mut shutdown) = (self.take_in.clone(), shutdown.clone());
        let task = self.batches.spawn(async move {
            let mut outage = Outage::new("batch writer");
            // Each part has its own deadline, which even a part of bad messages alone can meet.
            for part in entries.chunks(INTAKE_READ_MAX) {
                let write = || {
                    let work = take_in.take_in(part);
                    within(ROUND_TIMEOUT_MS, "writing a batch", work)
                };
                if persist(&mut outage, &mut shutdown, write).await.is_none() {
                    return;
                }
            }
        });
        self.in_flight.insert(task.id(), Work { shard, places });
    }

    /// Whether a shard that answers has as many batches in flight as it may have.
    fn is_full(&self) -> bool {
        let mut counts: HashMap<Option<usize>, usize> = HashMap::new();
        for work in self.in_flight.values() {
            *counts.entry(work.shard).or_default() += 1;
        }
        counts.into_iter().any(|(shard, count)| {
            count >= INTAKE_BATCHES_IN_FLIGHT_MAX && !shard.is_some_and(|shard| self.is_away(shard))
        })
    }

    fn is_away(&self, shard: usize) -> bool {
        self.take_in.writer.availability.is_away(shard)
    }

    /// Whether all entries of a stream are for a shard that is away.
    fn waits_for_its_shard(&self, stream: &str) -> bool {
        let databases = &self.take_in.writer.databases;
        let shard = order_intake_tag(stream).and_then(|tag| databases.shard_of_tag(tag));
        shard.is_some_and(|shard| self.is_away(shard))
    }

    fn shard_of(&self, entry: &Entry) -> Option<usize> {
        let databases = &self.take_in.writer.databases;
        match order_intake_tag(&entry.stream) {
            Some(tag) => databases.shard_of_tag(tag),
            None => {
                let user = std::str::from_utf8(entry.fields.get("user")?).ok()?;
                let user = UserId::new(user.parse().ok()?);
                Some(databases.shard_of_gene(user.gene()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_take_turns() {
        let mut hot = Hot::default();
        for name in ["a", "b", "a", "c"] {
            hot.push(name.to_owned());
        }
        assert_eq!(hot.take(2), ["a", "b"]);
        hot.push("a".to_owned());
        assert_eq!(hot.take(9), ["c", "a"]);
        assert!(hot.take(1).is_empty());
    }
}
