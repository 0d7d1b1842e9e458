//! Processes a batch of entries, from parsing to acknowledging. Every step is idempotent: after a crash the entries are
//! claimed and processed again.

use super::streams::{Entry, settle};
use super::write::Writer;
use super::{Pending, Written};
use crate::clients::redis::Redis;
use crate::loops::failures::{Failed, Failures, Ids, MessageSource, compensate};
use crate::orders::queued;
use contract::wire::intake::Intake;
use std::collections::{BTreeMap, HashSet};

/// Everything a batch needs.
#[derive(Clone)]
pub struct TakeIn {
    /// Inserts the orders.
    pub writer: Writer,
    /// Keeps the entries that did not become orders.
    pub failures: Failures,
    /// Holds the streams, the queued keys, and what refused messages had reserved.
    pub redis: Redis,
}

/// An entry that was parsed.
struct Readable<'a> {
    entry: &'a Entry,
    pending: Pending,
}

impl TakeIn {
    /// Turns every entry into an order or a failure, and acknowledges it. Entries whose shard is away stay pending, to
    /// be claimed again.
    ///
    /// # Errors
    /// When a server that all entries need is away; call again with the same entries.
    pub async fn take_in(&self, entries: &[Entry]) -> anyhow::Result<()> {
        let (mut readable, mut failed) = (Vec::with_capacity(entries.len()), Vec::new());
        for entry in entries {
            match Intake::read(&entry.fields) {
                Ok(intake) => readable.push(Readable {
                    entry,
                    pending: Pending::Ours(intake),
                }),
                Err(error) => failed.push(unreadable(entry, error.to_string())),
            }
        }
        let pending: Vec<Pending> = readable.iter().map(|r| r.pending.clone()).collect();
        let written = self.writer.write(&pending).await?;
        let (unreadable, mut accepted, mut lost) = (failed.len(), Vec::new(), Vec::new());
        let mut left = HashSet::new();
        for (readable, written) in readable.iter().zip(&written) {
            let Pending::Ours(intake) = &readable.pending else {
                continue;
            };
            if let Written::Away(_) = written {
                left.insert((&readable.entry.stream, &readable.entry.id));
            } else if let Written::Refused(refusal) = written {
                if refusal.last {
                    lost.push(intake);
                }
                failed.push(Failed {
                    ids: Ids::from(intake),
                    last: refusal.last,
                    ..unreadable_as(readable.entry, refusal.reason.clone())
                });
            } else if let Intake::Order(_) = intake {
                accepted.extend(intake.order_id());
            }
        }
        compensate::give_back(&self.redis, &lost).await?;
        self.failures.record(&failed).await?;
        // Before the entries are acknowledged: after a crash in between they are processed again.
        queued::forget(&self.redis, &accepted).await?;
        let ended = |entry: &&Entry| !left.contains(&(&entry.stream, &entry.id));
        settle(&self.redis, entries.iter().filter(ended)).await?;
        self.count(&written, unreadable);
        Ok(())
    }

    fn count(&self, written: &[Written], unreadable: usize) {
        let count = |kind: fn(&Written) -> bool| written.iter().filter(|one| kind(one)).count();
        let metrics = &self.writer.metrics.intake;
        metrics
            .written
            .add(count(|one| matches!(one, Written::New(_))));
        metrics
            .repeated
            .add(count(|one| matches!(one, Written::Known(_))));
        metrics
            .refused
            .add(count(|one| matches!(one, Written::Refused(_))));
        metrics.unreadable.add(unreadable);
    }
}

fn unreadable(entry: &Entry, error: String) -> Failed {
    let number = |name: &str| -> Option<u64> {
        std::str::from_utf8(entry.fields.get(name)?)
            .ok()?
            .parse()
            .ok()
    };
    let text = |name: &str| Some(String::from_utf8_lossy(entry.fields.get(name)?).into_owned());
    Failed {
        ids: Ids {
            order: number("order"),
            user: number("user"),
            product: number("product"),
            seckill_id: text("seckill"),
        },
        ..unreadable_as(entry, error)
    }
}

fn unreadable_as(entry: &Entry, error: String) -> Failed {
    Failed {
        source: MessageSource::Intake,
        message_id: format!("{}/{}", entry.stream, entry.id),
        raw: raw(entry),
        ids: Ids::default(),
        error,
        last: false,
    }
}

/// The fields as a JSON object, for people and for retries.
fn raw(entry: &Entry) -> Vec<u8> {
    let fields: BTreeMap<&str, _> = entry
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value)))
        .collect();
    serde_json::to_vec(&fields).unwrap_or_default()
}

/// Parses what `raw` has made.
///
/// # Errors
/// Where it is no such object, or no message.
pub(crate) fn read_raw(raw: &[u8]) -> Result<Intake, String> {
    let fields: BTreeMap<String, String> =
        serde_json::from_slice(raw).map_err(|error| error.to_string())?;
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    Intake::read(&fields).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(fields: &[(&str, &str)]) -> Entry {
        Entry {
            stream: "{p1}:intake".to_owned(),
            id: "1-0".to_owned(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
                .collect(),
        }
    }

    #[test]
    fn what_cannot_be_read_is_kept_as_it_came() {
        let failed = unreadable(
            &entry(&[("kind", "seckill"), ("user", "7"), ("quantity", "x")]),
            "quantity is no number".to_owned(),
        );
        assert_eq!(failed.message_id, "{p1}:intake/1-0");
        assert_eq!((failed.ids.user, failed.ids.order), (Some(7), None));
        let raw = String::from_utf8(failed.raw.clone()).unwrap();
        assert_eq!(raw, r#"{"kind":"seckill","quantity":"x","user":"7"}"#);
        assert_eq!(read_raw(&failed.raw).unwrap_err(), "order is missing");
    }
}
