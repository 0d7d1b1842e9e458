//! Pages of orders from the shards, for every function whose path lists. All shards are asked at once, first for ids, then for the page's rows;
//! no session is held while another is waited for.

pub mod filter;
mod merge;
mod statement;

use crate::config::Config;
use crate::mysql::Db;
use crate::shape::Shape;
use crate::{Call, Fault, Reply, config, order_row};
use contract::order::envelope::ORDERS_FOUND;
use contract::order::{
    ApiOrder, ApiOrders, Envelope, EnvelopeOrder, EnvelopeOrders, OrderView, Orders,
};
use contract::page::Page;
use contract::problem::Code;
use domain::limits::TOTAL_COUNT_MAX;
use domain::{Order, OrderId};
use filter::Filter;
use futures::future::try_join_all;
use merge::{Head, Key};
use std::collections::HashMap;

/// Answers a listing: of the user in the path, else in the query, else of everybody.
pub async fn answer(call: &Call, shape: Shape, user: Option<&str>) -> Result<Reply, Fault> {
    let query = |name: &str| call.query(name);
    let page = Page::parse(&query)?;
    let filter = Filter::of_list(user, &query)?;
    let found = find(config::config().await?, &filter, page).await?;
    Ok(reply(shape, found, page)?.fresh(call, [filter.group().as_str()]))
}

/// A page of orders.
#[derive(Debug)]
pub struct Found {
    pub orders: Vec<Order>,
    pub total: u64,
    /// False where `total` is only a lower bound.
    pub exact: bool,
}

pub async fn find(config: &Config, filter: &Filter, page: Page) -> Result<Found, Fault> {
    let shards = filter.shards(config.shards());
    let (limit, offset) = merge::window(page, shards.len());
    let heads = shards
        .iter()
        .map(|shard| head(config, *shard, filter, limit, offset));
    let heads = try_join_all(heads).await?;
    let keys = merge::page(&heads, page);

    let mut by_shard: HashMap<usize, Vec<OrderId>> = HashMap::new();
    for (shard, key) in &keys {
        by_shard.entry(*shard).or_default().push(key.id);
    }
    let loads = by_shard
        .iter()
        .map(|(shard, ids)| load(config, *shard, ids));
    let mut loaded: HashMap<OrderId, Order> =
        try_join_all(loads).await?.into_iter().flatten().collect();
    Ok(Found {
        orders: keys
            .iter()
            .filter_map(|(_, key)| loaded.remove(&key.id))
            .collect(),
        total: heads.iter().map(|head| head.count).sum(),
        exact: heads.iter().all(|head| head.exact),
    })
}

async fn head(
    config: &Config,
    shard: usize,
    filter: &Filter,
    limit: u32,
    offset: u32,
) -> Result<Head, Fault> {
    let db = Db::at(&config.shard_urls()[shard]);
    let keys = statement::keys(filter, limit, offset);
    let rows = db.query(&keys.text, keys.values).await?;
    let (count, exact) = match merge::count_from_rows(rows.len(), limit, offset) {
        Some(count) => (count, true),
        None => count(db, filter).await?,
    };
    let key = |row: &crate::mysql::Row| -> Result<Key, Fault> {
        let id = row.u64(0)?;
        Ok(Key {
            id: OrderId::new(id).ok_or_else(|| Fault::Internal(format!("{id} is no order id")))?,
            created_at: row.u64(1)?,
        })
    };
    Ok(Head {
        shard,
        keys: rows.iter().map(key).collect::<Result<_, _>>()?,
        count,
        exact,
    })
}

async fn count(db: Db<'_>, filter: &Filter) -> Result<(u64, bool), Fault> {
    let rows_max = (!filter.is_of_one_user()).then_some(TOTAL_COUNT_MAX + 1);
    let statement = statement::count(filter, rows_max);
    let rows = db.query(&statement.text, statement.values).await?;
    let count = rows
        .first()
        .ok_or_else(|| Fault::Internal("COUNT(*) gave no row".to_owned()))?
        .u64(0)?;
    match rows_max {
        Some(rows_max) if count >= rows_max => Ok((TOTAL_COUNT_MAX, false)),
        _ => Ok((count, true)),
    }
}

/// Orders of one shard with their items: two statements, however many orders.
async fn load(
    config: &Config,
    shard: usize,
    ids: &[OrderId],
) -> Result<HashMap<OrderId, Order>, Fault> {
    let db = Db::at(&config.shard_urls()[shard]);
    let orders = statement::orders(ids);
    let mut loaded = HashMap::with_capacity(ids.len());
    for row in db.query(&orders.text, orders.values).await? {
        let order = order_row::order(&row)?;
        loaded.insert(order.id, order);
    }
    let items = statement::items(ids);
    for row in db.query(&items.text, items.values).await? {
        let (order, item) = order_row::item(&row, 0)?;
        if let Some(order) = OrderId::new(order).and_then(|id| loaded.get_mut(&id)) {
            order.items.push(item);
        }
    }
    Ok(loaded)
}

/// The reply of a page, in the shape of its route.
pub fn reply(shape: Shape, found: Found, page: Page) -> Result<Reply, Fault> {
    let Found {
        orders,
        total,
        exact: total_exact,
    } = found;
    let views = orders.iter().map(OrderView::from);
    let code = Code::Success.number();
    let Page {
        number: page,
        size: page_size,
        ..
    } = page;
    match shape {
        Shape::V1 => {
            let orders = views.collect();
            Reply::of(
                200,
                &Orders {
                    code,
                    orders,
                    total,
                    total_exact,
                    page,
                    page_size,
                },
            )
        }
        Shape::Api => {
            let orders = views.map(ApiOrder::from).collect();
            Reply::of(
                200,
                &ApiOrders {
                    code,
                    orders,
                    total,
                    total_exact,
                    page,
                    page_size,
                },
            )
        }
        Shape::Envelope => {
            let orders = views.map(|view| EnvelopeOrder::from(&view)).collect();
            Reply::of(
                200,
                &Envelope::success(
                    ORDERS_FOUND,
                    EnvelopeOrders {
                        orders,
                        total,
                        page,
                        page_size,
                    },
                ),
            )
        }
    }
}
