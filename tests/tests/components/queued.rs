//! Accepted orders that are not written yet: how `query-order` shows them, and why they cannot be changed yet.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::store::cached_order::CachedOrder;
use contract::store::queued::QueuedOrder;
use contract::wire::event::OrderEvent;
use domain::{Order, OrderId, ProductId, SeckillId, SkuId, Status, User, UserId};

const SALE: SeckillId = SeckillId {
    product: ProductId(1),
    number: 3,
};

fn get(path: &str, script: &Script) -> Reply {
    send("query-order", request("GET", path, ""), script)
}

/// How long the host may cache the reply; other caches must revalidate each time.
fn kept(reply: &Reply) -> Option<&str> {
    if reply.status == 200 {
        assert_eq!(reply.header("cache-control"), Some("no-cache"));
        assert!(reply.header("etag").is_some());
    }
    reply.header("host-cache-control")
}

fn found(value: impl ToString) -> Answer {
    Answer::Redis(vec![text(value)])
}

/// The value of the order's queued key.
fn accepted(id: OrderId) -> Answer {
    let view = QueuedOrder::view(&order(id, Status::Pending, 1));
    found(view.json().unwrap())
}

fn with_token() -> Answer {
    let user = User {
        id: UserId::new(USER),
        reference: Some("user_7".to_owned()),
    };
    found(QueuedOrder::purchase(SALE, &user))
}

fn facts() -> Answer {
    let sku = SkuId(0).of_sale(SALE.number).0;
    Answer::Redis(vec![text(sku), text(990), text("Cup"), text("")])
}

/// Not in the cache, `queued` as the value of its queued key, not in the database.
fn not_written(queued: Answer) -> Script {
    Script::default()
        .expect("GET {u7}", no_key())
        .expect("GET {u7}", queued)
        .expect("order_1 SELECT t_order", nothing())
}

#[test]
fn an_accepted_order_is_queued_until_it_is_written() {
    let id = minted(100, 1);
    for (path, pointer) in [
        (format!("/v1/order/{id}?user_id=7"), "/order"),
        (format!("/api/v1/orders/{}", id.uuid()), ""),
        (format!("/orders/{id}"), "/data"),
    ] {
        let reply = get(&path, &not_written(accepted(id)));
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        let shown = reply.body.pointer(pointer).unwrap();
        assert_eq!(
            (&shown["id"], &shown["status"]),
            (&id.to_string().into(), &"queued".into())
        );
        assert_eq!(kept(&reply), None, "what is only queued is not kept");
    }
    let reply = get(
        &format!("/v1/order/{id}?user_id=1031"),
        &not_written(accepted(id)),
    );
    assert_eq!((reply.status, reply.code()), (404, 20001), "another user's");
    let written = Script::default()
        .expect("GET", no_key())
        .expect("GET", accepted(id))
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("cache_order", integer(1));
    let reply = get(&format!("/v1/order/{id}"), &written);
    assert_eq!(
        reply.body["order"]["status"], "pending",
        "the database comes first"
    );
    assert_eq!(kept(&reply), Some("max-age=1"));
}

#[test]
fn a_purchase_is_queued_as_long_as_its_units_are_promised() {
    let id = minted(100, 1);
    let script = not_written(with_token())
        .expect("HMGET {p1}", facts())
        .expect("HGET {p1}", found(format!("2:{}:q", now())));
    let reply = get(&format!("/v1/order/{id}"), &script);
    let shown = &reply.body["order"];
    assert_eq!(
        (&shown["status"], &shown["user_id"]),
        (&"queued".into(), &"user_7".into()),
        "{reply:?}"
    );
    assert_eq!(shown["actual_amount"], 19.8);
    assert_eq!(
        (
            &shown["items"][0]["seckill_id"],
            &shown["items"][0]["sku_id"]
        ),
        (&"1-3".into(), &"0".into())
    );
    let sku = SkuId(0).of_sale(SALE.number).0;
    assert_eq!(script.values("HGET")[1], format!("{id}:{sku}"));
}

