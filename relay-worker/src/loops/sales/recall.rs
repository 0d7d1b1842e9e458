//! Restores a running flash sale that Redis lost, from the databases: first buyers and intents, then the stock, last
//! the facts. Nothing is sold until all of it is there. Purchases that were accepted just before the loss and are in no
//! database are lost: their units are free and their buyers may buy again.

use super::watch::Running;
use super::{Over, Sales};
use crate::clients::database::Database;
use crate::limits::{ROUND_TIMEOUT_MS, STATEMENT_ROWS_MAX};
use crate::loops::failures::MessageSource;
use crate::loops::intake::take_in::read_raw;
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::sync::{News, sync};
use crate::process::outage::within;
use anyhow::{Context, ensure};
use contract::api::failure::FailureStatus;
use contract::store::call::{Call, Holder};
use contract::store::redis::{
    SECKILL_PRODUCTS, Script, reserved, seckill, seckill_buyers, seckills, stock,
};
use contract::wire::intake::Intake;
use domain::{OrderId, SeckillId, SkuId, Status, UserId};
use sqlx::Row as _;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

const ADOPT: Script = Script {
    name: "adopt",
    text: include_str!("adopt.lua"),
};

const REOPEN: Script = Script {
    name: "reopen",
    text: include_str!("reopen.lua"),
};

/// Purchases per call of the script, which blocks all of Redis while it runs.
const ADOPTED_MAX: usize = 250;

const BOUGHT: &str = "SELECT r.user_id, r.order_id, o.status, i.quantity FROM idempotency_records r \
     JOIN t_order o ON o.id = r.order_id \
     JOIN t_order_item i ON i.order_id = r.order_id AND i.product_id = r.product_id AND i.sku_id = ? \
     WHERE r.seckill_id = ? AND r.user_id > ? ORDER BY r.user_id LIMIT ?";

/// Accepted purchases that will be retried: they keep their reserved units.
const RETRIED: &str = "SELECT id, message_data FROM order_failures \
     WHERE seckill_id = ? AND status IN (?, ?) AND source = ? AND id > ? ORDER BY id LIMIT ?";
const RETRIED_ROWS: usize = 100;

/// A purchase, and its units that the database has not locked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bought {
    user: UserId,
    order: OrderId,
    promised: u32,
    /// No order yet: its message owns the intent.
    has_message: bool,
}

impl Sales {
    /// Restores the sale in Redis; it stays closed until every step has succeeded.
    ///
    /// # Errors
    /// When a server is away, or Redis lost the sale once more meanwhile; it stays closed then.
    pub async fn recall(&self, sale: &Running) -> anyhow::Result<()> {
        let id = sale.facts.id;
        let mark = format!("{:016x}", RandomState::new().hash_one(id));
        let mut connection = self.redis.connection();
        let begun = redis::cmd("HSET")
            .arg(seckill(id))
            .arg(&["status", "lost", "recall", &mark])
            .to_owned();
        begun
            .query_async::<()>(&mut connection)
            .await
            .context("Redis")?;
        let mut promised = self.retried(sale).await?;
        for shard in &self.databases.shards {
            let found = self.bought(sale, shard).await;
            promised += found.with_context(|| shard.name.clone())?;
        }
        self.stock(sale).await?;
        let registered = redis::cmd("ZADD")
            .arg(SECKILL_PRODUCTS)
            .arg("GT")
            .arg(sale.facts.ends_at)
            .arg(id.product.0)
            .to_owned();
        registered
            .query_async::<()>(&mut connection)
            .await
            .context("Redis")?;
        let reopen = Call::new(&REOPEN, [seckill(id), seckills(id.product)])
            .text(mark)
            .text(sale.status())
            .args(sale.facts.arguments());
        let opened: Vec<u8> = self.redis.run(&[reopen]).await?;
        ensure!(opened == [1], "flash sale {id} was lost once more");
        tracing::warn!(seckill_id = %id, promised, "a flash sale that Redis had lost goes on");
        Ok(())
    }

    /// Adopts failures that will be retried; returns how many intents were added.
    async fn retried(&self, sale: &Running) -> anyhow::Result<usize> {
        let (mut after, mut promised) = (0, 0);
        loop {
            let (bought, next) = self.retried_page(sale.facts.id, after).await?;
            promised += self.adopt(sale, &bought).await?;
            match next {
                Some(next) => after = next,
                None => return Ok(promised),
            }
        }
    }

    /// Adopts the purchases of a shard; returns how many intents were added.
    async fn bought(&self, sale: &Running, shard: &Database) -> anyhow::Result<usize> {
        let (mut after, mut promised) = (0, 0);
        loop {
            let page = async {
                let (bought, next) = self
                    .bought_page(sale.facts.id, sale.facts.sale_sku(), shard, after)
                    .await?;
                anyhow::Ok((self.adopt(sale, &bought).await?, next))
            };
            let (some, next) = within(ROUND_TIMEOUT_MS, "bringing back a flash sale", page).await?;
            promised += some;
            match next {
                Some(next) => after = next,
                None => return Ok(promised),
            }
        }
    }

    /// Whether the database still has to lock units for purchases of the sale; used where Redis does not know.
    ///
    /// # Errors
    /// When a database is away.
    pub(super) async fn is_owed(&self, sale: &Over) -> anyhow::Result<bool> {
        let owed = |bought: &[Bought]| bought.iter().any(|one| one.promised > 0);
        let mut after = Some(0);
        while let Some(from) = after {
            let (bought, next) = self.retried_page(sale.id, from).await?;
            if owed(&bought) {
                return Ok(true);
            }
            after = next;
        }
        for shard in &self.databases.shards {
            let mut after = Some(0);
            while let Some(from) = after {
                let (bought, next) = self
                    .bought_page(sale.id, sale.sale_sku(), shard, from)
                    .await?;
                if owed(&bought) {
                    return Ok(true);
                }
                after = next;
            }
        }
        Ok(false)
    }

