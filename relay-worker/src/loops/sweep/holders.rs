//! Looks up for whom or what old intents are kept: orders, flash sales being preheated, stock changes, holds.

use super::judge::Holders;
use super::promises::Audited;
use super::{Existing, Sweep, existing};
use crate::clients::database::{assembled, padded};
use crate::loops::stock::rows::{self, Lock};
use crate::orders::queued;
use anyhow::Context;
use contract::store::call::Holder;
use contract::store::sql::placeholders;
use domain::ProductId;
use domain::seckill::SeckillStatus;
use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;
use std::collections::HashSet;

/// Stock changes or holds looked up by one statement.
const KEYS_MAX: usize = 64;

/// A stock change or a hold: its product, and the hash of its key.
type Keyed = (ProductId, u128);

impl Sweep {
    /// Queued keys are read before orders: the writer deletes the key after it has inserted the order.
    pub(super) async fn holders(
        &self,
        session: &mut MySqlConnection,
        audited: &[Audited],
    ) -> anyhow::Result<Holders> {
        let (mut orders, mut waiting, mut sales) = (Vec::new(), Vec::new(), HashSet::new());
        let (mut changes, mut holds) = (Vec::new(), Vec::new());
        for Audited { product, old, .. } in audited {
            for intent in old {
                match intent.holder {
                    Holder::Sale(number) => drop(sales.insert(number)),
                    Holder::Change(key) => changes.push((*product, key)),
                    Holder::Hold(key) => holds.push((*product, key)),
                    Holder::Order(order) => {
                        orders.push(order);
                        waiting.extend((!intent.has_entry).then_some(order));
                    }
                }
            }
        }
        orders.sort_unstable();
        orders.dedup();
        let queued = queued::which(&self.redis, &waiting).await?;
        // An order whose shard is away may exist: its intents are left alone.
        let Existing { found, unknown, .. } =
            existing(&self.databases, &self.availability, orders.iter().copied()).await;
        let preheated = preheated(session, sales).await?;
        let changed = made(session, "t_stock_change", &changes).await?;
        let held = made(session, "t_stock_hold", &holds).await?;
        let logs = rows::logs(session, &orders, Lock::No).await?;
        Ok(Holders {
            logged: logs.into_keys().collect(),
            existing: &found | &unknown,
            queued,
            preheated,
            changed,
            held,
        })
    }
}

/// Which of these sales have their units set aside: all but planned ones, which may be preheated again.
async fn preheated(
    session: &mut MySqlConnection,
    sales: HashSet<u32>,
) -> sqlx::Result<HashSet<u32>> {
    let sales: Vec<u32> = sales.into_iter().collect();
    if sales.is_empty() {
        return Ok(HashSet::new());
    }
    let sales = padded(&sales);
    let sql = format!(
        "SELECT id FROM seckill_activity WHERE status <> ? AND id IN ({})",
        placeholders(sales.len())
    );
    let mut query = sqlx::query_scalar(assembled(sql)).bind(SeckillStatus::Planned.code());
    for sale in &sales {
        query = query.bind(sale);
    }
    let ids: Vec<u64> = query.fetch_all(session).await?;
    Ok(ids
        .into_iter()
        .filter_map(|id| id.try_into().ok())
        .collect())
}

/// Which of these stock changes or holds are made: have a row in their table. Waits for uncommitted ones: one that is
/// missing and older than its deadline will never be made.
async fn made(
    session: &mut MySqlConnection,
    table: &'static str,
    keys: &[Keyed],
) -> anyhow::Result<HashSet<Keyed>> {
    let mut found = HashSet::new();
    for keys in keys.chunks(KEYS_MAX) {
        let keys = padded(keys);
        let one = ["product_id = ? AND request_key = ?"];
        let sql = format!(
            "SELECT product_id, request_key FROM {table} WHERE {} LOCK IN SHARE MODE",
            one.repeat(keys.len()).join(" OR ")
        );
        let mut query = sqlx::query(assembled(sql));
        for (product, key) in &keys {
            query = query.bind(product.0).bind(key.to_be_bytes().to_vec());
        }
        for row in query.fetch_all(&mut *session).await? {
            let key: Vec<u8> = row.try_get(1)?;
            let key = key.as_slice().try_into();
            let key = u128::from_be_bytes(key.with_context(|| format!("{table}.request_key"))?);
            found.insert((ProductId(row.try_get(0)?), key));
        }
    }
    Ok(found)
}
