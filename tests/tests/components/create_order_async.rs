//! `create-order` with `Prefer: respond-async`: accepted into the intake, and what is undone when it is not.

use crate::bindings::mysql::DbValue;
use crate::bindings::redis::RedisResult;
use crate::create_order::{BODY, create, reserved_under};
use crate::create_order_faults::payload_hash;
use crate::host::{Reply, TRACE_ID, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::store::queued::QueuedOrder;
use contract::wire::event::OrderEvent;
use domain::limits::TAKEOVER_AGE_MS;
use domain::{OrderId, Status};

fn create_async(path: &str, script: &Script) -> Reply {
    let mut request = request("POST", path, BODY);
    let headers = request.headers_mut();
    headers.insert("idempotency-key", http::HeaderValue::from_static("k-1"));
    headers.append("prefer", http::HeaderValue::from_static("wait=2"));
    headers.append(
        "prefer",
        http::HeaderValue::from_static("return=minimal, Respond-Async"),
    );
    send("create-order", request, script)
}

/// Admitted under `id` with a key that the shard does not know; two units are reserved.
fn asked_under(id: OrderId) -> Script {
    reserved_under(id).expect("order_1 SELECT t_order", nothing())
}

fn word(word: &str) -> Answer {
    Answer::Redis(vec![text(word)])
}

/// The stored response of an order accepted earlier.
fn accepted_before(id: OrderId) -> Answer {
    let view = QueuedOrder::view(&order(id, Status::Pending, 1));
    Answer::Redis(vec![
        text(now()),
        text("completed"),
        text(id.tick()),
        RedisResult::Int64(1),
        text("202"),
        text(view.json().unwrap()),
    ])
}

#[test]
fn an_order_is_accepted_once_its_shard_does_not_know_the_key() {
    for (path, pointer, location) in [
        ("/v1/order/create", "/status", "/v1/order"),
        ("/api/v1/orders", "/status", "/api/v1/orders"),
        ("/orders", "/data/status", "/orders"),
    ] {
        let id = minted(0, 1);
        let script = asked_under(id).expect("enqueue {u7}", word("ok"));
        let reply = create_async(path, &script);
        assert_eq!(reply.status, 202, "{path}: {reply:?}");
        assert_eq!(reply.body.pointer(pointer).unwrap(), "queued", "{reply:?}");
        assert_eq!(reply.header("location"), Some(&*format!("{location}/{id}")));
        assert_eq!(reply.header("preference-applied"), Some("respond-async"));
        assert_eq!(
            script.steps(),
            [
                "admit {u7}",
                "order_1 SELECT t_order",
                "reserve {p1}",
                "enqueue {u7}"
            ]
        );
        let asked = script.values("order_1 SELECT t_order");
        assert_eq!(asked, ["7", "d0d9dac71e8bb2289f3effc49b2c9ea2"]);
    }
}

#[test]
fn without_a_key_no_database_is_asked() {
    let script = reserved_under(minted(0, 1)).expect("enqueue {u7}", word("ok"));
    let mut request = request("POST", "/v1/order/create", BODY);
    let prefer = http::HeaderValue::from_static("respond-async");
    request.headers_mut().insert("prefer", prefer);
    assert_eq!(send("create-order", request, &script).status, 202);
    assert_eq!(
        script.steps(),
        ["admit {u7}", "reserve {p1}", "enqueue {u7}"]
    );
}

/// The key has expired in Redis, but its shard still knows it.
fn made(id: OrderId, request_hash: Vec<u8>) -> Script {
    let row = vec![DbValue::Uint64(id.get()), DbValue::Binary(request_hash)];
    Script::default()
        .expect("admit {u7}", admitted(minted(0, 2)))
        .expect("order_1 SELECT t_order", rows([row]))
}

#[test]
fn a_key_that_only_the_shard_knows_is_answered_with_its_order() {
    let id = minted(90_000_000, 1);
    for status in [Status::Pending, Status::Cancelled] {
        let script = made(id, payload_hash())
            .expect("order_1 SELECT t_order", loaded(&order(id, status, 2)))
            .expect("complete {u7}", integer(1));
        let reply = create_async("/v1/order/create", &script);
        let replayed = reply.header("idempotent-replayed");
        assert_eq!((reply.status, replayed), (200, Some("true")), "{reply:?}");
        assert_eq!(reply.body["order_id"], id.to_string());
        assert_eq!(reply.body["status"], status.name());
        assert_eq!(script.count("reserve"), 0, "nothing is taken for it");
    }
    let script = made(id, vec![0; 16]).expect("free {u7}", integer(1));
    let reply = create_async("/v1/order/create", &script);
    assert_eq!((reply.status, reply.code()), (422, 20004));
    assert_eq!(script.values("free")[4], "processing");
}

#[test]
fn with_its_shard_away_an_order_is_accepted_all_the_same() {
    let id = minted(0, 1);
    let script = reserved_under(id)
        .expect("open order_1", mysql_away())
        .expect("enqueue {u7}", word("ok"));
    let reply = create_async("/v1/order/create", &script);
    assert_eq!(
        (reply.status, &reply.body["order_id"]),
        (202, &id.to_string().into())
    );
    assert!(reply.log.contains("WARN"), "{}", reply.log);
    // The shard finds the key, but fails before it returns the order.
    let row = vec![DbValue::Uint64(9), DbValue::Binary(payload_hash())];
    let script = Script::default()
        .expect("admit", admitted(id))
        .expect("order_1 SELECT t_order", rows([row]))
        .expect("order_1 SELECT t_order", mysql_lost())
        .expect("free {u7}", integer(1));
    assert_eq!(create_async("/v1/order/create", &script).status, 503);
}

#[test]
fn the_entry_is_the_whole_order() {
    let id = minted(0, 1);
    let script = asked_under(id).expect("enqueue {u7}", word("ok"));
    create_async("/v1/order/create", &script);
    let values = script.values("enqueue");
    let (names, values) = values[2..].split_at(3);
    assert!(names[0].contains(":order:create:7:"), "{names:?}");
    assert_eq!(
        names[1..],
        [format!("{{u7}}:queued:{id}"), "{u7}:intake".to_owned()]
    );
    assert_eq!(values[0], id.tick().to_string());
    assert_eq!((values[3].as_str(), values[7].as_str()), ("202", "intake"));
    assert_eq!(values[4], values[5], "what is replayed is what is polled");
    let queued = QueuedOrder::parse(values[5].as_bytes()).unwrap();
    assert_eq!(queued.user().unwrap().shown(), "user_7");
    let pairs: Vec<&str> = values[8..].iter().map(String::as_str).collect();
    assert_eq!(
        [pairs[0], pairs[2], pairs[4], pairs[6]],
        ["event", "key", "payload", "trace"]
    );
    assert_eq!(
        (pairs[3].len(), pairs[5].len(), pairs[7]),
        (32, 32, TRACE_ID)
    );
    let event: OrderEvent = serde_json::from_str(pairs[1]).unwrap();
    assert_eq!((event.order.id, event.order.version), (id.to_string(), 1));
}

#[test]
fn a_repeat_is_accepted_again_whether_it_would_wait_or_not() {
    let id = minted(60_000, 9);
    for reply in [
        create(&Script::default().expect("admit", accepted_before(id))),
        create_async(
            "/v1/order/create",
            &Script::default().expect("admit", accepted_before(id)),
        ),
    ] {
        assert_eq!(
            (reply.status, reply.header("idempotent-replayed")),
            (202, Some("true"))
        );
        assert_eq!(reply.body["order_id"], id.to_string());
        assert_eq!(reply.body["status"], "queued");
    }
}

#[test]
fn what_is_not_accepted_is_undone() {
    for refusal in ["full", "lost"] {
        let script = asked_under(minted(0, 1))
            .expect("enqueue", word(refusal))
            .expect("release {p1}", integer(1))
            .expect("free {u7}", integer(1));
        let reply = create_async("/v1/order/create", &script);
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1")),
            "{refusal}"
        );
    }
}

