//! `create-order` with `Prefer: respond-async`: accepted into the intake, and what is undone where it is not.

use crate::bindings::redis::RedisResult;
use crate::create_order::{BODY, create, reserved_under};
use crate::host::{Reply, TRACE_ID, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::event::OrderEvent;
use contract::queued::QueuedOrder;
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
fn an_order_is_accepted_without_a_database() {
    for (path, pointer, location) in [
        ("/v1/order/create", "/status", "/v1/order"),
        ("/api/v1/orders", "/status", "/api/v1/orders"),
        ("/orders", "/data/status", "/orders"),
    ] {
        let id = minted(0, 1);
        let script = reserved_under(id).expect("enqueue {u7}", word("ok"));
        let reply = create_async(path, &script);
        assert_eq!(reply.status, 202, "{path}: {reply:?}");
        assert_eq!(reply.body.pointer(pointer).unwrap(), "queued", "{reply:?}");
        assert_eq!(reply.header("location"), Some(&*format!("{location}/{id}")));
        assert_eq!(reply.header("preference-applied"), Some("respond-async"));
        assert_eq!(
            script.steps(),
            ["admit {u7}", "reserve {p1}", "enqueue {u7}"]
        );
    }
}

#[test]
fn the_entry_is_the_whole_order() {
    let id = minted(0, 1);
    let script = reserved_under(id).expect("enqueue {u7}", word("ok"));
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
        let script = reserved_under(minted(0, 1))
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
    // Admitted long ago by the time its units were taken: a repeat may be returning them.
    let script = reserved_under(minted(6_000, 1))
        .expect("release {p1}", integer(1))
        .expect("free {u7}", integer(1));
    assert_eq!(create_async("/v1/order/create", &script).status, 503);
}

#[test]
fn a_lost_reply_of_the_intake_is_left_to_the_repeat() {
    let script = reserved_under(minted(0, 1)).expect("enqueue", redis_away());
    assert_eq!(create_async("/v1/order/create", &script).status, 503);
    assert_eq!(script.count("release"), 0, "it may have been accepted");
    assert_eq!(script.count("free"), 0);
}

#[test]
fn a_refusal_is_told_at_once() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
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
