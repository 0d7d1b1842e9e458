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

/// What was found, and by whom.
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
        // Documents are about as long as orders in a reply. Where they are longer, the shards tell whether the page is.
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
    /// Read one by one: all at once would be held a second time.
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
        // An index that reads its fields in another way than we do finds others too.
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
mod tests {
    use super::*;
    use contract::api::identity;
    use domain::{ProductId, Status};

    const PAGE: Page = Page { number: 2, size: 5 };

    #[test]
    fn filters_become_terms() {
        let filter = Filter {
            user: Some(identity::user("user_7").unwrap()),
            status: Some(Status::Paid),
            product: Some(ProductId(3)),
            from: Some(1),
            to: Some(9),
            order: None,
        };
        assert_eq!(
            query(&filter, PAGE),
            json!({
                "from": 5, "size": 5, "track_total_hits": 100_000,
                "query": { "bool": { "filter": [
                    { "term": { "user_id": "7" } },
                    { "term": { "status": "paid" } },
                    { "term": { "items.product_id": "3" } },
                    { "range": { "created_at": { "gte": 1, "lt": 9 } } },
                ] } },
                "sort": [{ "created_at": "desc" }, { "id": "desc" }],
            })
        );
        let all = query(&Filter::default(), PAGE);
        assert_eq!(all["query"]["bool"]["filter"], json!([]));
    }

    #[test]
    fn answers_are_read_whole_or_not_at_all() {
        let hit = json!({ "_id": "7202123782", "_source": {
            "id": "7202123782", "order_no": "x", "user_id": "123", "status": "paid", "version": 2,
            "total_cents": 100, "discount_cents": 0, "actual_cents": 100, "items": [],
            "created_at": 1, "updated_at": 2, "paid_at": 2
        } });
        let answer = |timed_out: bool, hits: Value, filter: &Filter| {
            let body = json!({ "took": 1, "timed_out": timed_out, "hits": {
                "total": { "value": 12, "relation": "gte" }, "hits": hits } });
            let body = body.to_string();
            read(
                serde_json::from_str(&body).map_err(away)?,
                filter,
                Shape::V1,
            )
        };
        let all = &Filter::default();
        let found = answer(false, json!([hit]), all).unwrap();
        assert_eq!((found.total, found.exact), (12, false));
        let order: Value = serde_json::from_str(found.orders[0].get()).unwrap();
        assert_eq!(order["status"], "paid");
        assert!(answer(true, json!([hit]), all).is_err());
        assert!(answer(false, json!([{ "_source": {} }]), all).is_err());
        let pending = Filter {
            status: Some(Status::Pending),
            ..Filter::default()
        };
        let found = answer(false, json!([hit]), &pending).unwrap();
        assert_eq!((found.orders.len(), found.total), (0, 11));
    }
}
