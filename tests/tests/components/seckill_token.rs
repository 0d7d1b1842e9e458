//! `seckill-token`: who gets a token, who does not, and how many calls each case costs.

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

/// The first call is answered with `mint`, then this id is minted.
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
        bound[2..9],
        [
            "{p1}:seckill:3",
            "{p1}:stock",
            "{p1}:seckill:3:buyers",
            "{p1}:seckill:3:token:7",
            "{p1}:seckill:3:rate",
            "{p1}:seckill:3:rate:7",
            "{p1}:product",
        ]
    );
    assert_eq!(
        (bound[9].as_str(), bound[10].len()),
        ("7", 32),
        "128 random bits"
    );
    assert_eq!(bound[11..], [&*id.to_string(), "300000", "0", "0"]);
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
        script.values("seckill_token")[10].clone()
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
    // Two concurrent requests: the slower one gets the token of the faster one.
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
