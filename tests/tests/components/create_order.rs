//! `create-order` while all servers answer: which calls it makes, what a repeat gets, and what is refused.

use crate::bindings::redis::RedisResult;
use crate::host::{Reply, TRACE_ID, request, send, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::api::identity;
use domain::limits::TAKEOVER_AGE_MS;
use domain::{OrderId, Status};

pub const BODY: &str =
    r#"{"user_id":"user_7","items":[{"product_id":1,"quantity":2,"price":99.99}]}"#;

/// Sends a create with an idempotency key.
pub fn create(script: &Script) -> Reply {
    create_body(BODY, script)
}

pub fn create_body(body: &str, script: &Script) -> Reply {
    let mut request = request("POST", "/v1/order/create", body);
    request
        .headers_mut()
        .insert("idempotency-key", http::HeaderValue::from_static("k-1"));
    send("create-order", request, script)
}

/// `admit` lets the request in under `id`, and two units are reserved.
pub fn reserved_under(id: OrderId) -> Script {
    Script::default()
        .expect("admit {u7}", admitted(id))
        .expect("reserve {p1}", reserved(9999))
}

/// The three inserts of the order's transaction.
pub fn inserts(script: Script) -> Script {
    script
        .expect("order_1 INSERT t_order", Answer::Done)
        .expect("order_1 INSERT t_order_item", Answer::Done)
        .expect("order_1 INSERT t_local_message", Answer::Done)
}

#[test]
fn an_order_is_placed_in_four_steps() {
    let id = minted(0, 1);
    let script = inserts(reserved_under(id)).expect("complete {u7}", integer(1));
    let reply = create(&script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    assert_eq!(reply.body["order_id"], id.to_string());
    assert_eq!(reply.body["order_no"], id.order_no());
    assert_eq!(reply.body["actual_amount"].to_string(), "199.98");
    assert_eq!(reply.body["status"], "pending");
    assert_eq!(reply.body["order"]["user_id"], "user_7");
    assert_eq!(reply.header("location"), Some(&*format!("/v1/order/{id}")));
    assert_eq!(
        reply.header("cache-group-invalidation"),
        Some(r#""user-7", "orders""#)
    );
    assert_eq!(
        script.steps(),
        [
            "admit {u7}",
            "reserve {p1}",
            "order_1 INSERT t_order",
            "order_1 INSERT t_order_item",
            "order_1 INSERT t_local_message",
            "order_1 COMMIT",
            "complete {u7}",
        ]
    );
    let message = script.values("order_1 INSERT t_local_message");
    assert_eq!(message[1], id.to_string(), "tx_id is the order id");
    let event: serde_json::Value = serde_json::from_str(&message[4]).unwrap();
    assert_eq!(event["trace_id"], TRACE_ID);
    assert_eq!(event["order"]["total_cents"], 19998);
    let completed = script.values("complete").join("\n");
    assert!(
        completed.contains(r#""actual_amount":199.98"#),
        "{completed}"
    );
}

#[test]
fn a_server_that_forgot_the_scripts_is_told_them() {
    let id = minted(0, 1);
    let script = Script::default()
        .expect("admit", no_script())
        .expect("EVAL admit {u7}", admitted(id))
        .expect("reserve", no_script())
        .expect("EVAL reserve {p1}", reserved(9999));
    let script = inserts(script)
        .expect("complete", no_script())
        .expect("EVAL complete", integer(1));
    assert_eq!(create(&script).status, 200);
}

#[test]
fn a_product_not_yet_in_redis_is_loaded_from_the_database() {
    let id = minted(0, 1);
    let script = Script::default()
        .expect("admit", admitted(id))
        .expect("reserve", refused(&["miss"]))
        .expect(
            "inventory SELECT products",
            rows([product_row(9999, domain::StockMode::Redis)]),
        )
        .expect("cache_product {p1}", integer(1))
        .expect("reserve", refused(&["unloaded", "0"]))
        .expect(
            "inventory SELECT t_inventory",
            rows([vec![
                crate::bindings::mysql::DbValue::Uint64(0),
                crate::bindings::mysql::DbValue::Uint32(100),
                crate::bindings::mysql::DbValue::Uint32(4),
            ]]),
        )
        .expect("sync {p1}", integer(0))
        .expect("reserve", reserved(9999));
    let script = inserts(script).expect("complete", integer(1));
    assert_eq!(create(&script).status, 200);
    let sync = script.values("sync");
    assert_eq!(
        sync[4..],
        ["1", "0", "100", "4"],
        "rows, sku, available, version"
    );
}

#[test]
fn a_repeat_gets_the_first_response() {
    let id = minted(60_000, 9);
    let first = contract::api::order::OrderView::from(&order(id, Status::Pending, 1));
    let stored = first.json().unwrap();
    let script = Script::default().expect("admit", held("completed", id, true, &stored));
    let reply = create(&script);
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["order_id"], id.to_string());
    assert_eq!(reply.header("idempotent-replayed"), Some("true"));
    assert_eq!(script.steps(), ["admit {u7}"]);
}

#[test]
fn a_key_that_is_held_says_how() {
    let id = minted(100, 9);
    for (state, same, status, retry) in [
        ("processing", true, 409, Some("1")),
        ("processing", false, 422, None),
        ("completed", false, 422, None),
    ] {
        let script = Script::default().expect("admit", held(state, id, same, "{}"));
        let reply = create(&script);
        assert_eq!(
            (reply.status, reply.code()),
            (status, 20004),
            "{state} {same}"
        );
        assert_eq!(reply.header("retry-after"), retry);
        assert_eq!(script.steps(), ["admit {u7}"], "nothing else is touched");
    }
}

#[test]
fn without_a_key_the_same_body_twice_is_a_duplicate_submit() {
    let script = Script::default().expect("admit", held("completed", minted(500, 1), true, "{}"));
    let reply = send(
        "create-order",
        request("POST", "/v1/order/create", BODY),
        &script,
    );
    assert_eq!((reply.status, reply.code()), (409, 20004));
    let key = &script.values("admit")[2];
    assert!(key.contains(":order:submit:7:"), "{key}");
}

/// A load test sends one body to them many times, and means as many orders.
#[test]
fn without_a_key_each_request_to_the_other_routes_is_an_order() {
    for path in ["/orders", "/api/v1/orders"] {
        let keys = [1, 2].map(|sequence| {
            let script = inserts(reserved_under(minted(0, sequence)));
            let script = script.expect("complete {u7}", integer(1));
            let reply = send("create-order", request("POST", path, BODY), &script);
            assert_eq!(reply.status, 200, "{path}: {reply:?}");
            script.values("admit")[2].clone()
        });
        assert_ne!(keys[0], keys[1], "{path}");
        assert!(keys[0].contains(":order:submit:7:"), "{}", keys[0]);
    }
}

#[test]
fn an_order_of_nobody_is_the_guests() {
    let shard = identity::user("guest").unwrap().id.get() % 2;
    let into = |table: &str| format!("order_{shard} INSERT {table}");
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve {p1}", reserved(9999))
        .expect(&into("t_order"), Answer::Done)
        .expect(&into("t_order_item"), Answer::Done)
        .expect(&into("t_local_message"), Answer::Done)
        .expect("complete", integer(1));
    let reply = create_body(r#"{"product_id":1,"quantity":1}"#, &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.body["order"]["user_id"], "guest");
}

#[test]
fn too_many_orders_say_when_to_come_back() {
    let script = Script::default().expect("admit", limited(1_200));
    let limit = [("user_orders_per_minute_max", "10")];
    let reply = send_with(
        "create-order",
        request("POST", "/orders", BODY),
        &script,
        &limit,
    );
    assert_eq!(reply.status, 429);
    assert_eq!(reply.header("retry-after"), Some("2"));
    assert_eq!(
        reply.body["code"], 429,
        "the demo's clients read the status"
    );
    assert!(reply.body["data"].is_null());
    assert!(script.values("admit").contains(&"10".to_owned()));
}

#[test]
fn an_unfinished_request_is_taken_over_when_it_is_old() {
    let (earlier, fresh) = (minted(TAKEOVER_AGE_MS + 500, 1), minted(0, 2));
    let script = Script::default()
        .expect("admit", held("processing", earlier, true, ""))
        .expect("GET {u7}", no_key())
        .expect("order_1 SELECT t_order FOR UPDATE", nothing())
        .expect("inventory SELECT t_stock_log FOR UPDATE", nothing())
        .expect("release {p1}", integer(1))
        .expect("free {u7}", integer(1))
        .expect("admit", admitted(fresh))
        .expect("reserve", reserved(9999));
    let script = inserts(script).expect("complete", integer(1));
    let reply = create(&script);
    assert_eq!(reply.body["order_id"], fresh.to_string());
    assert!(script.values("release").contains(&earlier.to_string()));
}

#[test]
fn a_request_that_died_after_its_commit_is_completed_by_the_repeat() {
    let earlier = minted(TAKEOVER_AGE_MS + 500, 1);
    let there = rows([vec![crate::bindings::mysql::DbValue::Uint64(earlier.get())]]);
    let script = Script::default()
        .expect("admit", held("processing", earlier, true, ""))
        .expect("GET {u7}", no_key())
        .expect("order_1 SELECT t_order FOR UPDATE", there)
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(earlier, Status::Pending, 1)),
        )
        .expect("complete", integer(1));
    let reply = create(&script);
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (200, Some("true"))
    );
    assert_eq!(reply.body["order_id"], earlier.to_string());
    assert_eq!(script.count("release"), 0);
}

#[test]
fn a_refused_product_returns_what_the_others_took() {
    let body = r#"{"user_id":7,"items":[{"product_id":1,"quantity":2},{"product_id":2,"quantity":1,"price":5}]}"#;
    for (answer, status, code, says) in [
        (refused(&["short", "0"]), 409, 30001, "product 2 sku 0"),
        (refused(&["price", "600"]), 400, 10001, "items[1].price"),
        (refused(&["off"]), 400, 10001, "items[1].product_id"),
    ] {
        let id = minted(0, 1);
        let script = Script::default()
            .expect("admit", admitted(id))
            .expect("reserve {p1}", reserved(9999))
            .expect("reserve {p2}", answer)
            .expect("release {p1}", integer(1))
            .expect("release {p2}", integer(0))
            .expect("order_1 SELECT t_order", nothing())
            .expect("free {u7}", integer(1));
        let reply = create_body(body, &script);
        assert_eq!(
            (reply.status, reply.code()),
            (status, code),
            "{says}: {reply:?}"
        );
        assert!(
            reply.body["message"].as_str().unwrap().contains(says),
            "{reply:?}"
        );
        assert!(script.values("release").contains(&id.to_string()));
        assert_eq!(script.count("order_1 INSERT"), 0, "no order is written");
    }
}

#[test]
fn an_unknown_product_is_remembered_as_unknown() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve", refused(&["miss"]))
        .expect("inventory SELECT products", nothing())
        .expect("cache_product", integer(1))
        .expect("reserve", refused(&["unknown"]))
        .expect("release", integer(0))
        .expect("order_1 SELECT t_order", nothing())
        .expect("free", integer(1));
    let reply = create(&script);
    assert_eq!(reply.status / 100, 4, "{reply:?}");
    assert!(reply.body["message"].as_str().unwrap().contains("product"));
    assert!(
        script
            .values("cache_product")
            .contains(&"absent".to_owned())
    );
}

