//! The buyers of flash sales in Redis against the records in the shards.

use super::finding::{Finding, Wrong};
use super::lookup::retried;
use crate::clients::database::{Databases, assembled, padded};
use crate::clients::redis::Redis;
use anyhow::Context;
use contract::store::redis::{reserved, seckill_buyers};
use contract::store::sql::placeholders;
use domain::seckill::SeckillStatus;
use domain::{OrderId, ProductId, SeckillId, SkuId, UserId};
use sqlx::Row as _;
use std::collections::HashMap;

/// Buyers read at once, about.
const STEP: usize = 500;
/// Activities read at once.
const SALES: u32 = 200;

/// A page of the activities that were preheated. Redis forgets a sale some time after its end; then it has no buyers.
const PREHEATED: &str = "SELECT id, product_id, sku_id FROM seckill_activity WHERE status <> ? AND id > ? ORDER BY id LIMIT ?";

struct Sale {
    id: SeckillId,
    sku: SkuId,
}

type Buyer = (UserId, OrderId);

/// Checks that every buyer has one order, the recorded one.
///
/// # Errors
/// Where a database or Redis is away.
pub async fn check(databases: &Databases, redis: &Redis) -> anyhow::Result<Vec<Finding>> {
    let mut bought = Finding::new("3 every buyer of a flash sale has one order, the recorded one");
    let mut after = 0u64;
    loop {
        let rows = sqlx::query(PREHEATED)
            .bind(SeckillStatus::Planned.code())
            .bind(after)
            .bind(SALES)
            .fetch_all(&databases.inventory.pool)
            .await?;
        for row in &rows {
            after = row.try_get(0)?;
            let sku = SkuId(row.try_get(2)?);
            let Ok(number) = u32::try_from(after) else {
                continue;
            };
            let sale = Sale {
                id: SeckillId {
                    product: ProductId(row.try_get(1)?),
                    number,
                },
                sku: sku.of_sale(number),
            };
            of_sale(databases, redis, &sale, &mut bought).await?;
        }
        if rows.len() < SALES as usize {
            return Ok(vec![bought]);
        }
    }
}

async fn of_sale(
    databases: &Databases,
    redis: &Redis,
    sale: &Sale,
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let mut cursor = 0u64;
    loop {
        let (next, step): (u64, Vec<(u64, u64)>) = ::redis::cmd("HSCAN")
            .arg(seckill_buyers(sale.id))
            .arg(cursor)
            .arg("COUNT")
            .arg(STEP)
            .query_async(&mut redis.connection())
            .await
            .context("Redis")?;
        let buyers: Vec<Buyer> = step
            .into_iter()
            .filter_map(|(user, order)| Some((UserId::new(user), OrderId::new(order)?)))
            .collect();
        if !buyers.is_empty() {
            compare(databases, redis, sale, &buyers, finding).await?;
        }
        if next == 0 {
            return Ok(());
        }
        cursor = next;
    }
}

/// A purchase without a record still has its reservation in Redis, or is a failure that is retried. Reservations are
/// read first: they end after the record is written.
async fn compare(
    databases: &Databases,
    redis: &Redis,
    sale: &Sale,
    buyers: &[Buyer],
    finding: &mut Finding,
) -> anyhow::Result<()> {
    let mut pipeline = ::redis::pipe();
    for (_, order) in buyers {
        let field = format!("{order}:{}", sale.sku.0);
        pipeline.hexists(reserved(sale.id.product), field);
    }
    let promised: Vec<bool> = pipeline
        .query_async(&mut redis.connection())
        .await
        .context("Redis")?;
    let recorded = recorded(databases, sale.id, buyers).await?;
    let missing = buyers
        .iter()
        .filter(|(user, _)| !recorded.contains_key(user));
    let missing: Vec<OrderId> = missing.map(|(_, order)| *order).collect();
    let retried = retried(databases, &missing).await?;
    for ((user, order), promised) in buyers.iter().zip(promised) {
        let record = recorded.get(user);
        let good = match record {
            Some(recorded) => recorded == order,
            None => promised || retried.contains(order),
        };
        finding.note((!good).then(|| {
            let record = record.map_or("none".to_owned(), |order| order.to_string());
            let (sale, user) = (sale.id, user.get());
            let text = format!("sale {sale}, buyer {user}: order {order}, recorded {record}");
            Wrong::new((sale.number, user, order), text)
        }));
    }
    Ok(())
}

/// The recorded orders of these users.
async fn recorded(
    databases: &Databases,
    sale: SeckillId,
    buyers: &[Buyer],
) -> anyhow::Result<HashMap<UserId, OrderId>> {
    let mut found = HashMap::new();
    let users = buyers.iter().map(|(user, _)| *user);
    for (shard, users) in databases.by_gene(users, |user| user.gene()) {
        let shard = &databases.shards[shard];
        let users = padded(&users);
        let sql = format!(
            "SELECT user_id, order_id FROM idempotency_records WHERE seckill_id = ? AND product_id = ? AND user_id IN ({})",
            placeholders(users.len())
        );
        let mut query = sqlx::query(assembled(sql))
            .bind(sale.to_string())
            .bind(sale.product.0);
        for user in &users {
            query = query.bind(user.get());
        }
        let rows = query.fetch_all(&shard.pool).await;
        for row in rows.with_context(|| shard.name.clone())? {
            let user = UserId::new(row.try_get(0)?);
            found.extend(OrderId::new(row.try_get(1)?).map(|order| (user, order)));
        }
    }
    Ok(found)
}
