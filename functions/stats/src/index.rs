//! Statistics from the search index: one request, in which the index counts and sums over all shards' orders. A number
//! that it cannot give exactly is a fault.

use super::{Day, Part, Whose};
use domain::limits::{PRODUCTS_COUNTED_MAX, RECENT_ORDERS_MAX};
use domain::stats::{Counts, Recent, Sold, Tally};
use domain::{Cents, Ms, OrderId, ProductId, Status};
use guest::Fault;
use serde::Deserialize;
use serde_json::{Value, json};
use shop::search_index::{self, away};

/// About a hundred bytes for each product that is counted, doubled.
const ANSWER_BYTES_MAX: usize = 200 * PRODUCTS_COUNTED_MAX;

/// Sums are floating point, exact below this.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

pub async fn counts(url: &str, whose: Whose<'_>) -> Result<Counts, Fault> {
    let condition = match whose {
        Whose::Day(day) => in_day(day),
        Whose::User(user) => json!({ "term": { "user_id": user.id.get().to_string() } }),
    };
    let query = of_orders(condition, json!({ "status": by_status() }));
    let answer = search_index::search(url, &query, ANSWER_BYTES_MAX).await?;
    let found: Found<Statuses> = answer.read()?;
    found.complete()?.status.counts()
}

pub async fn part(url: &str, today: Day) -> Result<Part, Fault> {
    let counted = json!({ "status": by_status(), "standing": by_product() });
    let counted = of_orders(in_day(today), counted);
    let answer = search_index::search_both(url, &counted, &newest(), ANSWER_BYTES_MAX).await?;
    let (counted, recent): (Found<Today>, Hits) = answer.read_both()?;
    let today = counted.complete()?;
    let sold = today.standing.items.product.buckets.into_iter();
    Ok(Part {
        counts: today.status.counts()?,
        sold: sold.map(Sold::try_from).collect::<Result<_, _>>()?,
        recent: recent.orders()?,
    })
}

fn in_day(day: Day) -> Value {
    json!({ "range": { "created_at": { "gte": day.from, "lt": day.to } } })
}

fn of_orders(condition: Value, aggregations: Value) -> Value {
    json!({
        "size": 0,
        "track_total_hits": false,
        "query": { "bool": { "filter": [condition] } },
        "aggs": aggregations,
    })
}

fn by_status() -> Value {
    json!({
        "terms": { "field": "status", "size": Status::ALL.len() },
        "aggs": {
            "cents": { "sum": { "field": "actual_cents" } },
            "newest": { "max": { "field": "created_at" } },
        },
    })
}

/// Units by product; lines are nested documents.
fn by_product() -> Value {
    let fallen = Status::ALL
        .into_iter()
        .filter(|status| !status.is_standing());
    let fallen: Vec<&str> = fallen.map(Status::name).collect();
    json!({
        "filter": { "bool": { "must_not": { "terms": { "status": fallen } } } },
        "aggs": { "items": {
            "nested": { "path": "items" },
            "aggs": { "product": {
                "terms": {
                    "field": "items.product_id", "size": PRODUCTS_COUNTED_MAX,
                    "order": [{ "units": "desc" }, { "_key": "asc" }],
                },
                "aggs": { "units": { "sum": { "field": "items.quantity" } } },
            } },
        } },
    })
}

fn newest() -> Value {
    json!({
        "size": RECENT_ORDERS_MAX,
        "track_total_hits": false,
        "_source": ["id", "actual_cents", "created_at"],
        "sort": [{ "created_at": "desc" }, { "id": "desc" }],
    })
}

#[derive(Deserialize)]
struct Found<A> {
    timed_out: bool,
    aggregations: A,
}

impl<A> Found<A> {
    fn complete(self) -> Result<A, Fault> {
        if self.timed_out {
            return Err(partial());
        }
        Ok(self.aggregations)
    }
}

fn partial() -> Fault {
    away("gave only a part of the answer")
}

#[derive(Deserialize)]
struct Buckets<B> {
    sum_other_doc_count: u64,
    buckets: Vec<B>,
}

#[derive(Deserialize)]
struct Statuses {
    status: Buckets<StatusBucket>,
}

#[derive(Deserialize)]
struct StatusBucket {
    key: String,
    doc_count: u64,
    cents: Number,
    newest: Number,
}

#[derive(Deserialize)]
struct Today {
    status: Buckets<StatusBucket>,
    standing: Standing,
}

#[derive(Deserialize)]
struct Standing {
    items: Items,
}

#[derive(Deserialize)]
struct Items {
    product: Buckets<ProductBucket>,
}

#[derive(Deserialize)]
struct ProductBucket {
    key: String,
    units: Number,
}

#[derive(Deserialize)]
struct Number {
    value: Option<f64>,
}

impl Number {
    fn whole(&self) -> Result<u64, Fault> {
        match self.value {
            Some(value) if (0.0..EXACT_MAX).contains(&value) && value.fract() == 0.0 => {
                Ok(value as u64)
            }
            other => Err(away(format!("gave no exact number: {other:?}"))),
        }
    }
}

impl Buckets<StatusBucket> {
    fn counts(self) -> Result<Counts, Fault> {
        if self.sum_other_doc_count > 0 {
            return Err(away("holds orders in more states than there are"));
        }
        let mut counts = Counts::default();
        for bucket in self.buckets {
            let status = Status::parse(&bucket.key)
                .ok_or_else(|| away(format!("holds orders in the state {:?}", bucket.key)))?;
            let tally = Tally {
                orders: bucket.doc_count,
                cents: bucket.cents.whole()?,
                newest_at: Some(bucket.newest.whole()?),
            };
            counts.add(status, tally);
        }
        Ok(counts)
    }
}

impl TryFrom<ProductBucket> for Sold {
    type Error = Fault;

    fn try_from(bucket: ProductBucket) -> Result<Sold, Fault> {
        let product = bucket.key.parse().map(ProductId);
        Ok(Sold {
            product: product.map_err(|_| away(format!("holds the product {:?}", bucket.key)))?,
            units: bucket.units.whole()?,
        })
    }
}

#[derive(Deserialize)]
struct Hits {
    timed_out: bool,
    hits: Page,
}

#[derive(Deserialize)]
struct Page {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_source")]
    source: Document,
}

#[derive(Deserialize)]
struct Document {
    id: String,
    actual_cents: i64,
    created_at: Ms,
}

impl Hits {
    fn orders(self) -> Result<Vec<Recent>, Fault> {
        if self.timed_out {
            return Err(partial());
        }
        let orders = self.hits.hits.into_iter().map(|hit| {
            let id = hit.source.id.parse().ok().and_then(OrderId::new);
            let recent = id.zip(Cents::new(hit.source.actual_cents));
            let (id, actual) =
                recent.ok_or_else(|| away(format!("holds the order {:?}", hit.source.id)))?;
            Ok(Recent {
                id,
                actual,
                created_at: hit.source.created_at,
            })
        });
        orders.collect()
    }
}
