//! The outbox against Kafka: every row that says it was published has its event in its topic, and every event there is
//! a row's. The ids of all events that the topics hold are read, from their beginning to the ends they have now.

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

/// Ids that are held in memory: 16 bytes each, and as much again for the table they are in.
const EVENTS_MAX: usize = 10_000_000;
/// Clocks of shards and relays may differ by so much.
const SKEW_MS: Ms = 60_000;

const PUBLISHED: &str = "SELECT id, message_id, status, created_at FROM t_local_message WHERE id > ? AND id <= ? ORDER BY id LIMIT ?";

/// How far back events are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// As far as the topics go.
    All,
    /// Those since this time.
    Since(Ms),
}

/// What a row is, of which the topics know nothing.
struct Unheard {
    event: EventId,
    message: String,
}

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
    // A record without an id of ours is an event of nobody.
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
    // What was published while the rows were read: whoever is not there now, and said before that it was sent, is lost.
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
    // A row comes before its event: an event without one now has none.
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

/// Takes the rows' events out of `events`; what a row says it published and is not there is unheard of.
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
