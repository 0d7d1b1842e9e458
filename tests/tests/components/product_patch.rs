//! `product-catalog` changing a product: in the database, then in Redis, then answered.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use domain::StockMode;

const PATH: &str = "/api/v1/products/1";

fn patch(body: &str, tag: Option<&str>, script: &Script) -> Reply {
    let mut patch = request("PATCH", PATH, body);
    let json = "application/merge-patch+json".parse().unwrap();
    patch.headers_mut().insert("content-type", json);
    if let Some(tag) = tag {
        let tag = tag.parse().unwrap();
        patch.headers_mut().insert("if-match", tag);
    }
    send("product-catalog", patch, script)
}

/// Product 1 changed at this time, as the locking read gives it.
fn stored(updated_at: u64) -> Answer {
    let mut row = vec![DbValue::Uint64(1)];
    row.extend(product_row(9999, StockMode::Db));
    row[6] = DbValue::Uint64(updated_at);
    rows([row])
}

fn changed(script: Script) -> Script {
    script
        .expect("inventory SELECT products FOR UPDATE", stored(5))
        .expect("inventory UPDATE products", Answer::Done)
        .expect(
            "inventory SELECT products",
            rows([vec![DbValue::Uint64(6)]]),
        )
}

fn shown(script: Script) -> Script {
    let stock = vec![
        DbValue::Uint64(1),
        DbValue::Uint64(0),
        DbValue::Uint32(5),
        DbValue::Uint32(0),
        DbValue::Uint8(1),
    ];
    script.expect("inventory SELECT t_inventory", rows([stock]))
}

#[test]
fn redis_hears_of_it_before_the_caller_does() {
    let script = shown(changed(Script::default()).expect("cache_product {p1}", integer(1)));
    let body = r#"{"price":"1.25","status":"off_sale","image":"/i.svg"}"#;
    let reply = patch(body, None, &script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    let field = |name: &str| reply.body[name].to_string();
    assert_eq!(
        ["name", "image", "price", "status", "stock", "updated_at"].map(field),
        ["\"键盘\"", "\"/i.svg\"", "1.25", "\"off_sale\"", "5", "6"]
    );
    assert_eq!(
        reply.header("cache-group-invalidation"),
        Some(r#""product-1", "products""#)
    );
    assert_eq!(
        script.values("inventory UPDATE products"),
        ["键盘", "/i.svg", "125", "0", "1"]
    );
    let cached = script.values("cache_product");
    assert_eq!(
        cached[4..],
        [
            "6", "name", "键盘", "image", "/i.svg", "price", "125", "status", "0", "mode", "1"
        ]
    );
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(at("inventory COMMIT") < at("cache_product {p1}"));
}

#[test]
fn what_redis_was_not_told_is_not_answered() {
    let script = Script::default().expect("open redis", redis_away());
    assert_eq!(
        patch("{}", None, &script).status,
        503,
        "nothing was changed"
    );
    let script = changed(Script::default()).expect("cache_product", redis_away());
    assert_eq!(patch(r#"{"price":1}"#, None, &script).status, 503);
    let lost = Script::default()
        .expect("inventory SELECT products FOR UPDATE", stored(5))
        .expect("inventory UPDATE products", Answer::Done)
        .expect(
            "inventory SELECT products",
            rows([vec![DbValue::Uint64(6)]]),
        )
        .expect("inventory COMMIT", mysql_lost());
    assert_eq!(patch(r#"{"price":1}"#, None, &lost).status, 503);
    assert_eq!(lost.count("cache_product"), 0, "it may not be committed");
}

#[test]
fn an_unknown_product_and_bad_fields() {
    let script = Script::default().expect("inventory SELECT products FOR UPDATE", nothing());
    let reply = patch("{}", None, &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
    for body in [
        r#"{"name":null}"#,
        r#"{"price":"x"}"#,
        r#"{"stock":5}"#,
        r#"{"status":7}"#,
        "",
    ] {
        let reply = patch(body, None, &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{body}");
    }
}

/// Product 1 in Redis, changed at this time.
fn cached(updated_at: &str) -> Answer {
    let entry = [
        ("updated_at", updated_at),
        ("name", "键盘"),
        ("image", ""),
        ("price", "9999"),
        ("status", "1"),
        ("mode", "1"),
    ];
    let flat = entry
        .iter()
        .flat_map(|(field, value)| [text(field), text(value)]);
    let length = crate::bindings::redis::RedisResult::Int64(12);
    Answer::Redis([length].into_iter().chain(flat).collect())
}

#[test]
fn a_tag_guards_what_its_reader_saw() {
    let read = shown(Script::default().expect("product {p1}", cached("5")));
    let seen = send("product-catalog", request("GET", PATH, ""), &read);
    let tag = seen.header("etag").unwrap().to_owned();
    let looked = || shown(Script::default().expect("product {p1}", cached("5")));

    let script = shown(changed(looked()).expect("cache_product", integer(1)));
    let reply = patch(r#"{"price":1}"#, Some(&tag), &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    for other in ["\"0123456789abcdef\"", &format!("W/{tag}"), "x"] {
        let reply = patch(r#"{"price":1}"#, Some(other), &looked());
        assert_eq!((reply.status, reply.code()), (412, 30004), "{other}");
    }
    // Somebody else changes it between the look and the lock.
    let script = looked().expect("inventory SELECT products FOR UPDATE", stored(6));
    let reply = patch(r#"{"price":1}"#, Some(&tag), &script);
    assert_eq!((reply.status, reply.code()), (412, 30004));
    assert_eq!(script.count("inventory UPDATE"), 0);
}
