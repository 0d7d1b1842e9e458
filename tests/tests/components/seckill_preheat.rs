//! `seckill-activities` preheating: every step in order, refusals that change nothing, and an interrupted preheat that
//! the next one completes.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use crate::seckill_activities::activity;
use domain::{SkuId, StockMode};

const PLANNED: u8 = 0;
const OPEN: u8 = 1;
const ENDED: u8 = 2;

fn preheat(body: &str, script: &Script) -> Reply {
    let path = "/api/v1/seckill/preheat";
    send("seckill-activities", request("POST", path, body), script)
}

fn one(script: &Script) -> Reply {
    preheat(r#"{"seckill_id":"1-3"}"#, script)
}

fn word(word: &str) -> Answer {
    Answer::Redis(vec![text(word)])
}

fn changed(count: i64) -> Answer {
    rows([vec![DbValue::Int64(count)]])
}

fn found(status: u8, mode: StockMode) -> Script {
    Script::default()
        .expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, status)]),
        )
        .expect(
            "inventory SELECT products",
            rows([vec![
                DbValue::Str("键盘".to_owned()),
                DbValue::DbNull,
                DbValue::Uint8(mode.code()),
                DbValue::Uint8(1),
            ]]),
        )
}

fn moved(script: Script) -> Script {
    script
        .expect("inventory UPDATE seckill_activity", Answer::Done)
        .expect("inventory UPDATE t_inventory", Answer::Done)
        .expect("inventory INSERT t_inventory", Answer::Done)
}

fn sale_sku() -> u64 {
    SkuId(0).of_sale(3).0
}

fn loaded(script: Script) -> Script {
    let row = |sku, available: u32, version| {
        vec![
            DbValue::Uint64(sku),
            DbValue::Uint32(available),
            DbValue::Uint32(version),
        ]
    };
    script
        .expect("ZADD", integer(1))
        .expect(
            "inventory SELECT t_inventory",
            rows([row(0, 900, 8), row(sale_sku(), 100, 0)]),
        )
        .expect("sync {p1}", integer(1))
        .expect("seckill_load {p1}", word("open"))
        .expect("HMGET {p1}", Answer::Redis(vec![text(100), text(0)]))
}

