//! What Redis holds about orders: those accepted and not yet written, responses to idempotency keys, and the cache. All
//! keys are scanned once.

use super::finding::{Finding, Wrong};
use super::lookup::{retried, stored};
use crate::clients::database::Databases;
use crate::clients::redis::Redis;
use crate::limits::INTAKE_READ_MAX;
use crate::orders::queued;
use ::redis::streams::StreamRangeReply;
use ::redis::{FromRedisValue, Pipeline};
use anyhow::Context;
use contract::store::cached_order::CachedOrder;
use contract::store::queued::QueuedOrder;
use contract::store::redis as names;
use contract::wire::intake::Intake;
use domain::hex::unhex;
use domain::limits::ORDER_CACHE_TTL_MS;
use domain::{OrderId, Status, UserId};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Keys scanned at once, about.
const STEP: usize = 500;
/// The longest time to live of a cached order, in ms: readers add up to a tenth at random.
const CACHED_MS_MAX: i64 = (ORDER_CACHE_TTL_MS + ORDER_CACHE_TTL_MS / 10) as i64;

/// Keys of one step, by their meaning.
#[derive(Debug, Default)]
struct Keys {
    queued: Vec<OrderId>,
    completed: Vec<Admission>,
    cached: Vec<OrderId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Admission {
    name: String,
    user: UserId,
    key: [u8; 16],
}

/// The part of a stored response, and of a cached order, that is compared.
#[derive(Deserialize)]
struct Brief {
    id: String,
    status: String,
}

impl Keys {
    fn add(&mut self, name: String) {
        let tagged = name.strip_prefix("{u");
        let Some((_, rest)) = tagged.and_then(|rest| rest.split_once("}:")) else {
            return;
        };
        let id = |text: &str| text.parse().ok().and_then(OrderId::new);
        if let Some(order) = rest.strip_prefix("queued:") {
            self.queued.extend(id(order));
        } else if let Some(admission) = rest.strip_prefix("order:create:") {
            let parts = admission.split_once(':');
            let parts = parts.and_then(|(user, key)| Some((user.parse().ok()?, unhex(key)?)));
            self.completed.extend(parts.map(|(user, key)| Admission {
                user: UserId::new(user),
                key,
                name: name.clone(),
            }));
        } else if let Some(order) = rest.strip_prefix("order:") {
            self.cached.extend(id(order));
        }
    }
}

/// Checks all keys of users.
///
/// # Errors
/// Where a database or Redis is away.
pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    let mut waiting = Finding::new("4 every queued order has its entry, or is written");
    let mut answers = Finding::new("3 every completed key names an order");
    let mut cached = Finding::new("1 no cached order outlives its row's version");
    let mut cursor = 0u64;
    loop {
        let (next, step): (u64, Vec<String>) = ::redis::cmd("SCAN")
            .arg(cursor)
            .arg(&["MATCH", "{u*"])
            .arg("COUNT")
            .arg(STEP)
            .query_async(&mut redis.connection())
            .await
            .context("Redis")?;
        let mut keys = Keys::default();
        step.into_iter().for_each(|name| keys.add(name));
        orders_waiting(databases, redis, &keys.queued, &mut waiting).await?;
        keys_answered(databases, redis, keys.completed, &mut answers).await?;
        orders_cached(databases, redis, &keys.cached, &mut cached).await?;
        if next == 0 {
            return Ok(vec![waiting, answers, cached]);
        }
        cursor = next;
    }
}

async fn replies<T: FromRedisValue>(redis: &Redis, pipeline: &Pipeline) -> anyhow::Result<Vec<T>> {
    if pipeline.is_empty() {
        return Ok(Vec::new());
    }
    let answered = pipeline.query_async(&mut redis.connection()).await;
    answered.context("Redis")
}

