//! The stock as other systems see, hold and sell it (docs/decisions/0020): a hold takes units before there is an order,
//! a line of an order then sells or gives back held units, once.

mod attempt;
mod hold;
mod own;
mod settle;
pub mod shown;
mod statement;

use contract::api::idempotency_key;
use contract::api::inventory::{HoldDraft, Variant};
use domain::hold::{Line, Move};
use domain::{Ms, Order, Rejection};
use guest::Fault;
use guest::config::Config;
use guest::mysql::Db;
use guest::redis::Redis;
use shown::SkuStock;

pub use attempt::{Taking, waits};

/// The stock, for one request.
#[derive(Clone, Copy)]
pub struct Inventory<'a> {
    /// Where Redis and the databases are, and how long units are held.
    pub config: &'a Config,
    /// Of the request, for the log.
    pub trace_id: &'a str,
}

impl<'a> Inventory<'a> {
    fn db(&self) -> Db<'a> {
        Db::at(&self.config.inventory_url)
    }

    async fn redis(&self) -> Result<Redis, Fault> {
        Redis::open(&self.config.redis_url).await
    }

    /// Units that can be ordered or held now, and those that are reserved or held.
    ///
    /// # Errors
    /// Where there is no such variant, or the database is away.
    pub async fn stock(&self, variant: Variant) -> Result<SkuStock, Fault> {
        let Variant { product, sku } = variant;
        let all = shown::of_products(self.config, &[product], self.trace_id).await?;
        let skus = all
            .get(&product)
            .ok_or(Rejection::UnknownProduct(product))?;
        let found = skus.iter().find(|one| one.sku == sku).copied();
        found.ok_or(Rejection::UnknownSku { product, sku }.into())
    }

    /// Holds units. Under a key a repeat holds nothing more; without one, each call is a hold of its own.
    ///
    /// # Errors
    /// Where there is no such variant, it is off sale or short of units, the key was used with another payload, its
    /// hold has expired, or a server is away.
    pub async fn hold(&self, draft: HoldDraft, key: Option<&str>) -> Result<(), Fault> {
        let key = match key {
            Some(key) => idempotency_key::hash(key),
            None => guest::random::bytes()?,
        };
        hold::Hold {
            redis: &self.redis().await?,
            db: self.db(),
            draft,
            key,
            lives_ms: self.config.hold_ms,
            trace_id: self.trace_id,
        }
        .once()
        .await
    }

    /// Sells held units to a line of an order, once per message. `key`: of the hold whose units are meant; without it
    /// they are of any hold. For an order of ours it only says whether the order is paid.
    ///
    /// # Errors
    /// Where so many units are not held, the message has confirmed something else, the line is settled already, our
    /// order is not paid, or a server is away.
    pub async fn confirm(&self, message: &str, line: Line, key: Option<&str>) -> Result<(), Fault> {
        let settle = settle::Settle {
            db: self.db(),
            line,
            message: Some(message),
            key: key.map(idempotency_key::hash),
        };
        self.settle(&settle, domain::hold::confirm_own).await
    }

    /// Gives the units of an order's line back, once: held ones, or sold ones where the line was confirmed. For an
    /// order of ours it only says whether the order is cancelled.
    ///
    /// # Errors
    /// Where so many units are not held, the line was settled with another quantity, our order is not cancelled, or a
    /// server is away.
    pub async fn roll_back(&self, line: Line, key: Option<&str>) -> Result<(), Fault> {
        let settle = settle::Settle {
            db: self.db(),
            line,
            message: None,
            key: key.map(idempotency_key::hash),
        };
        self.settle(&settle, domain::hold::roll_back_own).await
    }

    /// Moves the units in the database, then brings Redis up to date. Until that has worked, by this call or by the
    /// sweep, Redis sells fewer units. Of an order of ours nothing is moved: `of_own` decides.
    async fn settle(
        &self,
        settle: &settle::Settle<'_>,
        of_own: impl FnOnce(&Order, Line) -> Result<(), Rejection>,
    ) -> Result<(), Fault> {
        let line = settle.line;
        if settle.seen().await?.is_empty()
            && let Some(order) = own::find(self.config, &self.redis().await?, line.order).await?
        {
            return of_own(&order, line).map_err(Fault::from);
        }
        if settle.once().await? != Move::None {
            let loaded = async {
                let redis = self.redis().await?;
                crate::catalogue::load_stock(&redis, self.db(), line.product, &[]).await
            };
            if let Err(fault) = loaded.await {
                guest::http::log(&fault, self.trace_id);
            }
        }
        Ok(())
    }
}

/// How long after this moment, by the database's clock, an attempt may still commit.
fn deadline(now: Ms) -> Ms {
    now + domain::limits::INSERT_DEADLINE_MS
}