#[test]
fn units_move_before_the_sale_opens() {
    let script = found(PLANNED, StockMode::Redis).expect("set_aside {p1}", word("ok"));
    let script = loaded(moved(script));
    let reply = one(&script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    assert_eq!(
        reply.header("cache-group-invalidation"),
        Some(r#""product-1", "products""#)
    );
    let shown = &reply.body["seckills"][0];
    assert_eq!(
        (&shown["status"], &shown["available_stock"]),
        (&"open".into(), &100.into())
    );
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(at("set_aside {p1}") < at("inventory UPDATE seckill_activity"));
    assert!(at("inventory COMMIT") < at("sync {p1}"));
    assert!(
        at("sync {p1}") < at("seckill_load {p1}"),
        "what sells has stock"
    );
    assert!(at("ZADD seckill:products") < at("seckill_load {p1}"));
    assert_eq!(script.values("set_aside")[4..], ["seckill-3", "0", "100"]);
    let sku = sale_sku().to_string();
    assert_eq!(
        script.values("sync")[4..],
        ["2", "0", "900", "8", &sku, "100", "0", "seckill-3", "0"]
    );
    let taken = script.values("inventory UPDATE t_inventory");
    assert_eq!(
        (&taken[..3], &taken[6..]),
        (
            &["100", "100", "100"].map(String::from)[..],
            &["100".to_owned()][..]
        )
    );
    assert_eq!(
        script.values("inventory INSERT t_inventory")[..3],
        ["1", &sku, "100"]
    );
    let facts = script.values("seckill_load");
    let fact = |name: &str| {
        let at = facts.iter().position(|field| field == name).unwrap();
        facts[at + 1].clone()
    };
    assert_eq!(
        [
            fact("id"),
            fact("sku"),
            fact("price"),
            fact("limit"),
            fact("name"),
        ],
        ["1-3", &sku, "990", "2", "键盘"]
    );
    assert_eq!(
        facts[2..6],
        ["{p1}:seckill:3", "{p1}:seckills", "1", "3"],
        "fresh: nobody has bought yet"
    );
    assert_eq!(script.count("release"), 0);
}

#[test]
fn a_re_run_refills_nothing_and_mends_redis() {
    let script = loaded(found(OPEN, StockMode::Redis));
    assert_eq!(one(&script).status, 200);
    assert_eq!(
        script.count("set_aside") + script.count("inventory UPDATE"),
        0
    );
    assert_eq!(
        script.values("sync")[11..],
        ["seckill-3", "0"],
        "a promise left behind is settled"
    );
    assert_eq!(
        script.values("seckill_load")[4],
        "0",
        "where Redis does not know it, it does not sell before its buyers are back"
    );
}

#[test]
fn a_product_that_is_not_on_sale_is_not_preheated() {
    let off = vec![
        DbValue::Str("键盘".to_owned()),
        DbValue::DbNull,
        DbValue::Uint8(StockMode::Redis.code()),
        DbValue::Uint8(0),
    ];
    for status in [PLANNED, OPEN] {
        let script = Script::default()
            .expect(
                "inventory SELECT seckill_activity",
                rows([activity(3, status)]),
            )
            .expect("inventory SELECT products", rows([off.clone()]));
        let reply = one(&script);
        assert_eq!((reply.status, reply.code()), (409, 40005), "{reply:?}");
        assert_eq!(script.count("set_aside") + script.count("seckill_load"), 0);
    }
}

#[test]
fn what_the_database_keeps_is_not_promised_in_redis() {
    let script = loaded(moved(found(PLANNED, StockMode::Db)));
    assert_eq!(one(&script).status, 200);
    assert_eq!(script.count("set_aside"), 0);
    let script = found(PLANNED, StockMode::Db)
        .expect("inventory UPDATE seckill_activity", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(1))
        .expect("inventory UPDATE t_inventory", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(0));
    let reply = one(&script);
    assert_eq!((reply.status, reply.code()), (409, 30001));
    assert_eq!(script.count("release"), 0);
}

#[test]
fn stock_not_in_redis_yet_is_loaded() {
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("unloaded"))
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![
                DbValue::Uint64(0),
                DbValue::Uint32(1000),
                DbValue::Uint32(7),
            ]]),
        )
        .expect("sync", integer(0))
        .expect("set_aside", word("ok"));
    assert_eq!(one(&loaded(moved(script))).status, 200);
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("unloaded"))
        .expect("inventory SELECT t_inventory", nothing())
        .expect("sync", integer(0))
        .expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, PLANNED)]),
        );
    let reply = one(&script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
}

#[test]
fn short_stock_leaves_nothing_behind() {
    // Too few units in Redis: nothing was reserved.
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("short"))
        .expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, PLANNED)]),
        );
    let reply = one(&script);
    assert_eq!((reply.status, reply.code()), (409, 30001));
    // Too few in the database: the reservation is released.
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("ok"))
        .expect("inventory UPDATE seckill_activity", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(1))
        .expect("inventory UPDATE t_inventory", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(0))
        .expect("release {p1}", integer(1));
    let reply = one(&script);
    assert_eq!((reply.status, reply.code()), (409, 30001));
    assert_eq!(
        (
            script.count("inventory COMMIT"),
            script.count("inventory ROLLBACK")
        ),
        (0, 1)
    );
    assert_eq!(script.values("release")[4..], ["seckill-3", "0"]);
}

