//! `product-catalog` changing stock: units are taken in Redis first and added in the database first, once per key, and
//! what an interrupted request left undone is done by its repeat.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::api::identity::hash;
use domain::StockMode;
use domain::hex::hex;

const ADD: &str = r#"{"change":5,"reason":"delivery"}"#;
const TAKE: &str = r#"{"change":-5,"reason":"broken"}"#;
const UPDATE: &str = "inventory UPDATE t_inventory";
const RECORD: &str = "inventory INSERT t_stock_change";

fn change(body: &str, script: &Script) -> Reply {
    let mut post = request("POST", "/api/v1/products/1/stock", body);
    let key = "\"k\"".parse().unwrap();
    post.headers_mut().insert("idempotency-key", key);
    send("product-catalog", post, script)
}

fn holder() -> String {
    format!("change-{}", hex(&hash(&[b"k"])))
}

/// What the database has: whether the variant, and whether a change that the key made, of the same payload or another.
fn seen(mode: StockMode, has_sku: bool, made: Option<bool>) -> Answer {
    let mut row = vec![
        DbValue::Uint8(mode.code()),
        DbValue::Int64(1_000_000),
        if has_sku {
            DbValue::Uint64(0)
        } else {
            DbValue::DbNull
        },
    ];
    row.extend(match made {
        None => vec![DbValue::DbNull; 8],
        Some(same) => vec![
            DbValue::Uint64(70),
            DbValue::Uint64(0),
            DbValue::Int64(-5),
            DbValue::Str("broken".to_owned()),
            DbValue::Uint32(95),
            DbValue::Uint32(97),
            DbValue::Uint64(1_000_001),
            DbValue::Int32(i32::from(same)),
        ],
    });
    rows([row])
}

fn looked(script: Script, mode: StockMode, made: Option<bool>) -> Script {
    script.expect("inventory SELECT products", seen(mode, true, made))
}

/// Redis is brought up to date.
fn synced(script: Script) -> Script {
    let row = vec![DbValue::Uint64(0), DbValue::Uint32(95), DbValue::Uint64(8)];
    script
        .expect("inventory SELECT t_inventory", rows([row]))
        .expect("sync {p1}", integer(1))
}

fn moved(script: Script) -> Script {
    script
        .expect(UPDATE, Answer::Done)
        .expect(RECORD, Answer::Done)
}

fn words(words: &[&str]) -> Answer {
    Answer::Redis(words.iter().map(text).collect())
}

fn count(number: i64) -> Answer {
    rows([vec![DbValue::Int64(number)]])
}