/// An accepted order is in its intake, among the failures that are retried, or written. The order of a flash-sale token
/// need not exist before the purchase; the sale's buyers are checked elsewhere.
async fn orders_waiting(
    databases: &Databases,
    redis: &Redis,
    orders: &[OrderId],
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let mut pipeline = ::redis::pipe();
    for order in orders {
        pipeline.get(names::queued(*order));
    }
    let values: Vec<Option<Vec<u8>>> = replies(redis, &pipeline).await?;
    let accepted = orders.iter().zip(values).filter(|(_, value)| {
        let parsed = value.as_deref().map(QueuedOrder::parse);
        matches!(parsed, Some(None | Some(QueuedOrder::Order(_))))
    });
    let accepted: Vec<OrderId> = accepted.map(|(order, _)| *order).collect();
    // An order that moves from one place to the next between two looks is missing only for a moment.
    let mut lost: HashSet<OrderId> = accepted.iter().copied().collect();
    for order in stored(databases, accepted.iter().copied()).await?.keys() {
        lost.remove(order);
    }
    in_intakes(redis, &mut lost).await?;
    let left: Vec<OrderId> = lost.iter().copied().collect();
    for order in retried(databases, &left).await? {
        lost.remove(&order);
    }
    for order in accepted {
        let text = || format!("order {order} was accepted, and is in no intake and no shard");
        finding.note(lost.contains(&order).then(|| Wrong::new(order, text())));
    }
    Ok(())
}

/// Removes from `orders` those that are in the intakes.
async fn in_intakes(redis: &Redis, orders: &mut HashSet<OrderId>) -> anyhow::Result<()> {
    let mut streams: BTreeMap<String, HashSet<OrderId>> = BTreeMap::new();
    for order in orders.iter() {
        let intake = names::order_intake(order.gene());
        streams.entry(intake).or_default().insert(*order);
    }
    for (name, mut looked_for) in streams {
        let mut from = "-".to_owned();
        while !looked_for.is_empty() {
            let page: StreamRangeReply = ::redis::cmd("XRANGE")
                .arg(&name)
                .arg(&[&from, "+", "COUNT"])
                .arg(INTAKE_READ_MAX)
                .query_async(&mut redis.connection())
                .await
                .context("Redis")?;
            let Some(last) = page.ids.last() else { break };
            from = format!("({}", last.id);
            for entry in &page.ids {
                let fields = entry.map.iter();
                let fields = fields.filter_map(|(name, value)| {
                    let value = Vec::<u8>::from_redis_value_ref(value).ok()?;
                    Some((name.clone(), value))
                });
                let fields: HashMap<String, Vec<u8>> = fields.collect();
                let read = Intake::read(&fields).ok();
                if let Some(order) = read.and_then(|intake| intake.order_id()) {
                    looked_for.remove(&order);
                    orders.remove(&order);
                }
            }
        }
    }
    Ok(())
}

/// The order of a completed key's response exists or is in flight; or the key made another order, which Redis had
/// forgotten.
async fn keys_answered(
    databases: &Databases,
    redis: &Redis,
    keys: Vec<Admission>,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let mut pipeline = ::redis::pipe();
    for key in &keys {
        pipeline.cmd("HMGET").arg(&key.name).arg(&["state", "body"]);
    }
    let states: Vec<(Option<String>, Option<String>)> = replies(redis, &pipeline).await?;
    let mut named = Vec::new();
    for (key, (state, body)) in keys.into_iter().zip(states) {
        if state.as_deref() == Some(names::COMPLETED) {
            let body = body.unwrap_or_default();
            let brief: Option<Brief> = serde_json::from_str(&body).ok();
            let order = brief.and_then(|brief| OrderId::parse(&brief.id));
            named.push((key, order));
        }
    }
    let orders: Vec<OrderId> = named.iter().filter_map(|(_, order)| *order).collect();
    let mut there = queued::which(redis, &orders).await?;
    there.extend(retried(databases, &orders).await?);
    there.extend(stored(databases, orders).await?.into_keys());
    for (key, order) in named {
        let known = order.is_some_and(|order| there.contains(&order));
        let wrong = !known && !made_one(databases, &key).await?;
        finding.note(wrong.then(|| {
            let order = order.map_or("none".to_owned(), |order| order.to_string());
            let text = format!("{} answers order {order}, which is not there", key.name);
            Wrong::new(&key.name, text)
        }));
    }
    Ok(())
}