#[test]
fn an_unknown_sku_is_named() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve", refused(&["unloaded", "3"]))
        .expect("inventory SELECT t_inventory", nothing())
        .expect("sync", integer(0))
        .expect("release", integer(0))
        .expect("order_1 SELECT t_order", nothing())
        .expect("free", integer(1));
    let body = r#"{"user_id":7,"product_id":1,"sku_id":3,"quantity":1}"#;
    let reply = create_body(body, &script);
    assert_eq!((reply.status, reply.code()), (400, 10001));
    assert!(reply.body["message"].as_str().unwrap().contains("sku_id"));
}

#[test]
fn a_total_over_the_column_takes_no_stock() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve {p1}", reserved(9_999_999_999))
        .expect("reserve {p2}", reserved(9_999_999_999))
        .expect("release {p1}", integer(1))
        .expect("release {p2}", integer(1))
        .expect("order_1 SELECT t_order", nothing())
        .expect("free", integer(1));
    let body =
        r#"{"user_id":7,"items":[{"product_id":1,"quantity":1},{"product_id":2,"quantity":1}]}"#;
    let reply = create_body(body, &script);
    assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
}

#[test]
fn redis_that_answers_nonsense_is_our_fault_not_the_callers() {
    let script = Script::default().expect("admit", Answer::Redis(vec![RedisResult::Nil]));
    let reply = create(&script);
    assert_eq!((reply.status, reply.code()), (500, 10003));
    assert_eq!(reply.body["message"], "[10003] internal error");
    assert!(
        reply.log.contains(TRACE_ID) && reply.log.contains("ERROR"),
        "{}",
        reply.log
    );
}

