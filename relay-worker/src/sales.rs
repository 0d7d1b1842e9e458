//! Flash sales at their end: closed in Redis and the database, and what is unsold goes back to the ordinary stock, also
//! what is cancelled later. Each step may be repeated, by any number of relays.

pub mod close;
pub mod give_back;

use crate::database::Databases;
use crate::limits::{ROUND_TIMEOUT_MS, SALES_EVERY_MS, SALES_LATE_EVERY_MS, SALES_RECENT_MS};
use crate::outage::{Outage, within};
use crate::redis::{Call, Redis};
use crate::shutdown::Shutdown;
use contract::redis::{SECKILL_CLOSE, seckill, seckill_buyers, stock};
use domain::limits::SECKILL_REMEMBERED_MS;
use domain::{Ms, ProductId, SeckillId, SkuId};
use sqlx::Row as _;
use std::time::Duration;
use tokio::time::Instant;

pub struct Sales {
    pub databases: Databases,
    pub redis: Redis,
}

/// An activity that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    pub id: SeckillId,
    /// The ordinary sku its units came from.
    pub sku: SkuId,
}

impl Over {
    /// From `id, product_id, sku_id`.
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
    pub async fn run(self, mut shutdown: Shutdown) {
        let mut outage = Outage::new("ends of flash sales");
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
            let pause =
                match within(ROUND_TIMEOUT_MS, "ends of flash sales", self.round(since)).await {
                    Ok(()) => {
                        outage.over();
                        if all {
                            late = Instant::now() + Duration::from_millis(SALES_LATE_EVERY_MS);
                        }
                        Duration::from_millis(SALES_EVERY_MS)
                    }
                    Err(error) => outage.failed(&error),
                };
            shutdown.pause(pause).await;
        }
    }

    async fn round(&self, since: impl Fn(Ms) -> Ms) -> anyhow::Result<()> {
        let now = crate::clock::now_ms();
        self.close(now).await?;
        self.give_back(since(now), now).await
    }

    /// Ends these sales in Redis; per sale, units promised to purchases that the database does not have yet.
    async fn promised(&self, sales: &[Over]) -> anyhow::Result<Vec<i64>> {
        let calls: Vec<Call> = sales
            .iter()
            .map(|sale| Call {
                keys: vec![
                    seckill(sale.id),
                    stock(sale.id.product),
                    seckill_buyers(sale.id),
                ],
                arguments: vec![
                    sale.sale_sku().0.to_string(),
                    SECKILL_REMEMBERED_MS.to_string(),
                ],
            })
            .collect();
        self.redis.run(&SECKILL_CLOSE, &calls).await
    }
}
