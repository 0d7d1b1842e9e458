//! Operates flash sales: restores those that Redis lost, stops them while their product is off sale, closes them in
//! Redis and the database, and returns unsold units to the ordinary stock, also those cancelled later. Each step is
//! idempotent, so any number of relays may run it, and a faulty sale does not delay the others.

pub mod care;
pub mod close;
pub mod give_back;
pub mod recall;
pub mod watch;

use crate::clients::database::{Databases, assembled};
use crate::clients::redis::Redis;
use crate::limits::{ROUND_TIMEOUT_MS, SALES_EVERY_MS, SALES_LATE_EVERY_MS, SALES_RECENT_MS};
use crate::process::outage::{Outage, within};
use crate::process::shutdown::Shutdown;
use care::{Care, Task};
use contract::store::call::{self, Call};
use contract::store::sql::NOW_MS;
use domain::limits::SECKILL_REMEMBERED_MS;
use domain::{Ms, ProductId, SeckillId, SkuId};
use sqlx::Row as _;
use std::time::Duration;
use tokio::time::Instant;

/// The flash-sale loop.
pub struct Sales {
    /// Inventory for activities and stock; shards for the purchases.
    pub databases: Databases,
    /// Holds the facts, buyers and intents of each sale.
    pub redis: Redis,
}

/// An activity whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// Its product and number.
    pub id: SeckillId,
    /// The ordinary sku its units came from.
    pub sku: SkuId,
}

impl Over {
    /// Columns: `id, product_id, sku_id`.
    fn read(row: &sqlx::mysql::MySqlRow) -> anyhow::Result<Over> {
        let number: u64 = row.try_get(0)?;
        let id = SeckillId {
            product: ProductId(row.try_get(1)?),
            number: u32::try_from(number)?,
        };
        Ok(Over {
            id,
            sku: SkuId(row.try_get(2)?),
        })
    }

    /// The sale's own sku.
    pub fn sale_sku(&self) -> SkuId {
        self.sku.of_sale(self.id.number)
    }
}

impl Sales {
    /// Runs until shutdown. Sales that ended longer ago than `SALES_RECENT_MS` are checked less often.
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("flash sales");
        let mut care = Care::default();
        let mut late = Instant::now();
        while !shutdown.requested() {
            // What is cancelled long after the end can wait a little.
            let all = Instant::now() >= late;
            let since = |now: Ms| {
                if all {
                    0
                } else {
                    now.saturating_sub(SALES_RECENT_MS)
                }
            };
            let round = self.round(&mut care, since);
            let pause = match within(ROUND_TIMEOUT_MS, "flash sales", round).await {
                Ok(()) => {
                    outage.over();
                    if all {
                        late = Instant::now() + Duration::from_millis(SALES_LATE_EVERY_MS);
                    }
                    Duration::from_millis(SALES_EVERY_MS)
                }
                Err(error) => outage.failed(&error),
            };
            for sale in care.to_recall() {
                if shutdown.requested() {
                    return;
                }
                let recalled = self.recall(&sale).await;
                care.ended(Task::Recall, sale.facts.id.number.into(), recalled);
            }
            shutdown.pause(pause).await;
        }
    }

    /// One round. A part that fails does not stop the others.
    async fn round(&self, care: &mut Care, since: impl Fn(Ms) -> Ms) -> anyhow::Result<()> {
        care.forget_old();
        // The inventory database decides when a sale is over: relays may disagree about the time.
        let now: i64 = sqlx::query_scalar(assembled(format!("SELECT {NOW_MS}")))
            .fetch_one(&self.databases.inventory.pool)
            .await?;
        let now = now.unsigned_abs();
        let watched = self.watch(care, now).await;
        let closed = self.close(care, now).await;
        let given_back = self.give_back(care, since(now), now).await;
        closed.and(watched).and(given_back)
    }

    /// Closes these sales in Redis. Per sale: units reserved for purchases that the database has not applied yet, -1
    /// where Redis does not know, or the sale's error.
    ///
    /// # Errors
    /// When Redis is away.
    async fn promised(&self, sales: &[Over]) -> anyhow::Result<Vec<anyhow::Result<i64>>> {
        let calls: Vec<Call> = sales
            .iter()
            .map(|sale| call::sale::close(sale.id, sale.sale_sku(), SECKILL_REMEMBERED_MS))
            .collect();
        self.redis.run_each(&calls).await
    }
}
