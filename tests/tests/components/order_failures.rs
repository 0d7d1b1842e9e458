//! `order-failures`: what operators see of a message and what they do not, and a manual retry up to its result.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use contract::api::failure::FailureStatus;
use contract::api::failure::FailureStatus::{Failed, Pending, Processing, Success};

const SELECT: &str = "inventory SELECT order_failures";
const UPDATE: &str = "inventory UPDATE order_failures";
const COUNT: &str = "inventory SELECT ROW_COUNT()";

fn get(path: &str, script: &Script) -> Reply {
    send("order-failures", request("GET", path, ""), script)
}

fn retry(script: &Script) -> Reply {
    let retry = request("POST", "/api/v1/failures/5/retry", "");
    send("order-failures", retry, script)
}

fn row_with(status: FailureStatus, retries: u32, message: &[u8]) -> Vec<DbValue> {
    let text = |text: &str| DbValue::Str(text.to_owned());
    vec![
        DbValue::Uint64(5),
        text("kafka"),
        DbValue::DbNull,
        DbValue::Uint64(7),
        DbValue::Uint64(1),
        text("seckill_001"),
        DbValue::Binary(message.to_vec()),
        text("quantity must be a positive whole number"),
        DbValue::Uint32(retries),
        DbValue::Uint8(status.code()),
        DbValue::Uint64(9_000),
        DbValue::Uint64(8_000),
        DbValue::Uint64(8_500),
    ]
}

fn row(status: FailureStatus, retries: u32) -> Answer {
    rows([row_with(status, retries, b"{}")])
}

fn number(number: i64) -> Answer {
    rows([vec![DbValue::Int64(number)]])
}

#[test]
fn a_page_shows_messages_without_what_is_private() {
    let message = r#"{"user_id":7,"quantity":-1,"shipping_address":"Main St 1","phone":"138"}"#;
    let mut long = "é".repeat(5_000).into_bytes();
    long.push(0xff);
    let found = rows([
        row_with(Pending, 1, message.as_bytes()),
        row_with(Failed, 5, &long),
    ]);
    let script = Script::default()
        .expect(SELECT, found)
        .expect(SELECT, number(12));
    let reply = get("/api/v1/failures?page=2&page_size=10", &script);
    assert_eq!(
        (reply.status, &reply.body["total"], &reply.body["page"]),
        (200, &12.into(), &2.into()),
        "{reply:?}"
    );
    let first = &reply.body["failures"][0];
    assert_eq!(
        first["message_data"],
        r#"{"user_id":7,"quantity":-1,"shipping_address":"***","phone":"***"}"#
    );
    assert_eq!(
        (&first["id"], &first["status"], &first["next_retry_at"]),
        (&"5".into(), &"pending".into(), &9_000.into())
    );
    assert_eq!(
        (&first["order_id"], &first["user_id"]),
        (&serde_json::Value::Null, &"7".into())
    );
    let second = &reply.body["failures"][1];
    let shown = second["message_data"].as_str().unwrap();
    assert_eq!(shown.chars().count(), 4_096);
    assert!(second["next_retry_at"].is_null(), "given up");
}

#[test]
fn a_page_may_be_of_one_state() {
    let script = Script::default()
        .expect(SELECT, nothing())
        .expect(SELECT, number(100_001));
    let reply = get("/api/v1/failures?status=failed&pageSize=20", &script);
    assert_eq!(
        (&reply.body["total"], &reply.body["total_exact"]),
        (&100_000.into(), &false.into())
    );
    assert_eq!(script.values(SELECT), ["3", "100001"]);
    for (path, field) in [
        ("/api/v1/failures?status=lost", "status"),
        ("/api/v1/failures?page=0", "page"),
        ("/api/v1/failures?page_size=101", "page_size"),
    ] {
        let reply = get(path, &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{path}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{message}"
        );
    }
}

#[test]
fn one_failure_or_none() {
    let script = Script::default().expect(SELECT, row(Success, 2));
    let reply = get("/api/v1/failures/5", &script);
    assert_eq!(
        (&reply.body["status"], &reply.body["code"]),
        (&"success".into(), &10_000.into())
    );
    let script = Script::default().expect(SELECT, nothing());
    let reply = get("/api/v1/failures/5", &script);
    assert_eq!((reply.status, reply.code()), (404, 50001));
    for id in ["x", "-1", "99999999999999999999"] {
        let reply = get(&format!("/api/v1/failures/{id}"), &Script::default());
        assert_eq!((reply.status, reply.code()), (404, 50001), "{id}");
    }
}