#[test]
fn another_preheat_that_was_faster_is_as_good() {
    // Another preheat has reserved so much that too little is left for this one.
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("short"))
        .expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, OPEN)]),
        );
    assert_eq!(one(&loaded(script)).status, 200);
    // Another preheat has opened the sale meanwhile: the repeated reservation is settled with it.
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("ok"))
        .expect("inventory UPDATE seckill_activity", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(0))
        .expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, OPEN)]),
        );
    let script = loaded(script);
    assert_eq!(one(&script).status, 200);
    assert_eq!(script.count("inventory INSERT t_inventory"), 0);
    // The sale was ended meanwhile.
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("ok"))
        .expect("inventory UPDATE seckill_activity", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(0))
        .expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, ENDED)]),
        )
        .expect("release", integer(1));
    let reply = one(&script);
    assert_eq!((reply.status, reply.code()), (409, 40005));
}

#[test]
fn deadlocks_are_tried_again_and_lost_connections_are_not() {
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("ok"))
        .expect("inventory UPDATE seckill_activity", deadlock());
    assert_eq!(one(&loaded(moved(script))).status, 200);
    let script = found(PLANNED, StockMode::Redis)
        .without_blocks()
        .expect("set_aside", word("ok"))
        .expect("inventory UPDATE seckill_activity", mysql_lost())
        .expect("release", integer(1));
    assert_eq!(one(&script).status, 503);
    // Sent as a block, the transaction may have completed without its client.
    let script = found(PLANNED, StockMode::Redis)
        .expect("set_aside", word("ok"))
        .expect("inventory UPDATE seckill_activity", mysql_lost());
    if script.takes_blocks() {
        assert_eq!(one(&script).status, 503);
        assert_eq!(script.count("release"), 0);
    }
    // Lost during COMMIT: the sale may be open, so the reservation stays.
    let script = moved(found(PLANNED, StockMode::Redis).expect("set_aside", word("ok")))
        .expect("inventory COMMIT", mysql_lost());
    assert_eq!(one(&script).status, 503);
    assert_eq!(script.count("release"), 0);
}

#[test]
fn redis_away_at_each_step() {
    let away = || redis_away();
    let aside = || found(PLANNED, StockMode::Redis).expect("set_aside", word("ok"));
    for script in [
        found(PLANNED, StockMode::Redis).expect("set_aside", away()),
        moved(aside()).expect("ZADD", away()),
        found(OPEN, StockMode::Redis).expect("ZADD", away()),
    ] {
        let reply = one(&script);
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1"))
        );
    }
}

#[test]
fn what_cannot_be_preheated_is_refused_before_anything_changes() {
    let row = |status| {
        Script::default().expect(
            "inventory SELECT seckill_activity",
            rows([activity(3, status)]),
        )
    };
    let reply = one(&row(ENDED));
    assert_eq!((reply.status, reply.code()), (409, 40005));
    let mut past = activity(3, OPEN);
    past[7] = DbValue::Uint64(now() - 1);
    let script = Script::default().expect("inventory SELECT seckill_activity", rows([past]));
    assert_eq!(one(&script).code(), 40005);
    // The second of two is unknown: the first is not changed.
    let script = row(PLANNED).expect("inventory SELECT seckill_activity", nothing());
    let reply = preheat(r#"{"seckill_ids":["1-3","1-4"]}"#, &script);
    assert_eq!((reply.status, reply.code()), (404, 40004));
    assert_eq!(
        script.count("set_aside") + script.count("inventory UPDATE"),
        0
    );
    for body in ["{}", r#"{"seckill_ids":[]}"#, r#"{"product_id":0}"#] {
        let reply = preheat(body, &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{body}");
    }
    let reply = preheat(r#"{"seckill_id":"sale_1"}"#, &Script::default());
    assert_eq!((reply.status, reply.code()), (404, 40004));
}

#[test]
fn a_product_names_its_next_sale() {
    let script = loaded(found(OPEN, StockMode::Redis));
    let reply = preheat(r#"{"product_id":1}"#, &script);
    assert_eq!(reply.body["seckills"][0]["seckill_id"], "1-3");
    let script = Script::default().expect("inventory SELECT seckill_activity", nothing());
    let reply = preheat(r#"{"product_id":1}"#, &script);
    assert_eq!((reply.status, reply.code()), (404, 40004));
}
