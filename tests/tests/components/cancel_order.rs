//! `cancel-order`: the compare-and-set, its races, and who may cancel what.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use domain::{OrderId, Status};

fn cancel(id: OrderId, body: &str, script: &Script) -> Reply {
    let path = format!("/v1/order/{id}/cancel");
    send("cancel-order", request("POST", &path, body), script)
}

fn loaded_as(status: Status, version: u32, id: OrderId) -> Script {
    Script::default().expect(
        "order_1 SELECT t_order",
        loaded(&order(id, status, version)),
    )
}

fn changed(script: Script) -> Script {
    script
        .expect("order_1 UPDATE t_order", Answer::Done)
        .expect("order_1 INSERT t_local_message", Answer::Done)
}

#[test]
fn a_cancel_is_a_compare_and_set_and_its_event() {
    let id = minted(5_000, 1);
    let script = changed(loaded_as(Status::Pending, 1, id)).expect("cache_order {u7}", integer(1));
    let reply = cancel(id, r#"{"reason":"too late"}"#, &script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    assert_eq!(reply.body["success"], true);
    assert_eq!(
        script.steps(),
        [
            "DEL {u7}",
            "order_1 SELECT t_order",
            "order_1 UPDATE t_order",
            "order_1 SELECT ROW_COUNT()",
            "order_1 INSERT t_local_message",
            "order_1 COMMIT",
            "cache_order {u7}",
            "PUBLISH outbox",
        ]
    );
    assert_eq!(script.values("DEL"), [format!("{{u7}}:order:{id}")]);
    let update = script.values("order_1 UPDATE t_order");
    assert_eq!(update[8..], ["too late", &id.to_string(), "0", "1"]);
    let event: serde_json::Value =
        serde_json::from_str(&script.values("order_1 INSERT t_local_message")[4]).unwrap();
    assert_eq!(
        (&event["stock"], &event["from"]),
        (&"rollback".into(), &"pending".into())
    );
    assert_eq!(event["order"]["version"], 2);
}

#[test]
fn every_spelling_of_the_id_and_both_verbs() {
    let id = minted(5_000, 1);
    for (method, path) in [
        ("PUT", format!("/api/v1/orders/{}/cancel", id.uuid())),
        ("PUT", format!("/v1/order/{}/cancel", id.order_no())),
        ("POST", format!("/api/v1/orders/{id}/cancel?user_id=user_7")),
    ] {
        let script = changed(loaded_as(Status::Pending, 1, id)).expect("cache_order", integer(1));
        let reply = send("cancel-order", request(method, &path, ""), &script);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
    }
}

/// Hosts cache replies that show an order for a second: a reply to a change lists the groups that became stale, and no
/// other reply does.
#[test]
fn a_cancel_says_what_it_makes_stale() {
    let id = minted(5_000, 1);
    let groups = format!(r#""order-{id}", "user-7", "orders""#);
    for path in ["/v1/order", "/api/v1/orders", "/orders"] {
        let script = changed(loaded_as(Status::Pending, 1, id)).expect("cache_order", integer(1));
        let path = format!("{path}/{id}/cancel");
        let reply = send("cancel-order", request("POST", &path, ""), &script);
        let stale = reply.header("cache-group-invalidation");
        assert_eq!((reply.status, stale), (200, Some(&*groups)), "{path}");
        // The entry cached is the cancelled order.
        let cached = script.values("cache_order");
        assert_eq!(
            (&*cached[2], &*cached[3]),
            (&*format!("{{u7}}:order:{id}"), "2")
        );
        assert!(cached[4].contains(r#""status":"cancelled""#), "{cached:?}");
    }
    let refused = cancel(id, "", &loaded_as(Status::Paid, 2, id));
    assert_eq!(refused.header("cache-group-invalidation"), None);
}

#[test]
fn on_the_routes_of_000_the_reply_is_its_envelope() {
    let id = minted(5_000, 1);
    let script = changed(loaded_as(Status::Pending, 1, id)).expect("cache_order", integer(1));
    let path = format!("/orders/{id}/cancel");
    let reply = send("cancel-order", request("POST", &path, ""), &script);
    assert_eq!((reply.status, reply.code()), (200, 200), "{reply:?}");
    assert_eq!(reply.body["data"]["status"], "cancelled");
}

#[test]
fn what_cannot_be_cancelled_says_why() {
    let id = minted(5_000, 1);
    for (status, http, code) in [
        (Status::Cancelled, 409, 20002),
        (Status::Paid, 409, 20003),
        (Status::Shipped, 409, 20005),
        (Status::Completed, 409, 20005),
    ] {
        let script = loaded_as(status, 3, id);
        let reply = cancel(id, "", &script);
        assert_eq!((reply.status, reply.code()), (http, code), "{status}");
        assert_eq!(
            script.steps(),
            ["DEL {u7}", "order_1 SELECT t_order"],
            "nothing is written"
        );
    }
}

#[test]
fn an_order_that_is_not_there_or_not_theirs_is_not_found() {
    let id = minted(5_000, 1);
    let script = Script::default()
        .expect("order_1 SELECT t_order", nothing())
        .expect("GET {u7}", no_key())
        .expect("order_1 SELECT t_order", nothing());
    let reply = cancel(id, "", &script);
    assert_eq!((reply.status, reply.code()), (404, 20001));
    let script = loaded_as(Status::Pending, 1, id);
    let reply = cancel(id, r#"{"user_id":9}"#, &script);
    assert_eq!(
        (reply.status, reply.code()),
        (404, 20001),
        "another user's order"
    );
    let path = "/v1/order/nonsense/cancel";
    let reply = send(
        "cancel-order",
        request("POST", path, ""),
        &Script::default(),
    );
    assert_eq!((reply.status, reply.code()), (404, 20001));
}

#[test]
fn a_change_that_came_first_is_seen() {
    let id = minted(5_000, 1);
    let missed = rows([vec![DbValue::Int64(0)]]);
    // The payment came first: the second read refuses the cancellation.
    let script = loaded_as(Status::Pending, 1, id)
        .expect("order_1 UPDATE t_order", Answer::Done)
        .expect("order_1 SELECT ROW_COUNT()", missed.clone())
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Paid, 2)),
        );
    let reply = cancel(id, "", &script);
    assert_eq!((reply.status, reply.code()), (409, 20003));
    assert_eq!(script.count("order_1 ROLLBACK"), 1);
    assert_eq!(script.count("order_1 INSERT t_local_message"), 0);
    // Loses every time: other requests change this order again and again.
    let mut script = Script::default();
    for version in 1..=4 {
        script = script
            .expect(
                "order_1 SELECT t_order",
                loaded(&order(id, Status::Pending, version)),
            )
            .expect("order_1 UPDATE t_order", Answer::Done)
            .expect("order_1 SELECT ROW_COUNT()", missed.clone());
    }
    assert_eq!(cancel(id, "", &script).status, 503);
}

#[test]
fn deadlocks_are_tried_again() {
    let id = minted(5_000, 1);
    for error in [deadlock(), lock_wait()] {
        let script = loaded_as(Status::Pending, 1, id)
            .expect("order_1 UPDATE t_order", error)
            .expect(
                "order_1 SELECT t_order",
                loaded(&order(id, Status::Pending, 1)),
            );
        let script = changed(script).expect("cache_order", integer(1));
        assert_eq!(cancel(id, "", &script).status, 200);
    }
}

#[test]
fn a_second_writer_of_the_same_version_is_a_lost_race() {
    let id = minted(5_000, 1);
    let script = loaded_as(Status::Pending, 1, id)
        .expect("order_1 UPDATE t_order", Answer::Done)
        .expect("order_1 INSERT t_local_message", mysql_lost());
    let reply = cancel(id, "", &script);
    assert_eq!(reply.status, 503);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(script.count("order_1 COMMIT"), 0);
    assert_eq!(script.count("cache_order"), 0);
}

#[test]
fn servers_away_are_503_until_the_change_stands() {
    let id = minted(5_000, 1);
    let away = Script::default().expect("open order_1", mysql_away());
    assert_eq!(cancel(id, "", &away).status, 503);
    let away = loaded_as(Status::Pending, 1, id).expect("DEL", redis_away());
    assert_eq!(cancel(id, "", &away).status, 503);
    assert_eq!(away.count("order_1 UPDATE t_order"), 0);
    let script = changed(loaded_as(Status::Pending, 1, id))
        .expect("cache_order", redis_away())
        .expect("PUBLISH", redis_away());
    let reply = cancel(id, "", &script);
    assert_eq!(reply.status, 200, "the change stands");
    assert!(reply.log.contains(&id.to_string()), "{}", reply.log);
}

#[test]
fn bad_bodies_reach_no_server() {
    let id = minted(0, 1);
    for body in ["{", r#"{"reason":7}"#, r#"{"user_id":0}"#] {
        let reply = cancel(id, body, &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{body}");
    }
    let path = format!("/v1/order/{id}/cancel");
    assert_eq!(
        send(
            "cancel-order",
            request("GET", &path, ""),
            &Script::default()
        )
        .status,
        405
    );
}
