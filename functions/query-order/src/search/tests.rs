//! Tests of `search`.

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