#[test]
fn a_promise_settled_meanwhile_is_in_the_database() {
    let id = minted(100, 1);
    let script = not_written(with_token())
        .expect("HMGET {p1}", facts())
        .expect("HGET {p1}", no_key())
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("cache_order", integer(1));
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!(reply.body["order"]["status"], "pending");
}

#[test]
fn a_token_that_bought_nothing_has_no_order_yet() {
    let id = minted(100, 1);
    let script = not_written(with_token())
        .expect("HMGET {p1}", facts())
        .expect("HGET {p1}", no_key())
        .expect("order_1 SELECT t_order", nothing())
        .expect("inventory SELECT order_failures", nothing());
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!((reply.status, reply.code()), (404, 20001));
    assert_eq!(script.count("cache_order"), 0, "it may come any moment");
}

/// The row of a failure that was given up.
fn given_up(message: &str) -> Answer {
    rows([vec![
        DbValue::Binary(message.as_bytes().to_vec()),
        DbValue::Str("product 1 does not exist".to_owned()),
        DbValue::Uint64(USER),
    ]])
}

/// The purchase as its intake entry.
fn entry(id: OrderId) -> String {
    let sku = SkuId(0).of_sale(SALE.number).0;
    serde_json::json!({
        "kind": "seckill", "order": id.to_string(), "user": "7", "ref": "", "seckill": SALE.to_string(),
        "product": "1", "sku": sku.to_string(), "quantity": "2", "price": "990", "name": "Cup",
        "at": now().to_string(),
    })
    .to_string()
}

#[test]
fn an_order_given_up_says_why() {
    let id = minted(100, 1);
    for (message, amount) in [(entry(id), 19.8), ("rubbish".to_owned(), 0.0)] {
        let script = Script::default()
            .expect("GET", no_key())
            .expect("GET", no_key())
            .expect("order_1 SELECT t_order", nothing())
            .expect("inventory SELECT order_failures", given_up(&message));
        let reply = get(&format!("/v1/order/{id}?user_id=7"), &script);
        let shown = &reply.body["order"];
        assert_eq!(
            (reply.status, &shown["status"]),
            (200, &"failed".into()),
            "{reply:?}"
        );
        assert_eq!(shown["cancel_reason"], "product 1 does not exist");
        assert_eq!(shown["actual_amount"], amount);
        assert_eq!(script.count("cache_order"), 0, "it may be retried");
    }
}

/// An order that was accepted with a key, as its intake entry.
fn accepted_entry(id: OrderId) -> String {
    let event = OrderEvent::created(&order(id, Status::Pending, 1), None);
    serde_json::json!({
        "kind": "order", "event": serde_json::to_string(&event).unwrap(),
        "key": "0a".repeat(16), "payload": "0b".repeat(16), "trace": "",
    })
    .to_string()
}

/// The row of an accepted order that was given up for this reason.
fn given_up_as(reason: String, message: &str) -> Answer {
    rows([vec![
        DbValue::Binary(message.as_bytes().to_vec()),
        DbValue::Str(reason),
        DbValue::Uint64(USER),
    ]])
}

#[test]
fn an_order_given_up_for_its_keys_sake_is_the_keys_order() {
    let (id, made) = (minted(100, 1), minted(90_000, 5));
    let reason = |made: OrderId| format!("its idempotency key has made order {made} already");
    let asked = |reason: String, hash: u8| {
        let row = vec![DbValue::Uint64(made.get()), DbValue::Binary(vec![hash; 16])];
        Script::default()
            .expect("GET", no_key())
            .expect("GET", no_key())
            .expect("order_1 SELECT t_order", nothing())
            .expect(
                "inventory SELECT order_failures",
                given_up_as(reason, &accepted_entry(id)),
            )
            .expect("order_1 SELECT t_order", rows([row]))
    };
    let script = asked(reason(made), 0x0b).expect(
        "order_1 SELECT t_order",
        loaded(&order(made, Status::Paid, 2)),
    );
    let reply = get(&format!("/v1/order/{id}?user_id=7"), &script);
    let shown = &reply.body["order"];
    assert_eq!(
        (reply.status, &shown["status"]),
        (200, &"paid".into()),
        "{reply:?}"
    );
    assert_eq!(shown["id"], made.to_string());
    assert_eq!(
        kept(&reply),
        None,
        "no change of that order names this path"
    );
    assert_eq!(script.count("cache_order"), 0);

    let script = asked(reason(made), 0x0c);
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!(
        reply.body["order"]["status"], "failed",
        "made by another payload"
    );
    assert_eq!(reply.body["order"]["cancel_reason"], reason(made));

    // An order that failed for another reason stays failed, whatever its key made later.
    let script = Script::default()
        .expect("GET", no_key())
        .expect("GET", no_key())
        .expect("order_1 SELECT t_order", nothing())
        .expect(
            "inventory SELECT order_failures",
            given_up_as("too long".to_owned(), &accepted_entry(id)),
        );
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!(reply.body["order"]["id"], id.to_string());
    assert_eq!(reply.body["order"]["status"], "failed");
}

