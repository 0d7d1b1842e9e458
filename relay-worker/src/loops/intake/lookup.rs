//! Looks up what a shard already has of a batch: after an insert met a duplicate, and before a foreign purchase gets an
//! id.

use super::draft::{Draft, RecordKey};
use super::judge::{Known, Stored};
use crate::clients::database::{assembled, padded};
use contract::store::sql::placeholders;
use domain::{OrderId, ProductId, UserId};
use sqlx::Row as _;
use sqlx::mysql::MySqlConnection;
use std::collections::HashMap;

/// Terms of an `OR` in one statement.
const TERMS_MAX: usize = 128;

/// Everything stored that the drafts may duplicate.
///
/// # Errors
/// When the database fails.
pub async fn known(session: &mut MySqlConnection, drafts: &[Draft]) -> sqlx::Result<Known> {
    let mut known = Known::default();
    let records: Vec<RecordKey> = drafts.iter().filter_map(|d| d.record.clone()).collect();
    known.records = self::records(session, &records).await?;
    let ids: Vec<u64> = drafts.iter().map(|draft| draft.order.id.get()).collect();
    orders(session, &ids, &mut known).await?;
    let keys = drafts
        .iter()
        .filter_map(|d| Some((d.order.user.id, d.key?)));
    keys_of(session, &keys.collect::<Vec<_>>(), &mut known).await?;
    Ok(known)
}

/// The orders that these purchases have become; purchases without one are left out.
///
/// # Errors
/// When the database fails.
pub async fn records(
    session: &mut MySqlConnection,
    keys: &[RecordKey],
) -> sqlx::Result<HashMap<RecordKey, OrderId>> {
    let mut found = HashMap::new();
    for keys in keys.chunks(TERMS_MAX) {
        let keys = padded(keys);
        let term = "(seckill_id = ? AND user_id = ? AND product_id = ?)";
        let sql = format!(
            "SELECT seckill_id, user_id, product_id, order_id FROM idempotency_records WHERE {}",
            vec![term; keys.len()].join(" OR ")
        );
        let mut query = sqlx::query(assembled(sql));
        for key in &keys {
            query = query
                .bind(key.seckill_id.as_str())
                .bind(key.user.get())
                .bind(key.product.0);
        }
        for row in query.fetch_all(&mut *session).await? {
            let key = RecordKey {
                seckill_id: row.try_get(0)?,
                user: UserId::new(row.try_get(1)?),
                product: ProductId(row.try_get(2)?),
            };
            if let Some(order) = OrderId::new(row.try_get(3)?) {
                found.insert(key, order);
            }
        }
    }
    Ok(found)
}

async fn orders(session: &mut MySqlConnection, ids: &[u64], known: &mut Known) -> sqlx::Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let ids = padded(ids);
    let sql = format!(
        "SELECT id, user_id, request_hash, created_at FROM t_order WHERE id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(id);
    }
    for row in query.fetch_all(session).await? {
        let payload: Option<Vec<u8>> = row.try_get(2)?;
        let stored = Stored {
            user: UserId::new(row.try_get(1)?),
            payload: payload.and_then(|bytes| bytes.try_into().ok()),
            created_at: row.try_get(3)?,
        };
        if let Some(id) = OrderId::new(row.try_get(0)?) {
            known.orders.insert(id, stored);
        }
    }
    Ok(())
}

async fn keys_of(
    session: &mut MySqlConnection,
    keys: &[(UserId, [u8; 16])],
    known: &mut Known,
) -> sqlx::Result<()> {
    for keys in keys.chunks(TERMS_MAX) {
        let keys = padded(keys);
        let term = "(user_id = ? AND idempotency_key = ?)";
        let sql = format!(
            "SELECT user_id, idempotency_key, id FROM t_order WHERE {}",
            vec![term; keys.len()].join(" OR ")
        );
        let mut query = sqlx::query(assembled(sql));
        for (user, key) in &keys {
            query = query.bind(user.get()).bind(&key[..]);
        }
        for row in query.fetch_all(&mut *session).await? {
            let key: Vec<u8> = row.try_get(1)?;
            let order = OrderId::new(row.try_get(2)?);
            if let (Ok(key), Some(order)) = (key.try_into(), order) {
                known
                    .keys
                    .insert((UserId::new(row.try_get(0)?), key), order);
            }
        }
    }
    Ok(())
}
