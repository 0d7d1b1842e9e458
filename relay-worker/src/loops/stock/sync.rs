//! Sends Redis the database's stock of products, and which intents that includes.

use super::Variant;
use super::message::StockMove;
use crate::clients::redis::Redis;
use contract::store::call::stock::Row;
use contract::store::call::{self, Call, Holder};
use domain::stock::Inventory;
use domain::{ProductId, SkuId, StockMode};
use std::collections::{BTreeMap, HashMap};

/// Intents settled per call: a script blocks all of Redis while it runs.
const SETTLED_MAX: usize = 500;

/// What Redis has to know of one product.
#[derive(Debug, Default)]
pub struct News {
    /// Stock rows as the database has them; Redis ignores those older than its own.
    pub rows: Vec<Inventory>,
    /// Intents that the rows include: Redis drops them.
    pub settled: Vec<(Holder, SkuId)>,
}

/// Groups a batch's outcome by product. Intents of lines without a stock row are settled too: they hold nothing.
pub fn news(moves: &[StockMove], stock: &HashMap<Variant, Inventory>) -> BTreeMap<ProductId, News> {
    let mut news: BTreeMap<ProductId, News> = BTreeMap::new();
    for row in stock.values() {
        news.entry(row.product).or_default().rows.push(*row);
    }
    for one in moves {
        for line in one
            .lines
            .iter()
            .filter(|line| line.mode == StockMode::Redis)
        {
            let settled = &mut news.entry(line.product).or_default().settled;
            settled.push((Holder::Order(one.order), line.sku));
        }
    }
    news
}

/// Sends stock and settled intents to Redis; returns how many intents were dropped.
///
/// # Errors
/// When Redis is away; all of it may be sent again.
pub async fn sync(redis: &Redis, news: &BTreeMap<ProductId, News>) -> anyhow::Result<usize> {
    let calls: Vec<Call> = news.iter().flat_map(calls).collect();
    let settled: Vec<usize> = redis.run(&calls).await?;
    Ok(settled.into_iter().sum())
}

fn calls((product, news): (&ProductId, &News)) -> Vec<Call<'static>> {
    let row = |row: &Inventory| Row {
        sku: row.sku,
        available: row.available.into(),
        version: row.version,
    };
    let rows: Vec<Row> = news.rows.iter().map(row).collect();
    if news.settled.is_empty() {
        return vec![call::stock::sync(*product, &rows, &[])];
    }
    let chunks = news.settled.chunks(SETTLED_MAX);
    chunks
        .map(|settled| call::stock::sync(*product, &rows, settled))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loops::stock::message::Line;
    use domain::stock::StockEffect;
    use domain::{OrderId, UserId};

    #[test]
    fn each_product_hears_its_own() {
        let order = OrderId::compose(4096, UserId::new(1).gene()).unwrap();
        let line = |product, mode| Line {
            product: ProductId(product),
            sku: SkuId(3),
            quantity: 1,
            mode,
        };
        let moves = [StockMove {
            message_id: "m".to_owned(),
            order,
            effect: StockEffect::Reserve,
            lines: vec![line(1, StockMode::Redis), line(2, StockMode::Db)],
        }];
        let row = Inventory {
            product: ProductId(1),
            sku: SkuId(3),
            available: 4,
            locked: 1,
            sold: 0,
            version: 9,
        };
        let news = news(&moves, &HashMap::from([((row.product, row.sku), row)]));
        assert_eq!(news.len(), 1, "lines kept in the database leave no intent");
        let calls = calls((&ProductId(1), &news[&ProductId(1)]));
        assert_eq!(calls[0].keys, ["{p1}:stock", "{p1}:reserved"]);
        assert_eq!(
            calls[0].arguments,
            ["1", "3", "4", "9", &order.to_string(), "3"]
        );
    }
}
