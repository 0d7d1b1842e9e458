//! Purchases reported by another system: their price must be one of this shop; they get an order id here, and the
//! product's name from the catalogue.

use super::draft::{Draft, RecordKey};
use super::price::{Sale, mismatch, named};
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
use domain::limits::FOREIGN_CLOCK_MS_MAX;
use domain::{Cents, OrderId, ProductId, SeckillId, SkuId, User, UserId};
use sqlx::Row as _;
use sqlx::mysql::MySqlRow;
use std::collections::HashMap;

const SALES: &str = "SELECT id, product_id, price, starts_at, ends_at FROM seckill_activity";

/// A product as the catalogue has it.
struct Goods {
    name: String,
    image: Option<String>,
    price: Cents,
}

/// A message, behind its index in the batch.
type Placed<'a> = (usize, &'a ForeignPurchase);

impl Writer {
    /// Drafts of the new purchases, and the outcomes of the others: already known, of an unknown product, at another
    /// price, or of a shard that is away.
    ///
    /// # Errors
    /// When a server is away.
    pub(super) async fn foreign(
        &self,
        messages: &[Placed<'_>],
    ) -> anyhow::Result<(Vec<Draft>, Vec<(usize, Written)>)> {
        let (fresh, mut settled) = self.fresh(messages).await?;
        let goods = self.goods(&fresh).await?;
        let sales = self.sales(&fresh).await?;
        let mut sold = Vec::with_capacity(fresh.len());
        for (at, message) in fresh {
            match goods_of(message, &goods, &sales) {
                Ok(goods) => sold.push(((at, message), goods)),
                Err(reason) => settled.push((at, Written::Refused(Refusal::now(reason)))),
            }
        }
        let ids = self
            .mint(sold.iter().map(|((_, message), _)| *message))
            .await?;
        let now = now_ms();
        let mut drafts = Vec::with_capacity(sold.len());
        for (((at, message), goods), order) in sold.into_iter().zip(ids) {
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
        let products = products(messages);
        let mut goods = HashMap::new();
        if products.is_empty() {
            return Ok(goods);
        }
        let products = padded(&products);
        let sql = format!(
            "SELECT id, name, image, price FROM products WHERE id IN ({})",
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
                price: cents(row.try_get(3)?)?,
            };
            goods.insert(ProductId(row.try_get(0)?), one);
        }
        Ok(goods)
    }

    /// The flash sales that the messages name, and those of their products that ran at one of their times.
    async fn sales(&self, messages: &[Placed<'_>]) -> anyhow::Result<Vec<Sale>> {
        let products = products(messages);
        let times = || messages.iter().map(|(_, message)| message.at);
        let (Some(first), Some(last)) = (times().min(), times().max()) else {
            return Ok(Vec::new());
        };
        let named = messages.iter().filter_map(|(_, message)| named(message));
        // 0 is no number of a sale.
        let named: Vec<u64> = named.map(|id| u64::from(id.number)).chain([0]).collect();
        let (named, products) = (padded(&named), padded(&products));
        let sql = format!(
            "{SALES} WHERE id IN ({}) UNION {SALES} WHERE product_id IN ({}) AND starts_at <= ? AND ends_at >= ?",
            placeholders(named.len()),
            placeholders(products.len())
        );
        let mut query = sqlx::query(assembled(sql));
        for number in named.iter().chain(&products) {
            query = query.bind(number);
        }
        let query = query
            .bind(last + FOREIGN_CLOCK_MS_MAX)
            .bind(first.saturating_sub(FOREIGN_CLOCK_MS_MAX));
        let rows = query.fetch_all(&self.databases.inventory.pool).await?;
        let sale = |row: MySqlRow| -> anyhow::Result<Sale> {
            Ok(Sale {
                id: SeckillId {
                    product: ProductId(row.try_get(1)?),
                    number: u32::try_from(row.try_get::<u64, _>(0)?)?,
                },
                price: cents(row.try_get(2)?)?,
                starts_at: row.try_get(3)?,
                ends_at: row.try_get(4)?,
            })
        };
        rows.into_iter().map(sale).collect()
    }

    async fn mint(
        &self,
        messages: impl Iterator<Item = &ForeignPurchase>,
    ) -> anyhow::Result<Vec<OrderId>> {
        let genes: Vec<_> = messages
            .map(|message| UserId::new(message.user).gene())
            .collect();
        let calls: Vec<Call> = genes.iter().map(|gene| mint(*gene)).collect();
        let ticks: Vec<u64> = self.redis.run(&calls).await?;
        let ids = ticks.iter().zip(genes).map(|(tick, gene)| {
            OrderId::compose(*tick, gene).with_context(|| format!("Redis minted {tick}"))
        });
        ids.collect()
    }
}

fn products(messages: &[Placed<'_>]) -> Vec<u64> {
    let mut products: Vec<u64> = messages.iter().map(|(_, m)| m.product.0).collect();
    products.sort_unstable();
    products.dedup();
    products
}

/// What a message sold, or why it cannot have: the reason is shown to operators.
fn goods_of<'a>(
    message: &ForeignPurchase,
    goods: &'a HashMap<ProductId, Goods>,
    sales: &[Sale],
) -> Result<&'a Goods, String> {
    let product = message.product;
    let goods = goods
        .get(&product)
        .ok_or_else(|| format!("product {} does not exist", product.0))?;
    mismatch(message, goods.price, sales).map_or(Ok(goods), Err)
}

fn cents(price: i64) -> anyhow::Result<Cents> {
    Cents::new(price).with_context(|| format!("the inventory has a price of {price}"))
}

fn key(message: &ForeignPurchase) -> RecordKey {
    RecordKey {
        seckill_id: message.seckill_id.clone(),
        user: UserId::new(message.user),
        product: message.product,
    }
}