#[test]
fn units_are_added_in_the_database_first() {
    let script = moved(looked(Script::default(), StockMode::Redis, None));
    let script = synced(looked(script, StockMode::Redis, Some(true)));
    let reply = change(ADD, &script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    assert_eq!(reply.header("idempotent-replayed"), None);
    assert_eq!(
        reply.header("cache-group-invalidation"),
        Some(r#""product-1", "products""#)
    );
    assert_eq!(
        script.values(UPDATE),
        ["5", "5", "5", "1", "0", "2147483642", "4294967290"]
    );
    assert_eq!(
        script.values(RECORD)[2..],
        ["5", "delivery", "1", "0", "1005000"],
        "within five seconds by the database's clock"
    );
    assert_eq!(script.count("take"), 0);
    assert_eq!(
        script.values("sync")[4..],
        ["1", "0", "95", "8", &holder(), "0"]
    );
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(at("inventory COMMIT") < at("sync {p1}"));
}

#[test]
fn units_are_taken_in_redis_first() {
    let script = looked(Script::default(), StockMode::Redis, None)
        .expect("take {p1}", words(&["ok", "5:77"]));
    let script = synced(looked(moved(script), StockMode::Redis, Some(true)));
    let reply = change(TAKE, &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    let body = &reply.body;
    assert_eq!(
        [
            &body["id"],
            &body["product_id"],
            &body["sku_id"],
            &body["reason"]
        ],
        ["70", "1", "0", "broken"]
    );
    assert_eq!(
        [
            &body["change"],
            &body["available_stock"],
            &body["total_stock"]
        ],
        [-5, 95, 97]
    );
    assert_eq!(script.values("take")[4..], [&holder(), "0", "5", "7000"]);
    assert_eq!(script.values(UPDATE), ["5", "5", "5", "1", "0", "5"]);
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(at("take {p1}") < at(UPDATE));
    // Where the database decides orders, nothing is taken in Redis.
    let script = moved(looked(Script::default(), StockMode::Db, None));
    let script = synced(looked(script, StockMode::Db, Some(true)));
    assert_eq!(change(TAKE, &script).status, 200);
    assert_eq!(script.count("take"), 0);
}

#[test]
fn a_repeat_does_what_was_left_undone_and_nothing_twice() {
    let script = synced(looked(Script::default(), StockMode::Redis, Some(true)));
    let reply = change(TAKE, &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(
        (&reply.body["change"], &reply.body["available_stock"]),
        (&(-5).into(), &95.into())
    );
    assert_eq!(script.count("take") + script.count(UPDATE), 0);
    let script = synced(looked(Script::default(), StockMode::Redis, Some(false)));
    let reply = change(TAKE, &script);
    assert_eq!((reply.status, reply.code()), (422, 20004));
}

#[test]
fn what_is_reserved_is_not_taken() {
    // In Redis, also after it was brought up to date.
    let script =
        looked(Script::default(), StockMode::Redis, None).expect("take", words(&["short"]));
    let script = synced(script).expect("take", words(&["short"]));
    let reply = change(TAKE, &looked(script, StockMode::Redis, None));
    assert_eq!((reply.status, reply.code()), (409, 30001), "{reply:?}");
    // In the database: the reservation of this very attempt goes back.
    let script = looked(Script::default(), StockMode::Redis, None)
        .expect("take", words(&["ok", "5:77"]))
        .expect(UPDATE, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(0))
        .expect("put_back {p1}", integer(1));
    let script = looked(script, StockMode::Redis, None);
    let reply = change(TAKE, &script);
    assert_eq!((reply.status, reply.code()), (409, 30001), "{reply:?}");
    assert_eq!(script.values("put_back")[4..], [&holder(), "0", "5:77"]);
    // Because the first request with the key took them meanwhile.
    let script = looked(Script::default(), StockMode::Db, None)
        .expect(UPDATE, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(0));
    let reply = change(TAKE, &synced(looked(script, StockMode::Db, Some(true))));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
}

#[test]
fn an_attempt_that_is_under_way_or_too_late() {
    let script =
        looked(Script::default(), StockMode::Redis, None).expect("take", words(&["busy", "900"]));
    let reply = change(TAKE, &looked(script, StockMode::Redis, None));
    assert_eq!((reply.status, reply.code()), (409, 20004), "{reply:?}");
    assert_eq!(reply.header("retry-after"), Some("1"));
    // Past its deadline the change is not recorded, and so not made.
    let script = looked(Script::default(), StockMode::Redis, None)
        .expect("take", words(&["ok", "5:77"]))
        .expect(UPDATE, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(1))
        .expect(RECORD, Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", count(0))
        .expect("put_back", integer(1));
    assert_eq!(change(TAKE, &script).status, 503);
    // The key was recorded by another request.
    let script = moved_but(duplicate("uk_product_request"));
    let reply = change(ADD, &synced(looked(script, StockMode::Redis, Some(true))));
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
}

fn moved_but(refusal: Answer) -> Script {
    looked(Script::default(), StockMode::Redis, None)
        .expect(UPDATE, Answer::Done)
        .expect(RECORD, refusal)
}

#[test]
fn a_lost_answer_leaves_the_reservation_to_a_repeat_or_the_relay() {
    let script =
        looked(Script::default(), StockMode::Redis, None).expect("take", words(&["ok", "5:77"]));
    let script = moved(script).expect("inventory COMMIT", mysql_lost());
    let reply = change(TAKE, &script);
    assert_eq!(reply.status, 503, "{reply:?}");
    assert_eq!(script.count("put_back") + script.count("release"), 0);
    let script = looked(Script::default(), StockMode::Redis, None).expect("take", redis_away());
    assert_eq!(change(TAKE, &script).status, 503);
    assert_eq!(script.count(UPDATE), 0);
}

#[test]
fn a_variant_is_added_only_where_there_are_some() {
    let add = r#"{"sku_id":9,"change":5,"reason":"new size","create":true}"#;
    let none = |script: Script| {
        script.expect(
            "inventory SELECT products",
            seen(StockMode::Redis, false, None),
        )
    };
    let variants = |count: i64, largest: DbValue| {
        none(Script::default())
            .expect(
                "inventory SELECT products FOR UPDATE",
                rows([vec![DbValue::Uint64(1)]]),
            )
            .expect(
                "inventory SELECT t_inventory",
                rows([vec![DbValue::Int64(count), largest]]),
            )
    };
    let script = variants(2, DbValue::Uint64(8))
        .expect("inventory INSERT t_inventory", Answer::Done)
        .expect(RECORD, Answer::Done);
    let script = synced(looked(script, StockMode::Redis, Some(true)));
    assert_eq!(change(add, &script).status, 200);
    assert_eq!(
        script.values("inventory INSERT t_inventory"),
        ["1", "9", "5", "5", "5"]
    );
    for (count, largest, field) in [
        (1, DbValue::Uint64(0), "create"),
        (0, DbValue::DbNull, "create"),
        (100, DbValue::Uint64(8), "sku_id"),
    ] {
        let reply = change(add, &none(variants(count, largest)));
        assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{message}"
        );
    }
    let reply = change(ADD, &none(none(Script::default())));
    assert_eq!((reply.status, reply.code()), (404, 30003));
}

#[test]
fn what_is_asked_for_badly_reaches_no_server() {
    let post = request("POST", "/api/v1/products/1/stock", ADD);
    let reply = send("product-catalog", post, &Script::default());
    assert_eq!((reply.status, reply.code()), (400, 10001), "without a key");
    for body in ["", "{}", r#"{"change":0,"reason":"x"}"#, r#"{"change":1}"#] {
        assert_eq!(change(body, &Script::default()).status, 400, "{body}");
    }
    let other = r#"{"change":1,"reason":"x","idempotency_key":"other"}"#;
    assert_eq!(change(other, &Script::default()).status, 400);
    let script = Script::default().expect("inventory SELECT products", nothing());
    let reply = change(ADD, &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
}

#[test]
fn changes_are_listed_newest_first() {
    let path = "/api/v1/products/1/stock/changes?page_size=1";
    let row = vec![
        DbValue::Uint64(70),
        DbValue::Uint64(0),
        DbValue::Int64(-5),
        DbValue::Str("broken".to_owned()),
        DbValue::Uint32(95),
        DbValue::Uint32(97),
        DbValue::Uint64(9),
    ];
    let script = Script::default()
        .expect("inventory SELECT t_stock_change", count(2))
        .expect("inventory SELECT t_stock_change", rows([row]));
    let reply = send("product-catalog", request("GET", path, ""), &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        (&reply.body["total"], &reply.body["changes"][0]["change"]),
        (&2.into(), &(-5).into())
    );
    // A reply that depends on a header of no cache.
    assert_eq!(reply.header("cache-groups"), None);
    let script = Script::default().expect("inventory SELECT t_stock_change", nothing());
    let reply = send("product-catalog", request("GET", path, ""), &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
}
