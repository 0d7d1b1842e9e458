//! Redis against the catalogue: an entry that Redis has is the database's.

use super::finding::{Finding, Wrong};
use crate::clients::database::{Databases, assembled, padded};
use crate::clients::redis::Redis;
use anyhow::Context;
use contract::store::redis::product;
use contract::store::sql::placeholders;
use domain::ProductId;
use sqlx::Row as _;
use std::collections::HashMap;

/// Products read at once.
const PRODUCTS: u32 = 500;
/// Fields of an entry, in the order of [`Shown`].
const FIELDS: [&str; 6] = ["updated_at", "price", "status", "mode", "name", "image"];

/// An entry as text: an image that is absent is empty.
type Shown = [String; 6];

/// Checks every product. One that is not in Redis is not wrong.
///
/// # Errors
/// Where the inventory database or Redis is away.
pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    let mut shown = Finding::new("1 Redis' catalogue is the database's");
    let mut after = 0_u64;
    loop {
        let ids: Vec<u64> =
            sqlx::query_scalar("SELECT id FROM products WHERE id > ? ORDER BY id LIMIT ?")
                .bind(after)
                .bind(PRODUCTS)
                .fetch_all(&databases.inventory.pool)
                .await?;
        let Some(last) = ids.last() else {
            return Ok(vec![shown]);
        };
        after = *last;
        // Redis first: the database is changed first.
        let cached = cached(redis, &ids).await?;
        let stored = stored(databases, &ids).await?;
        for (id, cached) in ids.into_iter().zip(cached) {
            shown.note(differs(id, cached, stored.get(&id)));
        }
    }
}

async fn cached(redis: &Redis, ids: &[u64]) -> anyhow::Result<Vec<Vec<Option<String>>>> {
    let mut pipeline = ::redis::pipe();
    for id in ids {
        pipeline.hmget(product(ProductId(*id)), &FIELDS);
    }
    let mut connection = redis.connection();
    pipeline.query_async(&mut connection).await.context("Redis")
}

async fn stored(databases: &Databases, ids: &[u64]) -> anyhow::Result<HashMap<u64, Shown>> {
    let ids = padded(ids);
    let sql = format!(
        "SELECT id, CAST(updated_at AS CHAR), CAST(price AS CHAR), CAST(status AS CHAR), CAST(stock_mode AS CHAR), name, \
         COALESCE(image, '') FROM products WHERE id IN ({})",
        placeholders(ids.len())
    );
    let mut query = sqlx::query(assembled(sql));
    for id in &ids {
        query = query.bind(id);
    }
    let mut stored = HashMap::new();
    for row in query.fetch_all(&databases.inventory.pool).await? {
        let mut shown = Shown::default();
        for (at, field) in shown.iter_mut().enumerate() {
            *field = row.try_get(at + 1)?;
        }
        stored.insert(row.try_get(0)?, shown);
    }
    Ok(stored)
}

fn differs(id: u64, cached: Vec<Option<String>>, stored: Option<&Shown>) -> Option<Wrong> {
    // Without a time there is no entry.
    cached.first()?.as_ref()?;
    let cached: Vec<String> = cached.into_iter().map(Option::unwrap_or_default).collect();
    let same = stored.is_some_and(|stored| *stored == *cached);
    (!same).then(|| {
        let text = format!("product {id}: {cached:?}, database {stored:?}");
        Wrong::new((id, cached), text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_rows_or_wrong() {
        let row = ["5", "950", "1", "0", "Cup", ""].map(str::to_owned);
        let entry = |fields: [&str; 5]| -> Vec<Option<String>> {
            let fields = fields.map(|field| Some(field.to_owned()));
            fields.into_iter().chain([None]).collect()
        };
        let good = entry(["5", "950", "1", "0", "Cup"]);
        assert_eq!(differs(1, good.clone(), Some(&row)), None);
        assert_eq!(differs(1, vec![None; 6], Some(&row)), None);
        for other in [
            entry(["4", "950", "1", "0", "Cup"]),
            entry(["5", "951", "1", "0", "Cup"]),
            entry(["5", "950", "0", "0", "Cup"]),
            entry(["5", "950", "1", "0", "Mug"]),
        ] {
            assert!(differs(1, other.clone(), Some(&row)).is_some(), "{other:?}");
        }
        assert!(differs(1, good, None).is_some());
    }
}
