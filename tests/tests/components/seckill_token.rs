//! `seckill-token`: who gets a token, who does not, and what each costs; announcing and listing sales.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::api::seckill::Token;
use contract::store::queued::QueuedOrder;

const NONCE: &str = "0123456789abcdef0123456789abcdef";
const ASK: &str = r#"{"user_id":"user_7","seckill_id":"1-3"}"#;

fn ask(body: &str, script: &Script) -> Reply {
    send(
        "seckill-token",
        request("POST", "/api/v1/seckill/token", body),
        script,
    )
}

fn words(words: &[&str]) -> Answer {
    Answer::Redis(words.iter().map(text).collect())
}

/// The first question is answered by `mint`, then this id is minted.
fn to_mint(id: domain::OrderId) -> Script {
    Script::default()
        .expect("seckill_token {p1}", words(&["mint"]))
        .expect("mint {u7}", words(&[&id.tick().to_string()]))
}

#[test]
fn a_token_names_the_order_it_will_become() {
    let id = minted(0, 1);
    let script = to_mint(id)
        .expect(
            "seckill_token {p1}",
            words(&["issued", NONCE, &id.to_string(), "300000"]),
        )
        .expect("SET {u7}", words(&["OK"]));
    let reply = ask(ASK, &script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    assert_eq!(reply.body["order_id"], id.to_string());
    assert_eq!(reply.body["expires_in"], 300);
    assert_eq!(reply.body["product_id"], "1");
    let token = Token::parse(reply.body["token"].as_str().unwrap()).unwrap();
    assert_eq!((token.user, token.nonce.as_str()), (7, NONCE));
    let bound = script.values("seckill_token");
    assert_eq!(
        bound[2..8],
        [
            "{p1}:seckill:3",
            "{p1}:stock",
            "{p1}:seckill:3:buyers",
            "{p1}:seckill:3:token:7",
            "{p1}:seckill:3:rate",
            "{p1}:seckill:3:rate:7",
        ]
    );
    assert_eq!(
        (bound[8].as_str(), bound[9].len()),
        ("7", 32),
        "128 random bits"
    );
    assert_eq!(bound[10..], [&*id.to_string(), "300000", "0", "0"]);
    let queued = script.values("SET {u7}");
    assert_eq!(queued[0], format!("{{u7}}:queued:{id}"));
    let value = QueuedOrder::parse(queued[1].as_bytes()).unwrap();
    assert_eq!(value.user().unwrap().shown(), "user_7");
    assert_eq!(queued[2..], ["PX", "86400000"]);
}

#[test]
fn nonces_differ() {
    let nonce = || {
        let id = minted(0, 1);
        let script = to_mint(id)
            .expect(
                "seckill_token",
                words(&["issued", NONCE, &id.to_string(), "300000"]),
            )
            .expect("SET", words(&["OK"]));
        ask(ASK, &script);
        script.values("seckill_token")[9].clone()
    };
    assert_ne!(nonce(), nonce());
}

#[test]
fn a_buyer_has_one_token() {
    let (id, left) = (minted(5_000, 1), "295000");
    let held = ["held", NONCE, &id.to_string(), left];
    let script = Script::default()
        .expect("seckill_token", words(&held))
        .expect("SET {u7}", words(&["OK"]));
    let reply = ask(ASK, &script);
    assert_eq!(reply.body["expires_in"], 295);
    assert_eq!(reply.body["order_id"], id.to_string());
    assert_eq!(script.count("mint"), 0);
    // Two requests at once: the slower one gets the faster one's token.
    let late = minted(0, 2);
    let script = to_mint(late)
        .expect("seckill_token", words(&held))
        .expect("SET {u7}", words(&["OK"]))
        .expect("DEL {u7}", integer(1))
        .expect("SET {u7}", words(&["OK"]));
    let reply = ask(ASK, &script);
    assert_eq!(reply.body["order_id"], id.to_string());
    assert_eq!(script.values("DEL"), [format!("{{u7}}:queued:{late}")]);
}

#[test]
fn every_refusal_has_its_code_and_costs_one_call() {
    let id = minted(0, 1).to_string();
    for (answer, status, code, says) in [
        (&["sold_out"][..], 409, 40002, "已售罄"),
        (&["bought", &id], 409, 40003, id.as_str()),
        (&["early", "1795264560130"], 403, 40001, "not started"),
        (&["over"], 403, 40001, "over"),
        (&["unloaded"], 409, 40005, "not preheated"),
        (&["limited", "1200"], 429, 10004, "频繁"),
    ] {
        let script = Script::default().expect("seckill_token {p1}", words(answer));
        let reply = ask(ASK, &script);
        assert_eq!((reply.status, reply.code()), (status, code), "{answer:?}");
        assert!(reply.body["message"].as_str().unwrap().contains(says));
        assert_eq!(script.steps(), ["seckill_token {p1}"]);
        assert_eq!(
            script.count("open order_1") + script.count("open inventory"),
            0
        );
    }
}

#[test]
fn sold_out_while_the_id_was_minted_leaves_nothing() {
    let script = to_mint(minted(0, 1))
        .expect("seckill_token", words(&["sold_out"]))
        .expect("SET {u7}", words(&["OK"]));
    let reply = ask(ASK, &script);
    assert_eq!((reply.status, reply.code()), (409, 40002));
    assert_eq!(script.count("DEL {u7}"), 1);
}

#[test]
fn a_product_stands_for_its_sale_that_runs() {
    let body = r#"{"user_id":7,"product_id":1}"#;
    let script = Script::default()
        .expect("seckill_current {p1}", words(&["3"]))
        .expect("seckill_token {p1}", words(&["sold_out"]));
    let reply = ask(body, &script);
    assert!(reply.body["message"].as_str().unwrap().contains("1-3"));
    for none in [no_key(), words(&["x"])] {
        let reply = ask(
            body,
            &Script::default().expect("seckill_current {p1}", none),
        );
        assert_eq!((reply.status, reply.code()), (409, 40005));
    }
}

#[test]
fn redis_away_is_503() {
    let id = minted(0, 1);
    let issued = words(&["issued", NONCE, &id.to_string(), "300000"]);
    for script in [
        Script::default().expect("seckill_token", redis_away()),
        Script::default()
            .expect("seckill_token", words(&["mint"]))
            .expect("mint", redis_away()),
        to_mint(id)
            .expect("seckill_token", issued)
            .expect("SET", redis_away()),
    ] {
        let reply = ask(ASK, &script);
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1"))
        );
    }
    for nonsense in [
        &["rubbish"][..],
        &["held", NONCE, "0", "5"],
        &["held", NONCE],
    ] {
        let script = Script::default().expect("seckill_token", words(nonsense));
        assert_eq!(ask(ASK, &script).status, 500, "{nonsense:?}");
    }
}

