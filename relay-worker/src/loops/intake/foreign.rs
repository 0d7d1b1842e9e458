//! Purchases reported by another system: they get an order id here, and the product's name from the catalogue.

use super::draft::{Draft, RecordKey};
use super::write::Writer;
use super::{Refusal, Written, lookup};
use crate::clients::database::{assembled, padded};
use crate::process::clock::now_ms;
use anyhow::Context;
use contract::store::call::Call;
use contract::store::call::order::mint;
use contract::store::sql::placeholders;
use contract::wire::intake::Purchase;
use contract::wire::seckill_message::ForeignPurchase;
use domain::{OrderId, ProductId, SkuId, User, UserId};
use sqlx::Row as _;
use std::collections::HashMap;

/// A product as the catalogue has it.
struct Goods {
    name: String,
    image: Option<String>,
}

/// A message, behind its index in the batch.
type Placed<'a> = (usize, &'a ForeignPurchase);

impl Writer {
    /// Drafts of the new purchases, and the outcomes of the others: already known, of an unknown product, or of a shard
    /// that is away.
    ///
    /// # Errors
    /// When a server is away.
    pub(super) async fn foreign(
        &self,
        messages: &[Placed<'_>],
    ) -> anyhow::Result<(Vec<Draft>, Vec<(usize, Written)>)> {
        let (fresh, mut settled) = self.fresh(messages).await?;
        let goods = self.goods(&fresh).await?;
        let (known, unknown): (Vec<_>, Vec<_>) = fresh
            .into_iter()
            .partition(|(_, message)| goods.contains_key(&message.product));
        settled.extend(unknown.into_iter().map(|(at, message)| {
            let reason = format!("product {} does not exist", message.product.0);
            (at, Written::Refused(Refusal::now(reason)))
        }));
        let ids = self.mint(&known).await?;
        let now = now_ms();
        let mut drafts = Vec::with_capacity(known.len());
        for ((at, message), order) in known.into_iter().zip(ids) {
            let Some(goods) = goods.get(&message.product) else {
                continue;
            };
            let purchase = Purchase {
                order,
                user: User {
                    id: UserId::new(message.user),
                    reference: None,
                },
                seckill_id: message.seckill_id.clone(),
                product: message.product,
                sku: SkuId(0),
                quantity: message.quantity,
                price: message.price,
                name: goods.name.clone(),
                image: goods.image.clone(),
                // The order begins here: a late message does not shorten its time to be paid.
                at: now,
                trace_id: None,
            };
            match Draft::purchase(at, &purchase, true) {
                Ok(draft) => drafts.push(draft),
                Err(refusal) => settled.push((at, Written::Refused(refusal))),
            }
        }
        Ok((drafts, settled))
    }

    /// Leaves out purchases that are orders already: a redelivered message gets no second id.
    async fn fresh<'a>(
        &self,
        messages: &[Placed<'a>],
    ) -> anyhow::Result<(Vec<Placed<'a>>, Vec<(usize, Written)>)> {
        let (mut fresh, mut settled) = (Vec::with_capacity(messages.len()), Vec::new());
        let gene = |message: &Placed<'_>| UserId::new(message.1.user).gene();
        for (shard, messages) in self.databases.by_gene(messages.iter().copied(), gene) {
            let keys: Vec<RecordKey> = messages.iter().map(|(_, message)| key(message)).collect();
            let look_up = async {
                let mut session = self.databases.shards[shard].pool.acquire().await?;
                Ok(lookup::records(&mut session, &keys).await?)
            };
            let records = match self.on_shard(shard, "looking up purchases", look_up).await {
                Ok(records) => records,
                Err(reason) => {
                    let away = |(at, _)| (at, Written::Away(reason.clone()));
                    settled.extend(messages.into_iter().map(away));
                    continue;
                }
            };
            for (message, key) in messages.into_iter().zip(keys) {
                match records.get(&key) {
                    Some(order) => settled.push((message.0, Written::Known(*order))),
                    None => fresh.push(message),
                }
            }
        }
        Ok((fresh, settled))
    }

    async fn goods(&self, messages: &[Placed<'_>]) -> anyhow::Result<HashMap<ProductId, Goods>> {
        let mut products: Vec<u64> = messages.iter().map(|(_, m)| m.product.0).collect();
        products.sort_unstable();
        products.dedup();
        let mut goods = HashMap::new();
        if products.is_empty() {
            return Ok(goods);
        }
        let products = padded(&products);
        let sql = format!(
            "SELECT id, name, image FROM products WHERE id IN ({})",
            placeholders(products.len())
        );
        let mut query = sqlx::query(assembled(sql));
        for product in &products {
            query = query.bind(product);
        }
        let rows = query.fetch_all(&self.databases.inventory.pool).await?;
        for row in rows {
            let one = Goods {
                name: row.try_get(1)?,
                image: row.try_get(2)?,
            };
            goods.insert(ProductId(row.try_get(0)?), one);
        }
        Ok(goods)
    }

    async fn mint(&self, messages: &[Placed<'_>]) -> anyhow::Result<Vec<OrderId>> {
        let genes: Vec<_> = messages
            .iter()
            .map(|(_, message)| UserId::new(message.user).gene())
            .collect();
        let calls: Vec<Call> = genes.iter().map(|gene| mint(*gene)).collect();
        let ticks: Vec<u64> = self.redis.run(&calls).await?;
        let ids = ticks.iter().zip(genes).map(|(tick, gene)| {
            OrderId::compose(*tick, gene).with_context(|| format!("Redis minted {tick}"))
        });
        ids.collect()
    }
}

fn key(message: &ForeignPurchase) -> RecordKey {
    RecordKey {
        seckill_id: message.seckill_id.clone(),
        user: UserId::new(message.user),
        product: message.product,
    }
}