#[test]
fn a_database_away_is_503() {
    for path in ["/api/v1/failures", "/api/v1/failures/5"] {
        let script = Script::default().expect("open inventory", mysql_away());
        let reply = get(path, &script);
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1"))
        );
    }
    let script = Script::default()
        .expect(SELECT, nothing())
        .expect(SELECT, mysql_lost());
    assert_eq!(get("/api/v1/failures", &script).status, 503);
    let odd = row_with(Pending, 0, b"").into_iter().enumerate();
    let odd = odd.map(|(at, value)| if at == 9 { DbValue::Uint8(7) } else { value });
    let script = Script::default().expect(SELECT, rows([odd.collect()]));
    assert_eq!(get("/api/v1/failures/5", &script).status, 500);
}

/// The calls that make a row due, and the first read after them.
fn due(script: Script, changed: i64, row: Answer) -> Script {
    script
        .expect(UPDATE, Answer::Done)
        .expect(COUNT, number(changed))
        .expect(SELECT, row)
}

#[test]
fn a_retry_waits_for_its_verdict() {
    for (verdict, retries, status) in [
        (Success, 3, "success"),
        (Failed, 3, "failed"),
        (Pending, 3, "pending"),
    ] {
        let script = due(Script::default(), 1, row(Pending, 2))
            .expect(SELECT, row(Pending, 2))
            .expect(SELECT, row(Processing, 3))
            .expect(SELECT, row(verdict, retries));
        let reply = retry(&script);
        assert_eq!(
            (reply.status, &reply.body["status"]),
            (200, &status.into()),
            "{reply:?}"
        );
        assert_eq!(script.values("PUBLISH"), ["failures", "5"]);
        assert_eq!(
            script.values(UPDATE),
            ["0", "5", "0", "3"],
            "pending, where pending or failed"
        );
        assert_eq!(script.sessions_of(UPDATE), script.sessions_of(COUNT));
    }
}

#[test]
fn a_verdict_is_not_waited_for_forever() {
    let script = due(Script::default(), 1, row(Pending, 2)).always(SELECT, row(Processing, 2));
    let reply = retry(&script);
    assert_eq!(
        (reply.status, &reply.body["status"]),
        (200, &"processing".into())
    );
    assert!(script.count(SELECT) <= 41, "one look in 25 ms at most");
}

#[test]
fn what_is_retried_or_done_is_left_alone() {
    for status in [Processing, Success] {
        let script = due(Script::default(), 0, row(status, 1));
        let reply = retry(&script);
        assert_eq!((reply.status, reply.code()), (409, 50002));
        assert_eq!(script.count("PUBLISH"), 0);
    }
    let script = due(Script::default(), 0, nothing());
    let reply = retry(&script);
    assert_eq!((reply.status, reply.code()), (404, 50001));
    let script = due(Script::default(), 0, row(Pending, 1)).expect(SELECT, row(Success, 2));
    assert_eq!(
        retry(&script).status,
        200,
        "somebody asked in the same moment"
    );
    // The relay claimed the row before the first read.
    let script = due(Script::default(), 1, row(Processing, 2)).expect(SELECT, row(Pending, 2));
    assert_eq!(retry(&script).body["status"], "pending");
}

#[test]
fn a_retry_that_cannot_be_told_is_found_later() {
    for away in ["open redis", "PUBLISH"] {
        let script = due(Script::default(), 1, row(Pending, 2)).expect(away, redis_away());
        let reply = retry(&script);
        assert_eq!(
            (reply.status, &reply.body["status"]),
            (200, &"pending".into())
        );
        assert!(reply.log.contains("redis"), "{}", reply.log);
    }
}

#[test]
fn a_retry_without_its_database_is_503() {
    let script = Script::default().expect(UPDATE, mysql_lost());
    assert_eq!(retry(&script).status, 503);
    let script = Script::default().expect(UPDATE, lock_wait());
    assert_eq!(retry(&script).status, 503);
    let script = due(Script::default(), 1, row(Pending, 2)).expect(SELECT, mysql_lost());
    assert_eq!(retry(&script).status, 503);
}

#[test]
fn what_is_no_route_is_404_and_what_is_no_method_405() {
    let status = |method, path| {
        let request = request(method, path, "");
        send("order-failures", request, &Script::default()).status
    };
    assert_eq!(status("POST", "/api/v1/failures"), 405);
    assert_eq!(status("DELETE", "/api/v1/failures/5"), 405);
    assert_eq!(status("GET", "/api/v1/failures/5/retry"), 405);
    assert_eq!(status("POST", "/api/v1/failures/x/retry"), 404);
    assert_eq!(status("GET", "/api/v1/failures/5/items"), 404);
}