#[test]
fn a_missing_variable_is_named_in_the_log_only() {
    let reply = send_with(
        "create-order",
        request("POST", "/v1/order/create", BODY),
        &Script::default(),
        &[("redis_url", "")],
    );
    assert_eq!(reply.status, 500);
    assert!(reply.log.contains("redis_url"), "{}", reply.log);
    assert!(!reply.body.to_string().contains("redis_url"));
}

/// The server has to prepare a statement for each number of rows.
#[test]
fn many_lines_are_inserted_in_parts_of_few_sizes() {
    let lines: Vec<String> = (1..=13)
        .map(|product| format!(r#"{{"product_id":{product},"quantity":2}}"#))
        .collect();
    let body = format!(r#"{{"user_id":7,"items":[{}]}}"#, lines.join(","));
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .always("reserve", reserved(9999))
        .expect("order_1 INSERT t_order", Answer::Done)
        .expect("order_1 INSERT t_order_item", Answer::Done)
        .expect("order_1 INSERT t_order_item", Answer::Done)
        .expect("order_1 INSERT t_local_message", Answer::Done)
        .expect("complete", integer(1));
    let reply = create_body(&body, &script);
    assert_eq!(reply.status, 200, "{reply:?}");
    let width = contract::store::sql::ITEM_PARAMETERS;
    let last = script.values("order_1 INSERT t_order_item");
    let products: Vec<&str> = last.chunks(width).map(|row| row[1].as_str()).collect();
    assert_eq!(
        products,
        ["9", "10", "11", "12", "13"],
        "after the first eight"
    );
}
