//! The outbox against Kafka: every row marked as published has its event in its topic, and every event there has a row.
//! Reads the ids of all events that the topics hold, from their beginning to their present ends.

use super::finding::{Finding, Wrong};
use super::lookup::each_outbox_row;
use crate::clients::database::{Database, Databases, assembled, padded};
use crate::clients::kafka::Cluster;
use crate::clients::kafka::reader::Reader;
use crate::limits::STATEMENT_ROWS_MAX;
use anyhow::{Context, ensure};
use contract::store::sql::placeholders;
use contract::wire::message::{ORDER_CREATED, ORDER_STATUS_CHANGED};
use domain::Ms;
use domain::id::EventId;
use sqlx::Row as _;
use std::collections::HashSet;

/// Event ids held in memory: 16 bytes each, and as much again for their table.
const EVENTS_MAX: usize = 10_000_000;
/// How much the clocks of shards and relays may differ.
const SKEW_MS: Ms = 60_000;

/// A page of the outbox.
const PUBLISHED: &str = "SELECT id, message_id, status, created_at FROM t_local_message WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";

/// How far back events are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// As far as the topics go.
    All,
    /// Those since this time.
    Since(Ms),
}

/// A row marked as published whose event was not in the topics.
struct Unheard {
    event: EventId,
    message: String,
}

/// Checks the outbox of all shards against the topics.
///
/// # Errors
/// Where a database or Kafka is away, or the topics hold more than 10 million events.
pub async fn check(
    databases: &Databases,
    cluster: &Cluster,
    window: Window,
) -> anyhow::Result<Vec<Finding>> {
    let mut sent = Finding::new("5 every published event is in its topic");
    let mut owned = Finding::new("5 every event in a topic has its outbox row");
    let mut events = HashSet::new();
    let since = match window {
        Window::All => None,
        Window::Since(since) => Some(since),
    };
    let topics = [ORDER_CREATED, ORDER_STATUS_CHANGED];
    let from = since.map(|since| since.saturating_sub(SKEW_MS));
    let mut reader = Reader::open(cluster, &topics, from).await?;
    let kept_since = reader.kept_since().map(|first| first + SKEW_MS).max(since);
    let kept_since = kept_since.unwrap_or_default();
    // Records without an event id of the platform.
    let mut nameless = 0u64;
    reader
        .to_the_end(|id| match id.and_then(EventId::parse) {
            Some(event) => {
                events.insert(event);
                ensure!(
                    events.len() <= EVENTS_MAX,
                    "the topics hold more than {EVENTS_MAX} events: compare fewer of them with --events-hours"
                );
                Ok(())
            }
            None => {
                nameless += 1;
                Ok(())
            }
        })
        .await?;
    let mut unheard = Vec::new();
    for shard in &databases.shards {
        let rows = compare(shard, kept_since, &mut events, &mut sent, &mut unheard).await;
        rows.with_context(|| shard.name.clone())?;
    }
    // Reads what was published while the rows were read: an event marked as sent that is still missing is lost.
    let mut later = HashSet::new();
    reader
        .to_the_end(|id| {
            later.extend(id.and_then(EventId::parse));
            Ok(())
        })
        .await?;
    for Unheard { event, message } in unheard {
        if !later.contains(&event) {
            sent.add(Wrong::new(event, format!("message {message}")));
        }
    }
    owned.checked = events.len() as u64 + sent.checked;
    // A row is written before its event: an event without a row at this point has none.
    for event in without_row(databases, events).await? {
        owned.add(Wrong::new(event, format!("event {event}")));
    }
    if nameless > 0 {
        owned.add(Wrong::new(
            "nameless",
            format!("{nameless} records have no id"),
        ));
    }
    Ok(vec![sent, owned])
}

/// Removes the rows' events from `events`; rows marked as published without an event there go to `unheard`.
async fn compare(
    shard: &Database,
    kept_since: Ms,
    events: &mut HashSet<EventId>,
    sent: &mut Finding,
    unheard: &mut Vec<Unheard>,
) -> anyhow::Result<()> {
    each_outbox_row(shard, PUBLISHED, |row| {
        let (message, status, born): (String, u8, Ms) =
            (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let Some(event) = EventId::parse(&message) else {
            return Ok(());
        };
        let there = events.remove(&event);
        let published = matches!(status, 1 | 2);
        if published && (there || born >= kept_since) {
            sent.note(None);
            if !there {
                unheard.push(Unheard { event, message });
            }
        }
        Ok(())
    })
    .await
}

async fn without_row(
    databases: &Databases,
    events: HashSet<EventId>,
) -> anyhow::Result<HashSet<EventId>> {
    let mut alone = HashSet::new();
    for (shard, events) in databases.by_shard(events, |event| event.order) {
        let shard = &databases.shards[shard];
        for events in events.chunks(STATEMENT_ROWS_MAX) {
            let names: Vec<String> = events.iter().map(ToString::to_string).collect();
            let names = padded(&names);
            let sql = format!(
                "SELECT message_id FROM t_local_message WHERE message_id IN ({})",
                placeholders(names.len())
            );
            let mut query = sqlx::query_scalar(assembled(sql));
            for name in &names {
                query = query.bind(name);
            }
            let found: Vec<String> = query
                .fetch_all(&shard.pool)
                .await
                .with_context(|| shard.name.clone())?;
            let found: HashSet<EventId> =
                found.iter().filter_map(|id| EventId::parse(id)).collect();
            alone.extend(events.iter().filter(|event| !found.contains(event)));
        }
    }
    Ok(alone)
}
