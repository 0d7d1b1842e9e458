//! Repairs Redis: intents whose request died, wrong sums of intents, stock and entries that differ from the database's.

use super::Sweep;
use super::catalogue::Listed;
use super::judge::{Disowned, Intent, Shown, intent, judge};
use crate::limits::{SWEEP_INTENTS_MAX, SWEEP_PRODUCTS_MAX};
use crate::loops::stock::rows::{self, Lock};
use crate::loops::stock::sync::{News, sync};
use contract::store::call::{Call, Holder};
use contract::store::redis::{Script, reserved, stock};
use domain::limits::ORPHAN_AGE_MS;
use domain::{ProductId, SkuId};
use std::collections::BTreeMap;
use std::time::Instant;

const AUDIT: Script = Script {
    name: "audit",
    text: include_str!("audit.lua"),
};

const BELIEVE: Script = Script {
    name: "believe",
    text: include_str!("believe.lua"),
};

const RELEASE_OLD: Script = Script {
    name: "release_old",
    text: include_str!("release_old.lua"),
};

/// Reply of the script: status, sums corrected, old intents, stock.
type Audit = (String, usize, Vec<String>, Vec<String>);

pub(super) struct Audited {
    pub product: ProductId,
    pub old: Vec<Intent>,
    shown: Shown,
}

impl Sweep {
    /// Checks and repairs the next batch of products.
    ///
    /// # Errors
    /// When a server fails; what was done so far stays.
    pub async fn sweep_promises(&mut self) -> anyhow::Result<()> {
        let rows: Vec<(u64, u64)> =
            sqlx::query_as("SELECT id, updated_at FROM products WHERE id > ? ORDER BY id LIMIT ?")
                .bind(self.products.0)
                .bind(SWEEP_PRODUCTS_MAX)
                .fetch_all(&self.databases.inventory.pool)
                .await?;
        let listed: Vec<Listed> = rows
            .into_iter()
            .map(|(id, at)| (ProductId(id), at))
            .collect();
        let products: Vec<ProductId> = listed.iter().map(|(product, _)| *product).collect();
        let Some(last) = products.last().copied() else {
            self.products = ProductId(0);
            self.went_back = self.went_back.after(false, true);
            return Ok(());
        };
        self.sweep_catalogue(&listed).await?;
        let audited = self.audit(&products).await?;
        let behind = self.settle(audited, &products).await?;
        let ends = products.len() < SWEEP_PRODUCTS_MAX as usize;
        self.went_back = self.went_back.after(behind, ends);
        self.products = if ends { ProductId(0) } else { last };
        Ok(())
    }

    async fn audit(&self, products: &[ProductId]) -> anyhow::Result<Vec<Audited>> {
        let call = |product: &ProductId| {
            Call::new(&AUDIT, [stock(*product), reserved(*product)])
                .arg(ORPHAN_AGE_MS)
                .arg(SWEEP_INTENTS_MAX)
        };
        let calls: Vec<Call> = products.iter().map(call).collect();
        let audits = self.redis.run_each::<Audit>(&calls).await?;
        let mut audited = Vec::new();
        for (product, audit) in products.iter().zip(audits) {
            // An error of one product does not stop the others.
            let (word, corrected, old, flat) = match audit {
                Ok(audit) => audit,
                Err(error) => {
                    tracing::error!(product = product.0, "cannot be looked at: {error:#}");
                    continue;
                }
            };
            if word != "ok" {
                tracing::info!(product = product.0, "too many intents to look at now");
                continue;
            }
            if corrected > 0 {
                self.metrics.sweep_repaired.add(corrected);
                tracing::warn!(
                    product = product.0,
                    "the sum of intents was not true; corrected"
                );
            }
            audited.push(Audited {
                product: *product,
                old: old.iter().filter_map(|field| intent(field)).collect(),
                shown: Shown::read(&flat),
            });
        }
        Ok(audited)
    }

    /// Repairs what the audit found. Returns whether the database is older than what Redis has of it. The log is read
    /// before the stock: what is logged is included in the stock read after it.
    async fn settle(
        &mut self,
        audited: Vec<Audited>,
        products: &[ProductId],
    ) -> anyhow::Result<bool> {
        let mut session = self.databases.inventory.pool.acquire().await?;
        let known = self.holders(&mut session, &audited).await?;
        let stock = rows::inventory(&mut session, products, Lock::No).await?;
        drop(session);

        let mut news: BTreeMap<ProductId, News> = BTreeMap::new();
        let (mut orphans, mut believed) = (Vec::new(), Vec::new());
        for Audited {
            product,
            old,
            shown,
        } in &audited
        {
            let judgement = judge(*product, old, &known);
            let rows = stock.values().filter(|row| row.product == *product);
            let by_sku = rows.clone().map(|row| (row.sku.0, row)).collect();
            believed.extend(believe(*product, &shown.disowned(&by_sku)));
            if !judgement.settled.is_empty() || rows.clone().any(|row| shown.is_behind(row)) {
                let entry = News {
                    rows: rows.copied().collect(),
                    settled: judgement.settled,
                };
                news.insert(*product, entry);
            }
            let looked_at = Instant::now();
            let orphaned = judgement.orphaned.iter();
            let orphaned = orphaned.filter(|(holder, sku)| {
                self.suspects.convict((*product, *holder, *sku), looked_at)
            });
            orphans.extend(orphaned.map(|(holder, sku)| release_old(*product, *holder, *sku)));
        }
        let behind = !believed.is_empty();
        if behind {
            tracing::error!("the inventory database went back to an older state of itself");
        }
        if self.went_back.follows() {
            let taken: Vec<usize> = self.redis.run(&believed).await?;
            self.metrics.sweep_repaired.add(taken.into_iter().sum());
        }
        self.metrics
            .sweep_settled
            .add(sync(&self.redis, &news).await?);
        let released: Vec<usize> = self.redis.run(&orphans).await?;
        let released: usize = released.into_iter().sum();
        if released > 0 {
            self.metrics.sweep_released.add(released);
            tracing::info!(
                intents = released,
                "released: what they were for was never inserted"
            );
        }
        Ok(behind)
    }
}

/// Releases an intent, unless it is young by now: a stock change was tried again.
fn release_old(product: ProductId, holder: Holder, sku: SkuId) -> Call<'static> {
    Call::new(&RELEASE_OLD, [stock(product), reserved(product)])
        .arg(holder)
        .arg(sku.0)
        .arg(ORPHAN_AGE_MS)
}

/// Makes Redis adopt the database's state of these rows; `None` for no rows.
fn believe(product: ProductId, disowned: &[Disowned]) -> Option<Call<'static>> {
    if disowned.is_empty() {
        return None;
    }
    let call = Call::new(&BELIEVE, [stock(product)]);
    let believed = disowned
        .iter()
        .fold(call, |call, Disowned { sku, seen, row }| {
            let (available, version) = match row {
                Some(row) => (row.available.to_string(), row.version.to_string()),
                None => (String::new(), String::new()),
            };
            call.arg(sku.0).arg(seen).text(available).text(version)
        });
    Some(believed)
}
