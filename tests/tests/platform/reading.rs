//! Reads through the host: pages over both shards, every spelling of a user, and access by the owner only.

use anyhow::Result;
use platform::shop::{buyer, key, order_body, placed};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn pages_over_both_shards_are_everything_once_newest_first() -> Result<()> {
    let platform = tests::shared();
    let product = platform.product(100, "redis")?;
    let mut expected = BTreeSet::new();
    for _ in 0..23 {
        expected.insert(placed(&platform.order(buyer(), product, 1)?)?);
    }
    // Other tests place orders meanwhile; a search for this product finds only these.
    let (mut seen, mut times) = (Vec::new(), Vec::new());
    for page in 1..=4 {
        let path = format!("/v1/order/search?product_id={product}&page={page}&page_size=10");
        let reply = platform.api.get(&path)?.expect(200)?;
        assert_eq!(
            (&reply.body["total"], &reply.body["page"]),
            (&23.into(), &page.into())
        );
        for order in reply.body["orders"].as_array().into_iter().flatten() {
            seen.push(order["id"].as_str().unwrap_or_default().to_owned());
            times.push(order["created_at"].as_u64());
        }
    }
    assert_eq!(seen.len(), 23);
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
    assert!(
        times.is_sorted_by(|newer, older| newer >= older),
        "{times:?}"
    );
    Ok(())
}

#[test]
fn a_buyers_orders_are_listed_alike_on_every_route() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(100, "redis")?);
    for _ in 0..3 {
        placed(&platform.order(user, product, 1)?)?;
    }
    for (path, list) in [
        (format!("/v1/order/list?user_id={user}&page_size=2"), ""),
        (format!("/api/v1/users/{user}/orders?page=1&pageSize=2"), ""),
        (format!("/api/v1/orders?user_id=user_{user}&pageSize=2"), ""),
        (format!("/orders?user_id={user}&page_size=2"), "/data"),
    ] {
        let reply = platform.api.get(&path)?.expect(200)?;
        let list = reply.body.pointer(list).expect("a list");
        assert_eq!(list["total"], 3, "{path}: {}", reply.text);
        assert_eq!(list["orders"].as_array().map(Vec::len), Some(2), "{path}");
    }
    let past = platform
        .api
        .get(&format!("/orders?user_id={user}&page=9"))?
        .expect(200)?;
    assert_eq!(
        past.body["data"]["orders"],
        json!([]),
        "the demo gives an empty list past the end"
    );
    Ok(())
}

#[test]
fn a_buyer_is_the_same_in_every_spelling() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(100, "redis")?);
    let spellings = [
        json!(user),
        json!(user.to_string()),
        json!(format!("user_{user}")),
    ];
    for (at, spelling) in spellings.iter().enumerate() {
        let mut body = order_body(user, product, 1);
        body["user_id"] = spelling.clone();
        let reply = platform.api.post_once("/v1/order/create", &key(), &body)?;
        let id = placed(&reply)?;
        let shown = spelling.as_str().map_or(user.to_string(), str::to_owned);
        assert_eq!(
            reply.text_at("/order/user_id"),
            shown,
            "the caller's own form comes back"
        );
        assert_eq!(platform.orders_of(user)?, at as i64 + 1);
        platform
            .api
            .get(&format!("/v1/order/{id}?user_id=user_{user}"))?
            .expect(200)?;
    }
    let name = format!("alice-{user}");
    let mut body = order_body(user, product, 1);
    body["user_id"] = json!(name);
    let named = platform.api.post_once("/v1/order/create", &key(), &body)?;
    let id = placed(&named)?;
    let list = platform
        .api
        .get(&format!("/v1/order/list?user_id={name}"))?
        .expect(200)?;
    assert_eq!(
        (
            list.text_at("/orders/0/id"),
            list.text_at("/orders/0/user_id")
        ),
        (&*id, &*name)
    );
    Ok(())
}

#[test]
fn nobody_sees_or_touches_anothers_order() -> Result<()> {
    let platform = tests::shared();
    let (owner, product) = (buyer(), platform.product(100, "redis")?);
    let id = placed(&platform.order(owner, product, 1)?)?;
    // Of the same gene, so that the id alone does not exclude the stranger.
    let stranger = owner + 1024;
    for _ in 0..2 {
        let reply = platform
            .api
            .get(&format!("/v1/order/{id}?user_id={stranger}"))?;
        assert_eq!((reply.status, reply.code()), (404, 20001));
    }
    for path in [
        format!("/v1/order/{id}/cancel"),
        format!("/v1/order/{id}/pay"),
    ] {
        let reply = platform.api.post(&path, &json!({ "user_id": stranger }))?;
        assert_eq!((reply.status, reply.code()), (404, 20001), "{path}");
    }
    let order = platform
        .api
        .get(&format!("/v1/order/{id}?user_id={owner}"))?;
    assert_eq!(order.text_at("/order/status"), "pending");
    Ok(())
}

#[test]
fn a_change_is_seen_by_the_next_read() -> Result<()> {
    let platform = tests::shared();
    let (user, product) = (buyer(), platform.product(100, "redis")?);
    let id = placed(&platform.order(user, product, 1)?)?;
    let status = || -> Result<String> {
        let order = platform.api.get(&format!("/v1/order/{id}"))?.expect(200)?;
        Ok(order.text_at("/order/status").to_owned())
    };
    assert_eq!(status()?, "pending");
    platform
        .api
        .post(&format!("/v1/order/{id}/pay"), &json!({}))?
        .expect(200)?;
    assert_eq!(status()?, "paid", "the cache does not lag behind a write");
    Ok(())
}

#[test]
fn health_names_every_server() -> Result<()> {
    let platform = tests::shared();
    let health = platform.api.get("/health")?.expect(200)?;
    for name in ["redis", "inventory", "order_0", "order_1"] {
        assert_eq!(
            health.body["checks"][name]["status"], "ok",
            "{}",
            health.text
        );
    }
    platform.api.get("/ready")?.expect(200)?;
    Ok(())
}