/// Where the clocks of Redis and the host differ by hours, nothing counts as late.
#[test]
fn a_clock_that_differs_refuses_nothing() {
    let hours = 6 * 3_600_000;
    for id in [minted(hours, 1), minted(0, 1)] {
        let script = asked_under(id).expect("enqueue", word("ok"));
        assert_eq!(create_async("/v1/order/create", &script).status, 202);
    }
}

#[test]
fn a_lost_reply_of_the_intake_is_left_to_the_repeat() {
    let script = asked_under(minted(0, 1)).expect("enqueue", redis_away());
    assert_eq!(create_async("/v1/order/create", &script).status, 503);
    assert_eq!(script.count("release"), 0, "it may have been accepted");
    assert_eq!(script.count("free"), 0);
}

#[test]
fn a_refusal_is_told_at_once() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("order_1 SELECT t_order", nothing())
        .expect("reserve {p1}", refused(&["short", "0"]))
        .expect("release {p1}", integer(0))
        .expect("free {u7}", integer(1));
    let reply = create_async("/v1/order/create", &script);
    assert_eq!((reply.status, reply.code()), (409, 30001));
}

#[test]
fn an_order_in_the_queue_is_not_taken_over() {
    let earlier = minted(TAKEOVER_AGE_MS + 500, 1);
    let view = QueuedOrder::view(&order(earlier, Status::Pending, 1));
    let script = Script::default()
        .expect("admit", held("processing", earlier, true, ""))
        .expect("GET {u7}", word(&view.json().unwrap()));
    let reply = create_async("/v1/order/create", &script);
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (202, Some("true"))
    );
    assert_eq!(script.count("release") + script.count("free"), 0);
}

#[test]
fn a_request_that_was_accepted_during_its_takeover_keeps_its_units() {
    let earlier = minted(TAKEOVER_AGE_MS + 500, 1);
    let script = Script::default()
        .expect("admit", held("processing", earlier, true, ""))
        .expect("GET {u7}", no_key())
        .expect("order_1 SELECT t_order FOR UPDATE", nothing())
        .expect("free {u7}", integer(0))
        .expect("admit", accepted_before(earlier));
    let reply = create_async("/v1/order/create", &script);
    assert_eq!(reply.body["order_id"], earlier.to_string());
    assert_eq!((reply.status, script.count("release")), (202, 0));
}
