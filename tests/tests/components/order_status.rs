//! `pay-order` and `order-status`: payments and their repeats, status changes by the back office, and refused changes.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use domain::{OrderId, Status};

fn pay(id: OrderId, body: &str, script: &Script) -> Reply {
    let path = format!("/v1/order/{id}/pay");
    send("pay-order", request("POST", &path, body), script)
}

fn set(id: OrderId, status: &str, script: &Script) -> Reply {
    let path = format!("/api/v1/orders/{id}/status");
    let body = format!(r#"{{"status":"{status}"}}"#);
    send("order-status", request("PUT", &path, body), script)
}

fn loaded_as(status: Status, version: u32, id: OrderId) -> Script {
    Script::default().expect(
        "order_1 SELECT t_order",
        loaded(&order(id, status, version)),
    )
}

fn steps(mut script: Script, count: usize) -> Script {
    for _ in 0..count {
        script = script
            .expect("order_1 UPDATE t_order", Answer::Done)
            .expect("order_1 INSERT t_local_message", Answer::Done);
    }
    script.expect("cache_order", integer(1))
}

#[test]
fn a_payment_confirms_the_stock() {
    let id = minted(5_000, 1);
    let script = loaded_as(Status::Pending, 1, id).expect("order_0 INSERT t_payment", Answer::Done);
    let script = steps(script, 1);
    let reply = pay(id, r#"{"payment_id":"pay-1","user_id":"user_7"}"#, &script);
    assert_eq!((reply.status, reply.code()), (200, 10000), "{reply:?}");
    assert_eq!(
        reply.header("cache-group-invalidation"),
        Some(&*format!(r#""order-{id}", "user-7", "orders""#))
    );
    assert_eq!(reply.body["order"]["status"], "paid");
    assert!(reply.body["order"]["paid_at"].is_u64());
    let event = &script.values("order_1 INSERT t_local_message")[4];
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    assert_eq!(event["stock"], "confirm");
}

#[test]
fn the_same_payment_twice_changes_nothing() {
    let id = minted(5_000, 1);
    let script = loaded_as(Status::Paid, 2, id);
    let body = format!(r#"{{"order_id":"{id}","payment_id":"pay-1"}}"#);
    let reply = send(
        "pay-order",
        request("POST", "/v1/payment/callback", body),
        &script,
    );
    assert_eq!(
        (reply.status, &reply.body["order"]["status"]),
        (200, &"paid".into())
    );
    assert_eq!(script.steps(), ["DEL {u7}", "order_1 SELECT t_order"]);
}

#[test]
fn another_payment_of_a_paid_order_is_refused() {
    let id = minted(5_000, 1);
    for (status, code) in [
        (Status::Paid, 20003),
        (Status::Cancelled, 20005),
        (Status::Completed, 20005),
    ] {
        let reply = pay(id, "", &loaded_as(status, 2, id));
        assert_eq!((reply.status, reply.code()), (409, code), "{status}");
        // The money was paid: it is recorded for a refund, once.
        let script = loaded_as(status, 2, id)
            .expect("order_0 INSERT t_payment", Answer::Done)
            .expect("order_0 UPDATE t_payment", Answer::Done);
        let reply = pay(id, r#"{"payment_id":"pay-2"}"#, &script);
        assert_eq!((reply.status, reply.code()), (409, code), "{status}");
        let put_down = script.values("order_0 UPDATE t_payment");
        assert_eq!(put_down[2..], ["pay-2".to_owned(), id.to_string()]);
        assert!(
            reply.log.contains("a payment is to be refunded"),
            "{}",
            reply.log
        );
    }
}

#[test]
fn a_payment_pays_one_order() {
    let (id, other) = (minted(5_000, 1), minted(5_000, 2));
    let body = r#"{"payment_id":"pay-1"}"#;
    let taken = || duplicate("PRIMARY");
    let of = |order: OrderId| recorded(order, None, false);
    let script = loaded_as(Status::Pending, 1, id)
        .expect("order_0 INSERT t_payment", taken())
        .expect("order_0 SELECT t_payment", of(other));
    let reply = pay(id, body, &script);
    assert_eq!((reply.status, reply.code()), (409, 20006), "{reply:?}");
    assert_eq!(
        script.count("order_0 UPDATE"),
        0,
        "the money is the other's"
    );
    // A repeat of an interrupted payment continues it.
    let script = loaded_as(Status::Pending, 1, id)
        .expect("order_0 INSERT t_payment", taken())
        .expect("order_0 SELECT t_payment", of(id));
    assert_eq!(pay(id, body, &steps(script, 1)).status, 200);
    // Without the payment row nothing is paid.
    for away in [mysql_lost(), refused_by_mysql(1146, "42S02", "no table")] {
        let script = loaded_as(Status::Pending, 1, id).expect("order_0 INSERT t_payment", away);
        assert!(pay(id, body, &script).status >= 500);
    }
    let script = loaded_as(Status::Pending, 1, id)
        .expect("order_0 INSERT t_payment", deadlock())
        .expect("order_0 INSERT t_payment", Answer::Done);
    assert_eq!(pay(id, body, &steps(script, 1)).status, 200);
}

/// A row of `t_payment`: for this order, of so many cents, perhaps to be refunded.
fn recorded(order: OrderId, cents: Option<i64>, is_due: bool) -> Answer {
    rows([vec![
        DbValue::Uint64(order.get()),
        cents.map_or(DbValue::DbNull, DbValue::Int64),
        DbValue::Int64(i64::from(is_due)),
        DbValue::Int64(0),
    ]])
}

fn report(body: &str, script: &Script) -> Reply {
    send(
        "pay-order",
        request("POST", "/v1/payment/callback", body),
        script,
    )
}

/// The order costs 199.98.
#[test]
fn a_payment_is_of_what_the_order_costs() {
    let id = minted(5_000, 1);
    let body =
        |amount: &str| format!(r#"{{"order_id":"{id}","payment_id":"pay-1","amount":{amount}}}"#);
    let pending = || loaded_as(Status::Pending, 1, id);
    for right in ["199.98", r#""199.98""#, "199.97999999999999"] {
        let script = pending().expect("order_0 INSERT t_payment", Answer::Done);
        assert_eq!(
            report(&body(right), &steps(script.clone(), 1)).status,
            200,
            "{right}"
        );
        let row = script.values("order_0 INSERT t_payment");
        assert_eq!((&row[0][..], &row[3][..]), ("pay-1", "19998"), "{row:?}");
    }
    for wrong in ["0", "199.97", "199.99", "19998"] {
        let script = pending()
            .expect("order_0 INSERT t_payment", Answer::Done)
            .expect("order_0 UPDATE t_payment", Answer::Done);
        let reply = report(&body(wrong), &script);
        assert_eq!(
            (reply.status, reply.code()),
            (409, 20007),
            "{wrong}: {reply:?}"
        );
        assert_eq!(script.count("order_1 UPDATE"), 0, "{wrong}");
    }
    // Without an id there is nothing to refund; the order stays unpaid all the same.
    let path = format!("/v1/order/{id}/pay");
    let reply = send(
        "pay-order",
        request("POST", &path, r#"{"amount":1}"#),
        &pending(),
    );
    assert_eq!((reply.status, reply.code()), (409, 20007));
    // Paid already: another amount of the same payment is no repeat, and nothing is refunded.
    let paid = || loaded_as(Status::Paid, 2, id);
    assert_eq!(report(&body("199.98"), &paid()).status, 200);
    assert_eq!(report(&body("200"), &paid()).code(), 20007);
}

/// What was recorded first under the payment's id counts.
#[test]
fn a_payment_keeps_its_amount() {
    let id = minted(5_000, 1);
    let body = format!(r#"{{"order_id":"{id}","payment_id":"pay-1","amount":199.98}}"#);
    let unnamed = format!(r#"{{"order_id":"{id}","payment_id":"pay-1"}}"#);
    let again = |row: Answer| {
        loaded_as(Status::Pending, 1, id)
            .expect("order_0 INSERT t_payment", duplicate("PRIMARY"))
            .expect("order_0 SELECT t_payment", row)
    };
    for (row, body, code) in [
        (recorded(id, Some(19_998), false), &body, 10000),
        (recorded(id, Some(100), false), &unnamed, 10000),
        (recorded(id, Some(100), false), &body, 20007),
        (recorded(id, Some(100), true), &body, 20007),
        // To be refunded: it never pays.
        (recorded(id, Some(100), true), &unnamed, 20007),
        (
            recorded(minted(9_000, 3), Some(19_998), false),
            &body,
            20006,
        ),
    ] {
        let script = match code {
            10000 => steps(again(row), 1),
            _ => again(row),
        };
        assert_eq!(report(body, &script).code(), code, "{body}");
    }
    // The provider was asked for it, and now it says how much: the first report counts.
    for (first, code) in [(19_998, 10000), (100, 20007)] {
        let script = again(recorded(id, None, false))
            .expect("order_0 UPDATE t_payment", Answer::Done)
            .expect("order_0 SELECT t_payment", recorded(id, Some(first), false));
        let script = match code {
            10000 => steps(script, 1),
            _ => script,
        };
        assert_eq!(report(&body, &script).code(), code);
        let set = script.values("order_0 UPDATE t_payment");
        assert_eq!((&set[0][..], &set[1][..]), ("19998", "pay-1"), "{set:?}");
    }
}

/// The ids of the payments that the provider collects are made of their orders' ids.
#[test]
fn no_order_uses_the_id_of_anothers_payment() {
    let (id, other) = (minted(5_000, 1), minted(5_000, 2));
    for payment in [format!("order-{other}"), format!("order-{other}-2")] {
        let body = format!(r#"{{"order_id":"{id}","payment_id":"{payment}"}}"#);
        let script = loaded_as(Status::Pending, 1, id);
        let reply = report(&body, &script);
        assert_eq!((reply.status, reply.code()), (409, 20006), "{payment}");
        assert_eq!(script.count("order_0 INSERT"), 0, "{payment}");
    }
}

#[test]
fn money_that_comes_too_late_has_its_own_code() {
    let id = minted(5_000, 1);
    let body = format!(r#"{{"order_id":"{id}","payment_id":"pay-1","amount":199.98}}"#);
    let script = loaded_as(Status::Cancelled, 2, id)
        .expect("order_0 INSERT t_payment", Answer::Done)
        .expect("order_0 UPDATE t_payment", Answer::Done);
    let reply = report(&body, &script);
    assert_eq!((reply.status, reply.code()), (409, 20008), "{reply:?}");
    assert!(
        reply.log.contains("a payment is to be refunded"),
        "{}",
        reply.log
    );
    // Again, as providers do: nothing new.
    let script = loaded_as(Status::Cancelled, 2, id)
        .expect("order_0 INSERT t_payment", duplicate("PRIMARY"))
        .expect("order_0 SELECT t_payment", recorded(id, Some(19_998), true))
        .expect("order_0 UPDATE t_payment", Answer::Done);
    assert_eq!(report(&body, &script).code(), 20008);
}

#[test]
fn the_back_office_may_skip_states() {
    let id = minted(5_000, 1);
    for (from, to, moves, after) in [
        (Status::Pending, "completed", 3, "completed"),
        (Status::Paid, "shipped", 1, "shipped"),
        (Status::Shipped, "delivered", 1, "completed"),
        (Status::Shipped, "4", 1, "cancelled"),
        (Status::Pending, "canceled", 1, "cancelled"),
    ] {
        let script = steps(loaded_as(from, 1, id), moves);
        let reply = set(id, to, &script);
        assert_eq!(reply.status, 200, "{from} to {to}: {reply:?}");
        assert_eq!(reply.body["status"], after);
        assert_eq!(
            script.count("order_1 COMMIT"),
            1,
            "all steps in one transaction"
        );
    }
}

#[test]
fn a_failure_between_two_steps_commits_none() {
    let id = minted(5_000, 1);
    let script = loaded_as(Status::Pending, 1, id)
        .without_blocks()
        .expect("order_1 UPDATE t_order", Answer::Done)
        .expect("order_1 INSERT t_local_message", Answer::Done)
        .expect("order_1 UPDATE t_order", mysql_lost());
    assert_eq!(set(id, "completed", &script).status, 503);
    assert_eq!(script.count("order_1 COMMIT"), 0);
    assert_eq!(
        script.count("order_1 ROLLBACK"),
        0,
        "a lost connection is not waited for"
    );
}

#[test]
fn a_lost_commit_is_503_and_leaves_the_cache_alone() {
    let id = minted(5_000, 1);
    let script = loaded_as(Status::Pending, 1, id)
        .expect("order_1 UPDATE t_order", Answer::Done)
        .expect("order_1 INSERT t_local_message", Answer::Done)
        .expect("order_1 COMMIT", mysql_lost());
    assert_eq!(pay(id, "", &script).status, 503);
    assert_eq!(script.count("cache_order"), 0);
}

#[test]
fn illegal_moves_and_unknown_words() {
    let id = minted(5_000, 1);
    for (from, to, http, code) in [
        (Status::Completed, "cancelled", 409, 20005),
        (Status::Cancelled, "cancelled", 409, 20002),
        (Status::Shipped, "paid", 409, 20005),
        (Status::Paid, "pending", 409, 20005),
        (Status::Pending, "failed", 409, 20005),
    ] {
        let reply = set(id, to, &loaded_as(from, 4, id));
        assert_eq!((reply.status, reply.code()), (http, code), "{from} to {to}");
    }
    let reply = set(id, "gone", &Script::default());
    assert_eq!((reply.status, reply.code()), (400, 10001));
    let body = r#"{"payment_id":"p"}"#;
    let reply = send(
        "pay-order",
        request("POST", "/v1/payment/callback", body),
        &Script::default(),
    );
    assert_eq!(
        (reply.status, reply.code()),
        (400, 10001),
        "a callback names its order"
    );
}
