//! Searches: by the search index where one is configured, else, or while it is away, by the shards.

use contract::api::page::Page;
use contract::wire::event::OrderDocument;
use domain::Order;
use domain::limits::{LIST_REPLY_BYTES_MAX, TOTAL_COUNT_MAX};
use guest::config::Config;
use guest::shape::Shape;
use guest::{Fault, http as guest_http};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shop::list_budget::Budget;
use shop::listing;
use shop::listing::filter::Filter;
use shop::search_index::{self, away};
use std::fmt::Display;

/// What was found, and where.
#[derive(Debug)]
pub enum Found {
    Indexed(listing::Found),
    Stored(listing::Found),
}

pub async fn find(
    config: &Config,
    filter: &Filter,
    page: Page,
    shape: Shape,
    trace_id: &str,
) -> Result<Found, Fault> {
    if let Some(url) = &config.elasticsearch_url {
        // Documents are about as long as orders in a reply. Where they exceed the limit, the shards decide.
        let answer = search_index::search(url, &query(filter, page), LIST_REPLY_BYTES_MAX).await;
        match answer.and_then(|answer| read(answer.read()?, filter, shape)) {
            Ok(found) => return Ok(Found::Indexed(found)),
            Err(Fault::Rejected(rejection)) => return Err(rejection.into()),
            Err(fault) => guest_http::log(&fault, trace_id),
        }
    }
    let found = listing::find(config, filter, page, shape).await?;
    Ok(Found::Stored(found))
}

/// The query: conditions as filters, which the index caches and does not score.
fn query(filter: &Filter, page: Page) -> Value {
    let mut conditions = Vec::new();
    let mut term =
        |field: &str, value: String| conditions.push(json!({ "term": { field: value } }));
    if let Some(order) = filter.order {
        term("id", order.to_string());
    }
    if let Some(user) = &filter.user {
        term("user_id", user.id.get().to_string());
    }
    if let Some(status) = filter.status {
        term("status", status.name().to_owned());
    }
    if let Some(product) = filter.product {
        term("items.product_id", product.0.to_string());
    }
    let mut created = serde_json::Map::new();
    if let Some(from) = filter.from {
        created.insert("gte".to_owned(), json!(from));
    }
    if let Some(to) = filter.to {
        created.insert("lt".to_owned(), json!(to));
    }
    if !created.is_empty() {
        conditions.push(json!({ "range": { "created_at": created } }));
    }
    json!({
        "from": page.offset(),
        "size": page.size,
        "track_total_hits": TOTAL_COUNT_MAX,
        "query": { "bool": { "filter": conditions } },
        "sort": [{ "created_at": "desc" }, { "id": "desc" }],
    })
}

#[derive(Deserialize)]
struct Answer<'a> {
    timed_out: bool,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    total: Total,
    /// Parsed one by one, so that not all are held twice.
    #[serde(borrow)]
    hits: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Total {
    value: u64,
    relation: String,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: OrderDocument,
}

fn read(answer: Answer<'_>, filter: &Filter, shape: Shape) -> Result<listing::Found, Fault> {
    if answer.timed_out {
        return Err(away("gave only a part of the answer"));
    }
    let budget = Budget::of_page();
    let mut orders = Vec::with_capacity(answer.hits.hits.len());
    let mut others = 0;
    for hit in answer.hits.hits {
        let unreadable =
            |error: &dyn Display| away(format!("holds a document that cannot be read: {error}"));
        let hit: Hit = serde_json::from_str(hit.get()).map_err(|error| unreadable(&error))?;
        let order = Order::try_from(hit.source).map_err(|error| unreadable(&error))?;
        // An index with another mapping of the fields may find other orders too.
        match filter.takes(&order) {
            true => orders.push(listing::render(shape, &order, &budget)?),
            false => others += 1,
        }
    }
    Ok(listing::Found {
        orders,
        total: answer.hits.total.value.saturating_sub(others),
        exact: answer.hits.total.relation == "eq",
        bytes: budget.bytes(),
    })
}

#[cfg(test)]
mod tests;
