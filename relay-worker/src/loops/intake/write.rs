//! Writes a batch: one transaction per shard; conflicts are found by the server's errors. Nothing is written twice,
//! however often and by however many relays a message is read.

use super::draft::Draft;
use super::judge::{part, repeats};
use super::{Pending, Refusal, Written, lookup, rows};
use crate::clients::availability::Availability;
use crate::clients::database::{Database, Databases, code};
use crate::clients::redis::Redis;
use crate::limits::{INTAKE_BATCH_BYTES_MAX, INTAKE_TRIES_MAX, SHARD_TIMEOUT_MS};
use crate::orders::cache;
use crate::process::metrics::Metrics;
use domain::limits::INTAKE_BATCH_MAX;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// Writes messages as orders; shared by the loops that read or retry messages.
#[derive(Clone)]
pub struct Writer {
    /// Shards for the orders, inventory for the catalogue.
    pub databases: Databases,
    /// Mints ids, and notifies hosts of new orders.
    pub redis: Redis,
    /// Counters and gauges of the whole process.
    pub metrics: Arc<Metrics>,
    /// Wakes the outbox loop of each shard, by the shard's index.
    pub hints: Vec<Arc<Notify>>,
    /// Which shards are away: they are not waited for.
    pub availability: Availability,
}

/// Why a transaction did not commit.
enum Obstacle {
    /// 1062: some of the rows exist already.
    Duplicate(String),
    /// 1205, 1213: a lock wait timeout or a deadlock.
    Busy,
    /// The server rejects a value.
    Data(String),
    /// Not the batch's fault.
    Away(sqlx::Error),
}

impl Writer {
    /// Writes messages as orders; one outcome per message, in their order. A shard that is away delays only its own
    /// messages.
    ///
    /// # Errors
    /// When a server that all need is away. Some may be written then: call again with the same messages.
    pub async fn write(&self, messages: &[Pending]) -> anyhow::Result<Vec<Written>> {
        let mut outcomes: Vec<Option<Written>> = vec![None; messages.len()];
        let (mut drafts, mut foreign) = (Vec::with_capacity(messages.len()), Vec::new());
        for (at, message) in messages.iter().enumerate() {
            match message {
                Pending::Foreign(message) => foreign.push((at, message)),
                Pending::Ours(_) => match Draft::of(at, message) {
                    Ok(draft) => drafts.push(draft),
                    Err(refusal) => outcomes[at] = Some(Written::Refused(refusal)),
                },
            }
        }
        if !foreign.is_empty() {
            let (more, settled) = self.foreign(&foreign).await?;
            drafts.extend(more);
            place(&mut outcomes, settled);
        }
        // A repeat within the batch is written after the one that it repeats.
        while !drafts.is_empty() {
            let (first, rest) = repeats(drafts);
            place(&mut outcomes, self.shards(first).await);
            drafts = rest;
        }
        let missing = || Written::Refused(Refusal::now("was not looked at"));
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(missing))
            .collect())
    }

    /// Writes to all shards at once, and a batch that is too large for one transaction in several.
    async fn shards(&self, drafts: Vec<Draft>) -> Vec<(usize, Written)> {
        let shards = self.databases.by_shard(drafts, |draft| draft.order.id);
        let work = shards.into_iter().map(|(shard, drafts)| async move {
            let mut left: Vec<usize> = drafts.iter().map(|draft| draft.at).collect();
            let mut settled = Vec::with_capacity(drafts.len());
            let write = self.shard(shard, drafts, &mut settled);
            if let Err(reason) = self.on_shard(shard, "writing orders", write).await {
                left.retain(|at| !settled.iter().any(|(ended, _)| ended == at));
                settled.extend(
                    left.into_iter()
                        .map(|at| (at, Written::Away(reason.clone()))),
                );
            }
            settled
        });
        let settled = futures::future::join_all(work).await;
        settled.into_iter().flatten().collect()
    }

    /// Does work on a shard, unless it is away.
    ///
    /// # Errors
    /// Why the shard did not do it.
    pub(super) async fn on_shard<T>(
        &self,
        shard: usize,
        what: &str,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> Result<T, String> {
        let done = self
            .availability
            .on_shard(shard, SHARD_TIMEOUT_MS, what, work);
        done.await.map_err(|error| format!("{error:#}"))
    }

    async fn shard(
        &self,
        shard: usize,
        drafts: Vec<Draft>,
        settled: &mut Vec<(usize, Written)>,
    ) -> anyhow::Result<()> {
        let database = &self.databases.shards[shard];
        for batch in batches(drafts) {
            self.batch(database, batch, settled).await?;
            self.hints[shard].notify_one();
        }
        Ok(())
    }

    /// Writes a batch; halves it as long as one of its rows is rejected.
    async fn batch(
        &self,
        database: &Database,
        drafts: Vec<Draft>,
        settled: &mut Vec<(usize, Written)>,
    ) -> anyhow::Result<()> {
        let mut parts = vec![drafts];
        let mut busy = 0;
        while let Some(mut drafts) = parts.pop() {
            if drafts.is_empty() {
                continue;
            }
            let reason = match insert(database, &drafts).await {
                Ok(()) => {
                    self.metrics.intake_batch.observe(drafts.len() as f64);
                    let written: Vec<_> = drafts
                        .iter()
                        .map(|d| (d.order.id, d.order.user.id))
                        .collect();
                    cache::tell(&self.redis, &written).await;
                    settled.extend(drafts.iter().map(|d| (d.at, Written::New(d.order.id))));
                    continue;
                }
                Err(Obstacle::Busy) if busy < INTAKE_TRIES_MAX => {
                    busy += 1;
                    tokio::time::sleep(BUSY_PAUSE).await;
                    parts.push(drafts);
                    continue;
                }
                Err(Obstacle::Busy) => anyhow::bail!("locked by others {busy} times in a row"),
                Err(Obstacle::Away(error)) => return Err(error.into()),
                Err(Obstacle::Data(reason)) => reason,
                Err(Obstacle::Duplicate(reason)) => {
                    let before = drafts.len();
                    let known =
                        lookup::known(&mut *database.pool.acquire().await?, &drafts).await?;
                    let (left, some) = part(drafts, &known);
                    settled.extend(some);
                    drafts = left;
                    if drafts.len() < before {
                        parts.push(drafts);
                        continue;
                    }
                    reason
                }
            };
            if let [draft] = drafts.as_slice() {
                settled.push((draft.at, Written::Refused(Refusal::now(reason))));
                continue;
            }
            let second = drafts.split_off(drafts.len() / 2);
            parts.extend([second, drafts]);
        }
        Ok(())
    }
}