#[test]
fn without_redis_an_order_not_written_is_not_denied() {
    let id = minted(100, 1);
    let script = Script::default()
        .expect("GET", redis_away())
        .expect("order_1 SELECT t_order", nothing())
        .expect("inventory SELECT order_failures", nothing());
    let reply = get(&format!("/v1/order/{id}"), &script);
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (503, Some("1"))
    );
    let script = not_written(with_token()).expect("HMGET", redis_away());
    assert_eq!(get(&format!("/v1/order/{id}"), &script).status, 503);
}

fn change(function: &str, method: &str, path: &str, body: &str, script: &Script) -> Reply {
    send(function, request(method, path, body), script)
}

#[test]
fn a_queued_order_is_not_changed_yet() {
    let id = minted(100, 1);
    for (function, method, path, body) in [
        (
            "cancel-order",
            "POST",
            format!("/v1/order/{id}/cancel"),
            r#"{"user_id":7}"#,
        ),
        (
            "pay-order",
            "POST",
            format!("/v1/order/{id}/pay"),
            r#"{"payment_id":"p"}"#,
        ),
        (
            "order-status",
            "PUT",
            format!("/api/v1/orders/{id}/status"),
            r#"{"status":"paid"}"#,
        ),
    ] {
        let script = Script::default()
            .expect("order_1 SELECT t_order", nothing())
            .expect("GET {u7}", accepted(id))
            .expect("order_1 SELECT t_order", nothing());
        let reply = change(function, method, &path, body, &script);
        assert_eq!(
            (reply.status, reply.code()),
            (409, 20005),
            "{path}: {reply:?}"
        );
        assert_eq!(reply.header("retry-after"), Some("1"));
        assert_eq!(script.count("order_1 UPDATE t_order"), 0);
    }
}

#[test]
fn an_order_written_while_its_queue_was_asked_is_changed() {
    let id = minted(100, 1);
    let script = Script::default()
        .expect("order_1 SELECT t_order", nothing())
        .expect("GET {u7}", accepted(id))
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("order_1 UPDATE t_order", Answer::Done)
        .expect("order_1 INSERT t_local_message", Answer::Done)
        .expect("cache_order", integer(1));
    let path = format!("/v1/order/{id}/cancel");
    assert_eq!(
        change("cancel-order", "POST", &path, "", &script).status,
        200
    );
}

#[test]
fn anothers_queued_order_is_unknown() {
    let id = minted(100, 1);
    let script = Script::default()
        .expect("order_1 SELECT t_order", nothing())
        .expect("GET {u7}", with_token())
        .expect("HMGET {p1}", facts())
        .expect("HGET {p1}", found(format!("1:{}:q", now())))
        .expect("order_1 SELECT t_order", nothing());
    let path = format!("/v1/order/{id}/cancel");
    let reply = change(
        "cancel-order",
        "POST",
        &path,
        r#"{"user_id":1031}"#,
        &script,
    );
    assert_eq!((reply.status, reply.code()), (404, 20001), "{reply:?}");
}

#[test]
fn a_cached_order_does_not_ask_the_queue() {
    let id = minted(100, 1);
    let order: Order = order(id, Status::Paid, 2);
    let script = Script::default().expect("GET", found(CachedOrder::render(&order).unwrap()));
    assert_eq!(get(&format!("/v1/order/{id}"), &script).status, 200);
    assert_eq!(script.steps(), ["GET {u7}"]);
}
