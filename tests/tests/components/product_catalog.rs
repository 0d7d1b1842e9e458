//! `product-catalog`: products created once, read with and without cache, and shown with the stock that is known.

use crate::bindings::mysql::DbValue;
use crate::bindings::redis::RedisResult;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use domain::StockMode;

fn get(path: &str, script: &Script) -> Reply {
    send("product-catalog", request("GET", path, ""), script)
}

fn post(body: &str, script: &Script) -> Reply {
    send(
        "product-catalog",
        request("POST", "/api/v1/products", body),
        script,
    )
}

const KEYBOARD: &str = r#"{"id":1,"name":"键盘","price":99.99,"stock":5}"#;

type Hash<'a> = &'a [(&'a str, &'a str)];

const CACHED: Hash = &[
    ("updated_at", "5"),
    ("name", "键盘"),
    ("image", ""),
    ("price", "9999"),
    ("status", "1"),
    ("mode", "0"),
];

/// The reply of the script `product`.
fn known(entry: Hash, stock: Hash) -> Answer {
    let length = RedisResult::Int64(2 * entry.len() as i64);
    let pairs = entry.iter().chain(stock);
    let flat = pairs.flat_map(|(field, value)| [text(field), text(value)]);
    Answer::Redis([length].into_iter().chain(flat).collect())
}

/// id, name, image, price, status, stock_mode, updated_at.
fn product_of(id: u64, mode: StockMode) -> Vec<DbValue> {
    [vec![DbValue::Uint64(id)], product_row(9999, mode)].concat()
}

#[test]
fn a_product_and_its_stock_are_one_transaction_then_loaded() {
    let script = Script::default()
        .expect("inventory INSERT products", Answer::Done)
        .expect("inventory INSERT t_inventory", Answer::Done)
        .expect("inventory INSERT t_stock_change", Answer::Done)
        .expect("DEL {p1}", integer(2))
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![
                DbValue::Uint64(0),
                DbValue::Uint32(5),
                DbValue::Uint32(0),
            ]]),
        )
        .expect("sync {p1}", integer(0))
        .expect(
            "inventory SELECT products",
            rows([product_row(9999, StockMode::Redis)]),
        )
        .expect("cache_product {p1}", integer(1));
    let reply = post(KEYBOARD, &script);
    assert_eq!((reply.status, reply.code()), (201, 10000), "{reply:?}");
    assert_eq!(reply.header("location"), Some("/api/v1/products/1"));
    assert_eq!(
        reply.header("cache-group-invalidation"),
        Some(r#""products""#)
    );
    assert_eq!(
        (&reply.body["stock"], &reply.body["id"]),
        (&5.into(), &"1".into())
    );
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(
        at("DEL {p1}") < at("inventory COMMIT"),
        "no stale stock behind a visible product"
    );
}

#[test]
fn a_product_that_exists_is_a_conflict() {
    let script = Script::default().expect("inventory INSERT products", duplicate("PRIMARY"));
    let reply = post(KEYBOARD, &script);
    assert_eq!((reply.status, reply.code()), (409, 20004));
    assert_eq!(script.count("inventory ROLLBACK"), 1);
    assert_eq!(
        script.count("DEL"),
        0,
        "the stock of the existing one stays"
    );
}