fn place(outcomes: &mut [Option<Written>], settled: Vec<(usize, Written)>) {
    for (at, written) in settled {
        outcomes[at] = Some(written);
    }
}

/// Splits by rows and bytes, sorted by order id, so that all relays lock in one order.
fn batches(mut drafts: Vec<Draft>) -> Vec<Vec<Draft>> {
    drafts.sort_unstable_by_key(|draft| draft.order.id);
    let mut batches: Vec<Vec<Draft>> = Vec::new();
    let mut bytes = 0;
    for draft in drafts {
        bytes += draft.event.len();
        match batches.last_mut() {
            Some(batch) if batch.len() < INTAKE_BATCH_MAX && bytes < INTAKE_BATCH_BYTES_MAX => {
                batch.push(draft);
            }
            _ => {
                bytes = draft.event.len();
                batches.push(vec![draft]);
            }
        }
    }
    batches
}

async fn insert(database: &Database, drafts: &[Draft]) -> Result<(), Obstacle> {
    let mut tx = database.begin().await.map_err(obstacle)?;
    // Dropped on error, which rolls back.
    rows::insert(&mut tx, drafts).await.map_err(obstacle)?;
    tx.commit().await.map_err(obstacle)
}

/// What the error means. Besides known codes, only the SQLSTATE classes 22 and 23 are faults of the data.
fn obstacle(error: sqlx::Error) -> Obstacle {
    let Some(refused) = error.as_database_error() else {
        return match error {
            sqlx::Error::Encode(error) => Obstacle::Data(error.to_string()),
            error => Obstacle::Away(error),
        };
    };
    let reason = refused.message().to_owned();
    let class = refused.code().unwrap_or_default().into_owned();
    match code(&error) {
        Some(1062) => Obstacle::Duplicate(reason),
        Some(1205 | 1213) => Obstacle::Busy,
        Some(1366 | 1406 | 1264 | 1048) => Obstacle::Data(reason),
        _ if class.starts_with("22") || class.starts_with("23") => Obstacle::Data(reason),
        _ => Obstacle::Away(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn batches_are_bounded_by_rows_and_bytes() {
        let draft = |number: u64| {
            Draft::purchase(number as usize, &fixtures::purchase(number, 1000), false).unwrap()
        };
        let drafts: Vec<Draft> = (1..=1_201).rev().map(draft).collect();
        let sizes: Vec<usize> = batches(drafts).iter().map(Vec::len).collect();
        assert_eq!(sizes, [500, 500, 201]);
        let large = |number| Draft {
            event: "x".repeat(INTAKE_BATCH_BYTES_MAX / 2),
            ..draft(number)
        };
        let sizes: Vec<usize> = batches(vec![large(1), draft(2), large(3), large(4)])
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(sizes, [2, 1, 1]);
    }
}
