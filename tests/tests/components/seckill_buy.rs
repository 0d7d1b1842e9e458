//! `seckill-buy`: one script call, and a separate code for every reason to refuse.

use crate::host::{Reply, TRACE_ID, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::api::seckill::Token;
use domain::{SeckillId, Status};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

fn token() -> String {
    Token {
        sale: SeckillId::parse("1-3").unwrap(),
        user: USER,
        nonce: NONCE.to_owned(),
    }
    .to_string()
}

fn buy(more: &str, script: &Script) -> Reply {
    let body = format!(r#"{{"token":"{}"{more}}}"#, token());
    send(
        "seckill-buy",
        request("POST", "/api/v1/seckill/buy", body),
        script,
    )
}

fn answered(words: &[&str]) -> Script {
    Script::default().expect(
        "seckill_buy {p1}",
        Answer::Redis(words.iter().map(text).collect()),
    )
}

#[test]
fn a_purchase_is_one_call_and_may_be_repeated() {
    let id = minted(0, 1);
    for (word, replayed) in [("ok", None), ("again", Some("true"))] {
        let mut script = answered(&[word, &id.to_string()]);
        if replayed.is_some() {
            script = script.expect("order_1 SELECT t_order", nothing());
        }
        let reply = buy(
            r#","user_id":"user_7","product_id":1,"quantity":2"#,
            &script,
        );
        assert_eq!((reply.status, reply.code()), (202, 10000), "{reply:?}");
        assert_eq!(reply.body["order_id"], id.to_string());
        assert_eq!(reply.body["order_no"], id.order_no());
        assert_eq!(reply.body["status"], "queued");
        assert_eq!(reply.header("location"), Some(&*format!("/v1/order/{id}")));
        assert_eq!(reply.header("idempotent-replayed"), replayed);
        assert_eq!(script.steps()[0], "seckill_buy {p1}");
        let values = script.values("seckill_buy");
        assert_eq!(
            values[2..11],
            [
                "{p1}:seckill:3",
                "{p1}:stock",
                "{p1}:reserved",
                "{p1}:seckill:3:buyers",
                "{p1}:seckill:3:token:7",
                "{p1}:intake",
                "{p1}:seckill:3:rate",
                "{p1}:seckill:3:rate:7",
                "{p1}:product",
            ]
        );
        assert_eq!(values[11..14], ["7", NONCE, "2"]);
        assert_eq!(
            values[16..],
            ["intake", "0", "0", "ref", "user_7", "trace", TRACE_ID]
        );
    }
}

#[test]
fn every_refusal_has_its_code() {
    let id = minted(0, 1).to_string();
    for (words, status, code, says) in [
        (&["bought", &id][..], 409, 40003, id.as_str()),
        (&["early"], 403, 40001, "not started"),
        (&["over"], 403, 40001, "over"),
        (&["unloaded"], 409, 40005, "not preheated"),
        (&["sold_out"], 409, 40002, "已售罄"),
        (&["expired"], 403, 40001, "expired"),
        (&["forged"], 403, 40001, "not one of ours"),
        (&["limit", "2"], 400, 10001, "quantity must be at most 2"),
        (&["limited", "1200"], 429, 10004, "频繁"),
        (&["full"], 503, 10005, "系统繁忙"),
    ] {
        let reply = buy("", &answered(words));
        assert_eq!((reply.status, reply.code()), (status, code), "{words:?}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(says), "{words:?}: {message}");
    }
}

#[test]
fn what_is_wrong_with_the_request_reaches_no_server() {
    let none = Script::default();
    for (more, status, code, says) in [
        (r#","user_id":8"#, 403, 40001, "another user"),
        (r#","seckill_id":"1-4""#, 403, 40001, "another flash sale"),
        (r#","product_id":2"#, 403, 40001, "another flash sale"),
        (r#","quantity":0"#, 400, 10001, "quantity"),
        (r#","quantity":-1"#, 400, 10001, "quantity"),
        (r#","user_id":"""#, 400, 10001, "user_id"),
    ] {
        let reply = buy(more, &none);
        assert_eq!((reply.status, reply.code()), (status, code), "{more}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(says), "{more}: {message}");
    }
    let post = |body: &str| {
        send(
            "seckill-buy",
            request("POST", "/api/v1/seckill/buy", body),
            &none,
        )
    };
    let reply = post(r#"{"token":"x"}"#);
    assert_eq!((reply.status, reply.code()), (403, 40001));
    let reply = post("{}");
    assert_eq!((reply.status, reply.code()), (400, 10001));
    let reply = send(
        "seckill-buy",
        request("GET", "/api/v1/seckill/buy", ""),
        &none,
    );
    assert_eq!(reply.status, 405);
    let reply = send(
        "seckill-buy",
        request("POST", "/api/v1/seckill/x", ""),
        &none,
    );
    assert_eq!(reply.status, 404);
}

#[test]
fn redis_away_is_503_and_nonsense_is_our_fault() {
    let reply = buy("", &Script::default().expect("seckill_buy", redis_away()));
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
    for words in [
        &["ok", "0"][..],
        &["ok"],
        &["rubbish"],
        &["limit", "x"],
        &["limited"],
    ] {
        let reply = buy("", &answered(words));
        assert_eq!((reply.status, reply.code()), (500, 10003), "{words:?}");
        assert!(
            !reply.log.contains(NONCE),
            "no secret in a log: {}",
            reply.log
        );
    }
}

#[test]
fn a_repeat_tells_what_became_of_the_order() {
    let id = minted(0, 1);
    for (stored, state) in [
        (loaded(&order(id, Status::Cancelled, 2)), "cancelled"),
        (loaded(&order(id, Status::Paid, 2)), "paid"),
        (mysql_lost(), "queued"),
    ] {
        let script = answered(&["again", &id.to_string()]).expect("order_1 SELECT t_order", stored);
        let reply = buy(r#","user_id":"user_7""#, &script);
        assert_eq!((reply.status, reply.code()), (202, 10000), "{reply:?}");
        assert_eq!(reply.body["status"], state);
    }
}

#[test]
fn a_product_that_is_not_on_sale_does_not_sell() {
    let reply = buy("", &answered(&["off"]));
    assert_eq!((reply.status, reply.code()), (409, 40005), "{reply:?}");
}
