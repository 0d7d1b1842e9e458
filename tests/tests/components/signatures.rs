//! Machines that sign their requests, in mode `strict`: what is served, once, and what is refused before any server is
//! asked.

use crate::callers::{STRICT, access, bearer, by};
use crate::create_order::{BODY, inserts, reserved_under};
use crate::host::{CRON, ERP, PAY, Reply, request, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::api::identity::hash;
use contract::store::cached_order::CachedOrder;
use contract::store::redis::signature_nonce;
use domain::hex::hex;
use domain::limits::SIGNATURE_NONCE_MS;
use domain::{OrderId, Role, Status};
use http::{HeaderValue, Request};
use tests::signatures::{header, nonce};
use tests::tokens::seconds;

const CALLBACK: &str = "/v1/payment/callback";
/// Of the name `pay-1`, and not its key.
const FORGED: &str = "pay-1:provider:YW5vdGhlciBrZXkgb2YgdGhlIHNhbWUgbmFtZSBhcyAx";

/// The request with a signature by this key, made now.
pub fn signed_by(key: &str, request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    signed(key, request, seconds(), &nonce())
}

fn signed(key: &str, request: Request<Vec<u8>>, time: u64, nonce: &str) -> Request<Vec<u8>> {
    let line = header(key, &request, time, nonce).unwrap();
    by(request, Some(line.as_bytes()))
}

/// With the header that another request was signed with.
fn moved(from: &Request<Vec<u8>>, to: Request<Vec<u8>>) -> Request<Vec<u8>> {
    let line = from.headers()["authorization"].as_bytes();
    by(to, Some(line))
}

fn payment(id: OrderId) -> Request<Vec<u8>> {
    let body = format!(r#"{{"order_id":"{id}","payment_id":"pay-1","amount":199.98}}"#);
    request("POST", CALLBACK, body)
}

/// The failures that an operator lists; a page that is none, so that no database is asked.
fn failures(query: &str) -> Request<Vec<u8>> {
    request("GET", &format!("/api/v1/failures{query}"), "")
}

/// Sends a request; neither the signature nor a key may be in its reply or in the log.
fn ask(function: &str, request: Request<Vec<u8>>, script: &Script) -> Reply {
    let lines = request.headers().get_all("authorization").iter();
    let lines: Vec<String> = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect();
    let reply = send_with(function, request, script, STRICT);
    let shown = format!("{reply:?} {}", reply.log);
    for line in lines {
        let signature = line.split("signature=").nth(1).unwrap_or("none at all");
        assert!(!shown.contains(signature), "{shown}");
    }
    for key in [PAY, ERP, CRON] {
        let (_, secret) = key.rsplit_once(':').unwrap();
        assert!(!shown.contains(secret), "{shown}");
    }
    reply
}

/// A refusal before anything was asked of Redis or MySQL.
fn refused(function: &str, request: Request<Vec<u8>>) -> Reply {
    let script = Script::default();
    let reply = ask(function, request, &script);
    assert_eq!(script.steps(), Vec::<String>::new(), "{reply:?}");
    reply
}

fn is_refused(reply: &Reply, text: &str, case: &str) {
    assert_eq!(
        (reply.status, reply.code()),
        (401, 10002),
        "{case}: {reply:?}"
    );
    let message = format!("[10002] the signature {text}");
    assert_eq!(reply.body["message"], message, "{case}");
    let challenge = reply.header("www-authenticate");
    assert_eq!(
        challenge,
        Some("HMAC-SHA256 realm=\"flashorder\""),
        "{case}"
    );
}

#[test]
fn a_signature_is_taken_once() {
    let id = minted(5_000, 1);
    let nonce = nonce();
    let request = || signed(PAY, payment(id), seconds(), &nonce);
    let script = Script::default().expect("SET", stored()).expect(
        "order_1 SELECT t_order",
        loaded(&order(id, Status::Paid, 2)),
    );
    let reply = ask("pay-order", request(), &script);
    assert_eq!(reply.status, 200, "the body is read again: {reply:?}");
    assert_eq!(reply.body["order"]["status"], "paid");
    let key = signature_nonce("pay-1", &hex(&hash(&[nonce.as_bytes()])));
    assert_eq!(
        script.values("SET"),
        [
            key.as_str(),
            "1",
            "NX",
            "PX",
            &SIGNATURE_NONCE_MS.to_string()
        ]
    );
    let steps = script.steps();
    assert_eq!(steps[0], format!("SET {key}"), "{steps:?}");
    let script = Script::default().expect("SET", no_key());
    let again = ask("pay-order", request(), &script);
    is_refused(&again, "was used before", "a repeat");
    assert_eq!(script.steps().len(), 1, "nothing else is asked");
}

#[test]
fn what_was_not_signed_is_refused() {
    let payment = || payment(minted(5_000, 1));
    let own = signed_by(PAY, payment());
    let line = own.headers()["authorization"].to_str().unwrap().to_owned();
    let with = |from: &str, to: String| {
        assert!(line.contains(from), "{from}");
        by(payment(), Some(line.replacen(from, &to, 1).as_bytes()))
    };
    let other_body = request(
        "POST",
        CALLBACK,
        r#"{"order_id":"7","payment_id":"pay-1","amount":199.98}"#,
    );
    let mut twice = signed_by(PAY, payment());
    let second = HeaderValue::from_str(&line).unwrap();
    twice.headers_mut().append("authorization", second);
    let mut beside_a_token = bearer(payment(), &access("1", Role::Admin));
    let second = HeaderValue::from_str(&line).unwrap();
    beside_a_token.headers_mut().append("authorization", second);
    let not_text = [line.as_bytes(), b"\xff"].concat();
    let time: u64 = line.split(['=', ',']).nth(3).unwrap().parse().unwrap();
    for (case, request) in [
        ("forged", signed_by(FORGED, payment())),
        (
            "unknown key",
            signed_by(&PAY.replace("pay-1", "pay-2"), payment()),
        ),
        ("another's key", with("key=pay-1", "key=erp".into())),
        ("another body", moved(&own, other_body)),
        ("no body", moved(&own, request("POST", CALLBACK, ""))),
        (
            "another query",
            moved(
                &own,
                request("POST", &format!("{CALLBACK}?user_id=7"), own.body().clone()),
            ),
        ),
        ("another nonce", with("nonce=test", "nonce=tesu".into())),
        (
            "another time",
            with(&time.to_string(), (time + 1).to_string()),
        ),
        (
            "cut short",
            by(payment(), Some(&line.as_bytes()[..line.len() - 1])),
        ),
        ("no parameters", by(payment(), Some(b"HMAC-SHA256"))),
        (
            "a parameter more",
            by(payment(), Some(format!("{line}, x=1").as_bytes())),
        ),
        (
            "too long",
            by(
                payment(),
                Some(format!("{line}{}", " ".repeat(2_000)).as_bytes()),
            ),
        ),
        ("not UTF-8", by(payment(), Some(&not_text))),
        ("twice", twice),
        ("beside a token", beside_a_token),
    ] {
        is_refused(&refused("pay-order", request), "is not valid", case);
    }
}

/// Where two routes differ in their method or their path alone.
#[test]
fn a_signature_is_of_one_operation() {
    let cancel = |method, id: &str| request(method, &format!("/v1/order/{id}/cancel"), "");
    let own = signed_by(ERP, cancel("POST", "7"));
    for (case, other) in [
        ("method", cancel("PUT", "7")),
        ("path", cancel("POST", "8")),
        ("path, as one may write it", cancel("POST", "%38")),
    ] {
        let reply = refused("cancel-order", moved(&own, other));
        is_refused(&reply, "is not valid", case);
    }
    let own = signed_by(ERP, cancel("POST", "0"));
    let script = Script::default().expect("SET", stored());
    let escaped = moved(&own, cancel("POST", "%30"));
    let reply = ask("cancel-order", escaped, &script);
    assert_eq!(reply.status, 404, "the same path: {reply:?}");
}

/// In whatever order and spelling, but every pair. A `HEAD` is the `GET` that a cache makes of it.
#[test]
fn a_query_is_signed_by_what_it_says() {
    let own = signed_by(CRON, failures("?page=0&status=a+b"));
    for same in ["?status=a%20b&page=0", "?&%70age=0&status=a%20b"] {
        let script = Script::default().expect("SET", stored());
        let reply = ask("order-failures", moved(&own, failures(same)), &script);
        assert_eq!(reply.status, 400, "the page is 0, {same}: {reply:?}");
    }
    for other in ["?page=0", "?page=0&page=0&status=a+b", "?page=1&status=a+b"] {
        let reply = refused("order-failures", moved(&own, failures(other)));
        is_refused(&reply, "is not valid", other);
    }
    let head = request("HEAD", "/api/v1/failures?page=0&status=a+b", "");
    let script = Script::default().expect("SET", stored());
    let reply = ask("order-failures", moved(&own, head), &script);
    assert_eq!(reply.status, 400, "{reply:?}");
}

#[test]
fn a_signature_is_of_these_minutes() {
    let made = |time| signed(CRON, failures("?page=0"), time, &nonce());
    for age in [290, 0] {
        for time in [seconds() - age, seconds() + age] {
            let script = Script::default().expect("SET", stored());
            let reply = ask("order-failures", made(time), &script);
            assert_eq!(reply.status, 400, "the page is 0: {reply:?}");
        }
    }
    for time in [0, seconds() - 301, seconds() + 330, seconds() * 1_000] {
        let reply = refused("order-failures", made(time));
        is_refused(&reply, "is too old or too new", &time.to_string());
    }
}

#[test]
fn a_body_is_read_up_to_its_limit() {
    let of = |length: usize| signed_by(PAY, request("POST", CALLBACK, " ".repeat(length)));
    let reply = refused("pay-order", of(64 * 1024 + 1));
    assert_eq!((reply.status, reply.code()), (413, 10001), "{reply:?}");
    let script = Script::default().expect("SET", stored());
    let reply = ask("pay-order", of(64 * 1024), &script);
    assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
    // Without a key, nothing is read.
    let stranger = request("POST", CALLBACK, " ".repeat(64 * 1024 + 1));
    let reply = refused("pay-order", signed_by(&PAY.replace("pay-1", "x"), stranger));
    is_refused(&reply, "is not valid", "a stranger's long body");
}

/// A nonce that may have been used is not taken for new.
#[test]
fn nothing_is_served_while_redis_is_away() {
    let id = minted(5_000, 1);
    for answer in [
        redis_away(),
        Answer::RedisError("OOM command not allowed when used memory > 'maxmemory'".to_owned()),
    ] {
        let script = Script::default().expect("SET", answer);
        let reply = ask("pay-order", signed_by(PAY, payment(id)), &script);
        assert_eq!((reply.status, reply.code()), (503, 10005), "{reply:?}");
        assert!(reply.header("retry-after").is_some());
        assert_eq!(script.steps().len(), 1, "{:?}", script.steps());
    }
}

/// No other role reports payments; a token of the back office does not.
#[test]
fn payments_are_reported_by_providers_that_sign() {
    let payment = || payment(minted(5_000, 1));
    for request in [
        signed_by(ERP, payment()),
        signed_by(CRON, payment()),
        bearer(payment(), &access("1", Role::Admin)),
        bearer(payment(), &access("7", Role::User)),
    ] {
        let reply = refused("pay-order", request);
        assert_eq!((reply.status, reply.code()), (403, 10006), "{reply:?}");
    }
    let reply = refused("pay-order", by(payment(), None));
    assert_eq!(reply.body["message"], "[10002] a signature is required");
    // Nor does a provider do anything else.
    let own = request("POST", "/v1/order/7/pay", r#"{"payment_id":"pay-1"}"#);
    let reply = refused("pay-order", signed_by(PAY, own));
    assert_eq!((reply.status, reply.code()), (403, 10006), "{reply:?}");
}

/// A machine is no user, and acts for whom it names.
#[test]
fn a_machine_orders_for_whom_it_names() {
    let script = inserts(reserved_under(minted(0, 1)));
    let script = script
        .expect("SET", stored())
        .expect("complete {u7}", integer(1));
    let create = |body: &str| signed_by(ERP, request("POST", "/v1/order/create", body));
    let reply = ask("create-order", create(BODY), &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.body["order"]["user_id"], "user_7", "{reply:?}");
    let unnamed = BODY.replace(r#""user_id":"user_7","#, "");
    assert_ne!(unnamed, BODY);
    let script = Script::default().expect("SET", stored());
    let reply = ask("create-order", create(&unnamed), &script);
    assert_eq!(reply.status, 400, "{reply:?}");
    assert_eq!(reply.body["message"], "[10001] user_id is required");
}

/// A cache would answer a repeat.
#[test]
fn replies_to_machines_are_not_cached() {
    let id = minted(5_000, 1);
    let cached = CachedOrder::render(&order(id, Status::Pending, 1)).unwrap();
    let script = Script::default()
        .expect("SET", stored())
        .expect("GET {u7}", Answer::Redis(vec![text(cached)]));
    let read = request("GET", &format!("/v1/order/{id}"), "");
    let reply = ask("query-order", signed_by(ERP, read), &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("host-cache-control"), None);
}

#[test]
fn keys_of_machines_are_checked_and_never_shown() {
    let send = |keys: &'static str, request| {
        let variables = [("auth_mode", "strict"), ("machine_keys", keys)];
        send_with("order-failures", request, &Script::default(), &variables)
    };
    for (keys, shown) in [
        ("erp:admin", "variable machine_keys key 1: not of the form"),
        (
            "erp:admin:dGhlIGtleSBvZiB0aGUgd2FyZWhvdXNlJ3Mgc3lzdGVt,a:user:dGhlIGtleSBvZi",
            "variable machine_keys key 2: its role is none of",
        ),
        (
            "a:ops:dGhlIGtleSBvZg",
            "machine_keys key 1: has fewer than 32 bytes",
        ),
    ] {
        let reply = send(keys, failures("?page=0"));
        assert_eq!((reply.status, reply.code()), (500, 10003), "{reply:?}");
        assert!(reply.log.contains(shown), "{}", reply.log);
        assert!(!reply.log.contains("dGhlIGtleSBv"), "{}", reply.log);
    }
    // There need be none.
    let reply = send("", signed_by(CRON, failures("?page=0")));
    is_refused(&reply, "is not valid", "no machines");
}