#[test]
fn bad_requests_for_a_token_reach_no_server() {
    for (body, status, code) in [
        ("{}", 400, 10001),
        (r#"{"seckill_id":"1-3"}"#, 400, 10001),
        (r#"{"user_id":7}"#, 400, 10001),
        (r#"{"user_id":7,"seckill_id":"x"}"#, 404, 40004),
        (r#"{"user_id":0,"seckill_id":"1-3"}"#, 400, 10001),
        (r#"{"user_id":7,"product_id":0}"#, 400, 10001),
    ] {
        let reply = ask(body, &Script::default());
        assert_eq!((reply.status, reply.code()), (status, code), "{body}");
    }
    let reply = send(
        "seckill-token",
        request("GET", "/api/v1/seckill/token", ""),
        &Script::default(),
    );
    assert_eq!(reply.status, 405);
}

fn announce(body: &str, script: &Script) -> Reply {
    let path = "/api/v1/seckill/activities";
    send("seckill-token", request("POST", path, body), script)
}

fn plan(more: &str) -> String {
    let (from, to) = (now(), now() + 60_000);
    format!(r#"{{"product_id":1,"price":9.9,"stock":100,"starts_at":{from},"ends_at":{to}{more}}}"#)
}

fn product() -> Answer {
    rows([vec![
        DbValue::Str("键盘".to_owned()),
        DbValue::DbNull,
        DbValue::Uint8(0),
    ]])
}

#[test]
fn a_sale_is_announced_under_its_products_name() {
    for (more, name) in [("", "键盘"), (r#","name":"Night sale""#, "Night sale")] {
        let script = Script::default()
            .expect("inventory SELECT products", product())
            .expect(
                "inventory SELECT t_inventory",
                rows([vec![DbValue::Uint64(0)]]),
            )
            .expect("inventory INSERT seckill_activity", Answer::Done)
            .expect(
                "inventory SELECT LAST_INSERT_ID()",
                rows([vec![DbValue::Uint64(3)]]),
            );
        let reply = announce(&plan(more), &script);
        assert_eq!((reply.status, reply.code()), (201, 10000), "{reply:?}");
        assert_eq!(reply.body["seckill_id"], "1-3");
        assert_eq!(reply.body["name"], name);
        assert_eq!(reply.body["status"], "planned");
        assert!(reply.body["available_stock"].is_null());
        assert_eq!(
            reply.header("location"),
            Some("/api/v1/seckill/activities/1-3")
        );
        assert_eq!(script.count("inventory COMMIT"), 1);
    }
}

#[test]
fn a_sale_of_nothing_is_not_announced() {
    let script = Script::default().expect("inventory SELECT products", nothing());
    let reply = announce(&plan(""), &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
    let script = Script::default()
        .expect("inventory SELECT products", product())
        .expect("inventory SELECT t_inventory", nothing());
    let reply = announce(&plan(r#","sku_id":5"#), &script);
    assert_eq!((reply.status, reply.code()), (404, 30003));
    for more in [
        r#","per_user_limit":0"#,
        r#","per_user_limit":101"#,
        r#","sku_id":"x""#,
    ] {
        let reply = announce(&plan(more), &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{more}");
    }
    let script = Script::default()
        .expect("inventory SELECT products", product())
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![DbValue::Uint64(0)]]),
        )
        .expect("inventory INSERT seckill_activity", mysql_lost());
    assert_eq!(announce(&plan(""), &script).status, 503);
}

#[test]
fn a_number_that_no_sku_can_carry_is_not_kept() {
    let script = Script::default()
        .expect("inventory SELECT products", product())
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![DbValue::Uint64(0)]]),
        )
        .expect("inventory INSERT seckill_activity", Answer::Done)
        .expect(
            "inventory SELECT LAST_INSERT_ID()",
            rows([vec![DbValue::Uint64(1 << 30)]]),
        );
    assert_eq!(announce(&plan(""), &script).status, 500);
    assert_eq!(
        (
            script.count("inventory COMMIT"),
            script.count("inventory ROLLBACK")
        ),
        (0, 1)
    );
}

/// The row of an activity of product 1: 100 units at 9.90.
pub fn activity(number: u64, status: u8) -> Vec<DbValue> {
    vec![
        DbValue::Uint64(number),
        DbValue::Uint64(1),
        DbValue::Uint64(0),
        DbValue::Str("Night sale".to_owned()),
        DbValue::Int64(990),
        DbValue::Uint32(100),
        DbValue::Uint64(now() - 1_000),
        DbValue::Uint64(now() + 60_000),
        DbValue::Uint32(2),
        DbValue::Uint8(status),
    ]
}

#[test]
fn sales_are_listed_with_what_is_left() {
    let list = [activity(3, 1), activity(2, 2), activity(1, 0)];
    let script = Script::default()
        .expect("inventory SELECT seckill_activity", rows(list))
        .expect(
            "inventory SELECT seckill_activity",
            rows([vec![DbValue::Int64(13)]]),
        )
        .expect("HMGET {p1}", words(&["90", "30"]));
    let path = "/api/v1/seckill/activities?product_id=1&status=all&page=1&page_size=3";
    let reply = send("seckill-token", request("GET", path, ""), &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        (&reply.body["total"], &reply.body["page_size"]),
        (&13.into(), &3.into())
    );
    let left: Vec<_> = (0..3)
        .map(|at| reply.body["seckills"][at]["available_stock"].clone())
        .collect();
    assert_eq!(left, [60.into(), 0.into(), serde_json::Value::Null]);
    for bad in ["status=gone", "product_id=0", "page=0"] {
        let path = format!("/api/v1/seckill/activities?{bad}");
        let reply = send(
            "seckill-token",
            request("GET", &path, ""),
            &Script::default(),
        );
        assert_eq!((reply.status, reply.code()), (400, 10001), "{bad}");
    }
}

#[test]
fn one_sale() {
    let path = "/api/v1/seckill/activities/1-3";
    let get = |path: &str, script: &Script| send("seckill-token", request("GET", path, ""), script);
    let script = Script::default()
        .expect("inventory SELECT seckill_activity", rows([activity(3, 1)]))
        .expect("HMGET", redis_away());
    let reply = get(path, &script);
    assert_eq!(
        (reply.status, &reply.body["seckill_id"]),
        (200, &"1-3".into())
    );
    assert!(
        reply.body["available_stock"].is_null(),
        "without Redis it is not known"
    );
    let script = Script::default().expect("inventory SELECT seckill_activity", nothing());
    let reply = get(path, &script);
    assert_eq!((reply.status, reply.code()), (404, 40004));
    let reply = get("/api/v1/seckill/activities/x", &Script::default());
    assert_eq!((reply.status, reply.code()), (404, 40004));
}
