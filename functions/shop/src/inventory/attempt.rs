//! What attempts to take units have in common: stock changes and holds reserve them in Redis, where orders are decided,
//! before the database takes them (docs/decisions/0018).

use crate::catalogue;
use contract::store::call::Holder;
use contract::store::call::stock as call;
use domain::backoff::stock_spin_ms;
use domain::limits::{INSERT_DEADLINE_MS, STOCK_CHANGE_ENDED_MS};
use domain::{ProductId, Rejection, SkuId};
use guest::Fault;
use guest::mysql::Db;
use guest::redis::Redis;
use std::time::{Duration, Instant};

/// Loads of the stock into Redis after which units that are still not there are refused.
const LOADS_MAX: u32 = 1;

/// Waits between tries that meet locks; none begins past the deadline of an insert.
pub fn waits() -> impl Iterator<Item = Duration> {
    let ends = Instant::now() + Duration::from_millis(INSERT_DEADLINE_MS);
    let all = (0..).map_while(stock_spin_ms).map(Duration::from_millis);
    all.take_while(move |wait| Instant::now() + *wait < ends)
}

/// Units to be taken in Redis.
pub struct Taking<'a> {
    /// Where orders are decided.
    pub redis: &'a Redis,
    /// From which the stock is loaded where Redis lacks it.
    pub db: Db<'a>,
    /// Whose units.
    pub product: ProductId,
    /// Ordinary.
    pub sku: SkuId,
    /// The stock change or the hold; one attempt of it at a time.
    pub holder: Holder,
    /// From 1.
    pub units: u32,
}

impl Taking<'_> {
    /// Reserves the units; gives the intent.
    ///
    /// # Errors
    /// Where units are short, another attempt is under way, or a server is away.
    pub async fn take(&self) -> Result<String, Fault> {
        let (product, sku) = (self.product, self.sku);
        let take = call::take(product, self.holder, sku, self.units, STOCK_CHANGE_ENDED_MS);
        let mut loads = 0;
        loop {
            let answer = self.redis.call(&take).await?;
            match answer.text(0).as_deref() {
                Some("ok") => {
                    let intent = answer.text(1);
                    return intent.ok_or_else(|| Fault::Internal("take gave none".to_owned()));
                }
                Some("busy") => return Err(Rejection::InProgress.into()),
                // Redis may be behind the database, too: a request that added units may have died between the two.
                Some("short" | "unloaded") if loads < LOADS_MAX => {
                    loads += 1;
                    catalogue::load_stock(self.redis, self.db, product, &[]).await?;
                }
                Some("short") => {
                    return Err(Rejection::StockInsufficient { product, sku }.into());
                }
                // Loaded and gone again: Redis evicts what it was just given.
                Some("unloaded") => {
                    return Err(Fault::Unavailable {
                        backend: "redis",
                        reason: format!("product {} does not stay loaded", product.0),
                    });
                }
                _ => return Err(Fault::Internal(format!("take answered {answer:?}"))),
            }
        }
    }

    /// Releases what this attempt has reserved, unless a later one has taken it over. Where that fails, the sweep does
    /// it.
    pub async fn put_back(&self, intent: &str, trace_id: &str) {
        let put_back = call::put_back(self.product, self.holder, self.sku, intent);
        if let Err(fault) = self.redis.call(&put_back).await {
            guest::http::log(&fault, trace_id);
        }
    }
}