async fn made_one(databases: &Databases, key: &Admission) -> anyhow::Result<bool> {
    let shard = &databases.shards[databases.shard_of_gene(key.user.gene())];
    let sql = "SELECT id FROM t_order WHERE user_id = ? AND idempotency_key = ?";
    let order: Option<u64> = sqlx::query_scalar(sql)
        .bind(key.user.get())
        .bind(&key.key[..])
        .fetch_optional(&shard.pool)
        .await
        .with_context(|| shard.name.clone())?;
    Ok(order.is_some())
}

/// The cache is read before the rows: it may be behind its row for a while, never ahead of it.
async fn orders_cached(
    databases: &Databases,
    redis: &Redis,
    orders: &[OrderId],
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let mut pipeline = ::redis::pipe();
    for order in orders {
        let name = names::order(*order);
        pipeline.get(&name).pttl(&name);
    }
    let pairs: Vec<(Option<Vec<u8>>, i64)> = chunked(redis, &pipeline).await?;
    let rows = stored(databases, orders.iter().copied()).await?;
    for (order, (value, ttl)) in orders.iter().zip(pairs) {
        let Some(cached) = value.and_then(CachedOrder::parse) else {
            continue;
        };
        let brief: Option<Brief> = cached
            .json
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok());
        let status = brief.and_then(|brief| Status::parse(&brief.status));
        let row = rows.get(order);
        let same = match row {
            Some(row) => {
                cached.version == row.version && status.map(Status::code) == Some(row.status)
            }
            None => cached.version == 0,
        };
        // A TTL of -1 is none; of -2: the key expired between the two commands.
        let kept = ttl == -1 || ttl > CACHED_MS_MAX;
        finding.note((!same || kept).then(|| {
            let row = row.map_or("no row".to_owned(), |row| {
                format!("the row has {} of status {}", row.version, row.status)
            });
            let text = format!(
                "order {order} is cached at version {} for {ttl} ms, {row}",
                cached.version
            );
            Wrong::new((order, cached.version, kept), text)
        }));
    }
    Ok(())
}

/// Replies in pairs.
async fn chunked<A: FromRedisValue, B: FromRedisValue>(
    redis: &Redis,
    pipeline: &Pipeline,
) -> anyhow::Result<Vec<(A, B)>> {
    let flat: Vec<::redis::Value> = replies(redis, pipeline).await?;
    let mut pairs = Vec::with_capacity(flat.len() / 2);
    let mut flat = flat.into_iter();
    while let (Some(a), Some(b)) = (flat.next(), flat.next()) {
        pairs.push((A::from_redis_value(a)?, B::from_redis_value(b)?));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::hex::hex;

    #[test]
    fn each_key_is_what_its_name_says() {
        let user = UserId::new(1000);
        let order = OrderId::compose(4096, user.gene()).unwrap();
        let mut keys = Keys::default();
        for name in [
            names::idempotency(user, &hex(&[7; 16])),
            names::submit_guard(user, &hex(&[8; 16])),
            names::queued(order),
            names::order(order),
            names::order_intake(user.gene()),
            names::id_counter(user.gene()),
            "{u".to_owned(),
            "{p1}:stock".to_owned(),
        ] {
            keys.add(name);
        }
        assert_eq!((keys.queued, keys.cached), (vec![order], vec![order]));
        let [key] = keys.completed.as_slice() else {
            panic!("{:?}", keys.completed);
        };
        assert_eq!((key.user, key.key), (user, [7; 16]));
    }
}
