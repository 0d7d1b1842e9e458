//! Pages of orders from the shards, for every function that lists. Shards are asked concurrently, first for ids, then
//! for the page's rows; no connection is held while waiting for another. A page is held as JSON only, within a budget.
//! An order that left the filter in between is not shown; the page is then read again, a few times.

pub mod filter;
mod load;
mod merge;
mod statement;

use crate::caller;
use crate::list_budget::{Budget, Json};
use contract::api::order::envelope::ORDERS_FOUND;
use contract::api::order::{
    ApiOrder, ApiOrders, Envelope, EnvelopeOrder, EnvelopeOrders, OrderView, Orders,
};
use contract::api::page::{Page, at_least};
use contract::api::problem::Code;
use domain::limits::TOTAL_COUNT_MAX;
use domain::{Order, OrderId};
use filter::Filter;
use futures::stream::{StreamExt, iter};
use guest::config::Config;
use guest::mysql::{Db, Row};
use guest::shape::Shape;
use guest::{Call, Fault, Reply, config};
use merge::{Head, Key, Merge};
use std::collections::HashMap;

/// Shards asked at a time: each answers with the keys of up to a deep page.
const SHARDS_AT_ONCE: usize = 8;

/// Answers a listing: of the user in the path, else in the query, else of everybody.
///
/// # Errors
/// Where a parameter cannot be read, the page is too large, or a shard is away.
pub async fn answer(call: &Call, shape: Shape, user: Option<&str>) -> Result<Reply, Fault> {
    let query = |name: &str| call.query(name);
    filter::check_names(call.query_names())?;
    let page = Page::parse(&query)?;
    let user = user.map(|text| caller::in_path(text, call)).transpose()?;
    let filter = Filter::of_list(user, caller::in_query(call)?, &query)?;
    let found = find(config::config().await?, &filter, page, shape).await?;
    Ok(reply(shape, found, page)?.fresh(call, [filter.group().as_str()]))
}

/// A page of orders.
#[derive(Debug)]
pub struct Found {
    /// In the shape of the reply.
    pub orders: Vec<Json>,
    /// How many orders match, on all pages.
    pub total: u64,
    /// False where `total` is only a lower bound.
    pub exact: bool,
    /// The most bytes that the reply may have.
    pub bytes: usize,
}

/// Reads of one page while orders leave the filter. The last one shows the orders that are left.
const READS_MAX: u32 = 3;

/// Reads a page from the shards.
///
/// # Errors
/// Where the page is too large or a shard is away.
pub async fn find(
    config: &Config,
    filter: &Filter,
    page: Page,
    shape: Shape,
) -> Result<Found, Fault> {
    let mut reads = 1;
    loop {
        let (mut found, left) = read(config, filter, page, shape).await?;
        if left == 0 || reads == READS_MAX {
            found.total = found.total.saturating_sub(left);
            return Ok(found);
        }
        reads += 1;
    }
}

/// A page, and how many of its orders left the filter between the two reads.
async fn read(
    config: &Config,
    filter: &Filter,
    page: Page,
    shape: Shape,
) -> Result<(Found, u64), Fault> {
    let budget = Budget::of_page();
    let shards = filter.shards(config.shards());
    let (limit, offset) = merge::window(page, shards.len());
    let mut merge = Merge::new(page, shards.len());
    let heads = shards
        .iter()
        .map(|shard| head(config, *shard, filter, limit, offset));
    all(heads, |head| merge.add(head)).await?;
    let (total, exact) = merge.total();
    let keys = merge.page();

    let mut by_shard: HashMap<usize, Vec<OrderId>> = HashMap::new();
    for (shard, key) in &keys {
        by_shard.entry(*shard).or_default().push(key.id);
    }
    let loads = by_shard.into_iter().map(|(shard, ids)| {
        let db = Db::at(&config.shard_urls()[shard]);
        load::load(db, ids, filter, shape, &budget)
    });
    let mut loaded: HashMap<OrderId, Json> = HashMap::with_capacity(keys.len());
    all(loads, |orders| loaded.extend(orders)).await?;
    let orders: Vec<Json> = keys
        .iter()
        .filter_map(|(_, key)| loaded.remove(&key.id))
        .collect();
    let left = keys.len() - orders.len();
    let found = Found {
        orders,
        total,
        exact,
        bytes: budget.bytes(),
    };
    Ok((found, left as u64))
}

/// Takes every result as it arrives, and gives the first failure once all have ended. None is cancelled: that would
/// cost its connection.
async fn all<T>(
    asked: impl Iterator<Item = impl Future<Output = Result<T, Fault>>>,
    mut take: impl FnMut(T),
) -> Result<(), Fault> {
    let asked: Vec<_> = asked.collect();
    let mut results = iter(asked).buffer_unordered(SHARDS_AT_ONCE);
    let mut failed = None;
    while let Some(result) = results.next().await {
        match result {
            Ok(one) => take(one),
            Err(fault) => failed = failed.or(Some(fault)),
        }
    }
    failed.map_or(Ok(()), Err)
}

async fn head(
    config: &Config,
    shard: usize,
    filter: &Filter,
    limit: u32,
    offset: u32,
) -> Result<Head, Fault> {
    let db = Db::at(&config.shard_urls()[shard]);
    let wanted = statement::keys(filter, limit, offset);
    let keys = db
        .read(&wanted.text, wanted.values, |row| key(&row))
        .await?;
    let (count, exact) = match merge::count_from_rows(keys.len(), limit, offset) {
        Some(count) => (count, true),
        None => {
            let (count, exact) = count(db, filter).await?;
            // Some of the rows may have left the filter before they were counted.
            (count.max(at_least(offset, keys.len())), exact)
        }
    };
    Ok(Head {
        shard,
        keys,
        count,
        exact,
    })
}

fn key(row: &Row) -> Result<Key, Fault> {
    let id = row.u64(0)?;
    Ok(Key {
        id: OrderId::new(id).ok_or_else(|| Fault::Internal(format!("{id} is no order id")))?,
        created_at: row.u64(1)?,
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

/// An order in a list of this shape.
///
/// # Errors
/// Where the budget is exceeded.
pub fn render(shape: Shape, order: &Order, budget: &Budget) -> Result<Json, Fault> {
    let view = OrderView::from(order);
    match shape {
        Shape::V1 => budget.render(&view),
        Shape::Api => budget.render(&ApiOrder::from(view)),
        Shape::Envelope => budget.render(&EnvelopeOrder::from(&view)),
    }
}

/// The reply of a page in this shape.
///
/// # Errors
/// Where it cannot be written as JSON.
pub fn reply(shape: Shape, found: Found, page: Page) -> Result<Reply, Fault> {
    let Found {
        orders,
        total,
        exact: total_exact,
        bytes,
    } = found;
    let code = Code::Success.number();
    let Page {
        number: page,
        size: page_size,
    } = page;
    match shape {
        Shape::V1 => {
            let list = Orders {
                code,
                orders,
                total,
                total_exact,
                page,
                page_size,
            };
            Reply::list(&list, bytes)
        }
        Shape::Api => {
            let list = ApiOrders {
                code,
                orders,
                total,
                total_exact,
                page,
                page_size,
            };
            Reply::list(&list, bytes)
        }
        Shape::Envelope => {
            let list = EnvelopeOrders {
                orders,
                total,
                page,
                page_size,
            };
            Reply::list(&Envelope::success(ORDERS_FOUND, list), bytes)
        }
    }
}