#[test]
fn an_id_is_minted_again_where_another_took_it() {
    let number = |id: u64| rows([vec![DbValue::Uint64(id)]]);
    let script = Script::default()
        .expect("inventory UPDATE t_sequence", Answer::Done)
        .expect("inventory SELECT t_sequence", number(3))
        .expect("inventory INSERT products", duplicate("PRIMARY"))
        // It is the first of several that are taken.
        .expect("inventory SELECT products", number(4))
        .expect("inventory UPDATE t_sequence", Answer::Done)
        .expect("inventory UPDATE t_sequence", Answer::Done)
        .expect("inventory SELECT t_sequence", number(5))
        .expect("inventory INSERT products", deadlock())
        .expect("inventory INSERT products", Answer::Done)
        .expect("inventory INSERT t_inventory", Answer::Done)
        .expect("inventory INSERT t_stock_change", Answer::Done)
        .expect("DEL {p5}", integer(0))
        .expect("inventory SELECT t_inventory", nothing())
        .expect("sync", integer(0))
        .expect("inventory SELECT products", nothing())
        .expect("cache_product", integer(1));
    let reply = post(r#"{"name":"键盘","price":"99.99","stock":5}"#, &script);
    assert_eq!((reply.status, &reply.body["id"]), (201, &"5".into()));
}

#[test]
fn ids_that_are_used_up_are_said_so() {
    let script = Script::default()
        .expect("inventory UPDATE t_sequence", Answer::Done)
        .expect(
            "inventory SELECT ROW_COUNT()",
            rows([vec![DbValue::Int64(0)]]),
        );
    let reply = post(r#"{"name":"键盘","price":"99.99","stock":5}"#, &script);
    assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
    assert!(
        reply.body["message"]
            .as_str()
            .unwrap()
            .contains("the largest is taken")
    );
}

#[test]
fn a_product_is_not_made_where_a_server_is_away() {
    let script = Script::default().expect("open redis", redis_away());
    assert_eq!(post(KEYBOARD, &script).status, 503);
    let script = Script::default()
        .expect("inventory INSERT products", Answer::Done)
        .expect("inventory INSERT t_inventory", Answer::Done)
        .expect("inventory INSERT t_stock_change", Answer::Done)
        .expect("DEL", redis_away());
    assert_eq!(post(KEYBOARD, &script).status, 503);
    assert_eq!(script.count("inventory COMMIT"), 0);
    assert_eq!(script.count("inventory ROLLBACK"), 1);
    let script = Script::default()
        .expect("inventory INSERT products", Answer::Done)
        .expect("inventory INSERT t_inventory", mysql_lost());
    assert_eq!(post(KEYBOARD, &script).status, 503);
}

#[test]
fn bad_products_reach_no_server() {
    for (body, field) in [
        (r#"{"price":1,"stock":1}"#, "name"),
        (r#"{"name":"x","stock":1}"#, "price"),
        (r#"{"name":"x","price":1}"#, "stock"),
        (r#"{"name":"x","price":1,"stock":-1}"#, "stock"),
        (r#"{"name":"x","price":-1,"stock":1}"#, "price"),
        (
            r#"{"name":"x","price":1,"stock":1,"stock_mode":"paper"}"#,
            "stock_mode",
        ),
        (r#"{"id":0,"name":"x","price":1,"stock":1}"#, "id"),
        (r#"{"name":"x","price":1,"skus":[]}"#, "skus"),
        (
            r#"{"name":"x","price":1,"stock":1,"skus":[{"sku_id":1,"stock":1}]}"#,
            "stock",
        ),
    ] {
        let reply = post(body, &Script::default());
        assert_eq!(
            (reply.status, reply.code()),
            (400, 10001),
            "{body}: {reply:?}"
        );
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{body}: {message}"
        );
    }
}

#[test]
fn a_cached_product_needs_no_database() {
    let script = Script::default().expect(
        "product {p1}",
        known(CACHED, &[("a:0", "5"), ("v:0", "3"), ("r:0", "2")]),
    );
    let reply = get("/api/v1/products/1", &script);
    assert_eq!(
        (reply.status, &reply.body["stock"]),
        (200, &3.into()),
        "{reply:?}"
    );
    assert_eq!(script.count("open inventory"), 0);
}

#[test]
fn a_product_known_to_be_unknown_is_404() {
    let script = Script::default().expect(
        "product {p1}",
        known(&[("absent", "1"), ("updated_at", "0")], &[]),
    );
    let reply = get("/api/v1/products/1", &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
    assert_eq!(get("/api/v1/products/x", &Script::default()).status, 400);
}

#[test]
fn with_redis_away_the_database_answers() {
    let inventory = rows([vec![
        DbValue::Uint64(1),
        DbValue::Uint64(0),
        DbValue::Uint32(5),
        DbValue::Uint32(1),
        DbValue::Uint8(0),
    ]]);
    let script = Script::default()
        .expect("open redis", redis_away())
        .expect(
            "inventory SELECT products",
            rows([product_of(1, StockMode::Redis)]),
        )
        .expect("inventory SELECT t_inventory", inventory)
        .expect("open redis", redis_away());
    let reply = get("/api/v1/products/1", &script);
    assert_eq!(
        (reply.status, &reply.body["stock"]),
        (200, &5.into()),
        "{reply:?}"
    );
}

#[test]
fn the_inventory_database_away_is_503() {
    let script = Script::default()
        .expect("product", known(&[], &[]))
        .expect("open inventory", mysql_away());
    let reply = get("/products/1", &script);
    assert_eq!((reply.status, reply.code()), (503, 503), "the demo's shape");
    assert_eq!(reply.header("retry-after"), Some("1"));
    let script = Script::default().expect("open inventory", mysql_away());
    assert_eq!(get("/v1/inventory?ids=1,2", &script).status, 503);
}

fn list(query: &str, script: &Script) -> Reply {
    get(&format!("/api/v1/products?{query}"), script)
}

/// A list of these products from the database, all of their stock in it.
fn listed(ids: &[u64]) -> Script {
    let products: Vec<Vec<DbValue>> = ids
        .iter()
        .map(|id| product_of(*id, StockMode::Db))
        .collect();
    Script::default()
        .expect("inventory SELECT products", rows(products))
        .expect("inventory SELECT t_inventory", nothing())
}

#[test]
fn a_list_goes_on_behind_its_cursor() {
    let total = rows([vec![DbValue::Int64(3)]]);
    let script = listed(&[9, 8, 7]).expect("inventory SELECT products", total);
    let first = list("page_size=2&status=all&search=%25", &script);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(
        (&first.body["total"], &first.body["page"]),
        (&3.into(), &1.into())
    );
    assert_eq!(first.body["products"].as_array().unwrap().len(), 2);
    let cursor = first.body["next_cursor"].as_str().unwrap();
    // The count stands last.
    let script = listed(&[7]);
    let second = format!("page_size=2&status=all&search=%25&cursor={cursor}");
    let second = list(&second, &script);
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(
        script.values("inventory SELECT products"),
        ["%|%%", "8", "3", "0"]
    );
    for field in ["total", "page", "next_cursor"] {
        assert!(second.body[field].is_null(), "{field}: {second:?}");
    }
    assert_eq!(second.body["page_size"], 2);
    for (query, field) in [
        (format!("page_size=2&status=all&cursor={cursor}"), "cursor"),
        (format!("page_size=2&search=%25&cursor={cursor}"), "cursor"),
        ("cursor=x".to_owned(), "cursor"),
        (
            format!("status=all&search=%25&page=1&cursor={cursor}"),
            "page",
        ),
        ("cursor=a&cursor=b".to_owned(), "cursor"),
    ] {
        let refused = list(&query, &Script::default());
        assert_eq!((refused.status, refused.code()), (400, 10001), "{query}");
        let message = refused.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{message}"
        );
    }
}

#[test]
fn what_is_no_route_is_404_and_what_is_no_method_405() {
    assert_eq!(get("/products/1/reviews", &Script::default()).status, 404);
    for (method, path) in [
        ("DELETE", "/api/v1/products/1"),
        ("GET", "/api/v1/products/1/stock"),
        ("PATCH", "/products/1"),
    ] {
        let other = request(method, path, "");
        assert_eq!(
            send("product-catalog", other, &Script::default()).status,
            405,
            "{path}"
        );
    }
}