    /// A page of failures that will be retried, and where the next one begins.
    async fn retried_page(
        &self,
        id: SeckillId,
        after: u64,
    ) -> anyhow::Result<(Vec<Bought>, Option<u64>)> {
        let rows = sqlx::query(RETRIED)
            .bind(id.to_string())
            .bind(FailureStatus::Pending.code())
            .bind(FailureStatus::Processing.code())
            .bind(MessageSource::Intake.name())
            .bind(after)
            .bind(RETRIED_ROWS as u32)
            .fetch_all(&self.databases.inventory.pool)
            .await?;
        let (mut bought, mut last) = (Vec::with_capacity(rows.len()), None);
        for row in &rows {
            last = Some(row.try_get(0)?);
            let raw: Vec<u8> = row.try_get(1)?;
            // What an unreadable message had reserved is unknown.
            if let Ok(Intake::Purchase(purchase)) = read_raw(&raw)
                && purchase.sale() == Some(id)
            {
                bought.push(Bought {
                    user: purchase.user.id,
                    order: purchase.order,
                    promised: purchase.quantity,
                    has_message: true,
                });
            }
        }
        Ok((bought, last.filter(|_| rows.len() == RETRIED_ROWS)))
    }

    /// A page of a shard's purchases, and where the next one begins. The stock log is read after the orders and before
    /// the stock: an order missing from the log is also missing from the stock, or is counted twice for a moment, but
    /// is never left out.
    async fn bought_page(
        &self,
        id: SeckillId,
        sku: SkuId,
        shard: &Database,
        after: u64,
    ) -> anyhow::Result<(Vec<Bought>, Option<u64>)> {
        let rows = sqlx::query(BOUGHT)
            .bind(sku.0)
            .bind(id.to_string())
            .bind(after)
            .bind(STATEMENT_ROWS_MAX as u32)
            .fetch_all(&shard.pool)
            .await?;
        let mut bought = Vec::with_capacity(rows.len());
        for row in &rows {
            bought.extend(read(row)?);
        }
        let orders: Vec<OrderId> = bought.iter().map(|one| one.order).collect();
        let mut session = self.databases.inventory.pool.acquire().await?;
        let logs = rows::logs(&mut session, &orders, Lock::No).await?;
        drop(session);
        for one in &mut bought {
            if logs.contains_key(&(one.order, id.product, sku)) {
                one.promised = 0;
            }
        }
        let last: Option<u64> = rows.last().map(|row| row.try_get(0)).transpose()?;
        Ok((bought, last.filter(|_| rows.len() == STATEMENT_ROWS_MAX)))
    }

    async fn adopt(&self, sale: &Running, bought: &[Bought]) -> anyhow::Result<usize> {
        let calls: Vec<Call> = bought
            .chunks(ADOPTED_MAX)
            .map(|bought| {
                let keys = [
                    stock(sale.facts.id.product),
                    reserved(sale.facts.id.product),
                    seckill_buyers(sale.facts.id),
                ];
                Call::new(&ADOPT, keys).args(arguments(sale.facts.sale_sku(), bought))
            })
            .collect();
        let promised: Vec<usize> = self.redis.run(&calls).await?;
        Ok(promised.into_iter().sum())
    }

    /// Sends Redis all rows of the product and drops the intent that set the sale's units aside: the rows include it.
    async fn stock(&self, sale: &Running) -> anyhow::Result<()> {
        let (id, sku) = (sale.facts.id, sale.facts.sku);
        let mut session = self.databases.inventory.pool.acquire().await?;
        let rows = rows::inventory(&mut session, &[id.product], Lock::No).await?;
        drop(session);
        ensure!(
            rows.contains_key(&(id.product, sale.facts.sale_sku())),
            "flash sale {id} is open and has no units"
        );
        let news = News {
            rows: rows.into_values().collect(),
            settled: vec![(Holder::Sale(id.number), sku)],
        };
        sync(&self.redis, &BTreeMap::from([(id.product, news)])).await?;
        Ok(())
    }
}

/// Reads a row of `BOUGHT`. A cancelled purchase holds no units, but stays its buyer's only one.
fn read(row: &sqlx::mysql::MySqlRow) -> anyhow::Result<Option<Bought>> {
    let (user, order): (u64, u64) = (row.try_get(0)?, row.try_get(1)?);
    let (status, quantity): (u8, u32) = (row.try_get(2)?, row.try_get(3)?);
    let stands = Status::from_code(status).is_some_and(Status::is_standing);
    Ok(OrderId::new(order).map(|order| Bought {
        user: UserId::new(user),
        order,
        promised: if stands { quantity } else { 0 },
        has_message: false,
    }))
}

fn arguments(sku: SkuId, bought: &[Bought]) -> Vec<String> {
    let mut arguments = Vec::with_capacity(1 + 4 * bought.len());
    arguments.push(sku.0.to_string());
    for one in bought {
        arguments.extend([
            one.user.get().to_string(),
            one.order.to_string(),
            one.promised.to_string(),
            if one.has_message { ":q" } else { "" }.to_owned(),
        ]);
    }
    arguments
}
