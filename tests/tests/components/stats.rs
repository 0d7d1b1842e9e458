//! `stats`: the same orders counted by the shards and by the index give the same reply. An index that is away, late or
//! incomplete costs time, but the answer stays right.

use crate::bindings::mysql::DbValue;
use crate::host::{Reply, request, send, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};
use crate::search_server::SearchServer;
use domain::id::EPOCH_MS;
use domain::{OrderId, Status, UserId, calendar};
use serde_json::{Value, json};

const DAY: &str = "/api/v1/stats/orders?date=2024-01-01";
const DASHBOARD: &str = "/v1/dashboard/stats";
const USER_STATS: &str = "/api/v1/users/user_7/stats";

fn get(path: &str, script: &Script) -> Reply {
    send("stats", request("GET", path, ""), script)
}

fn get_from(index: &'static str, path: &str, script: &Script) -> Reply {
    let variables = [("elasticsearch_url", index)];
    send_with("stats", request("GET", path, ""), script, &variables)
}

/// A row of counts: status, orders, cents, creation time of the newest.
fn counted(status: Status, orders: i64, cents: i64, newest: u64) -> Vec<DbValue> {
    vec![
        DbValue::Uint8(status.code()),
        DbValue::Int64(orders),
        DbValue::Int64(cents),
        DbValue::Uint64(newest),
    ]
}

fn number(number: i64) -> Answer {
    rows([vec![DbValue::Int64(number)]])
}

fn failures(script: Script, count: i64) -> Script {
    script.expect("inventory SELECT order_failures", number(count))
}

/// Hours without an expectation have no orders.
fn quiet(script: Script) -> Script {
    script
        .always("order_0 SELECT t_order", nothing())
        .always("order_1 SELECT t_order", nothing())
}

/// The counts of a day: all of them in the second shard, in the first hour.
fn day_of_shards(script: Script) -> Script {
    let script = quiet(script);
    let paid = counted(Status::Paid, 2, 39_996, EPOCH_MS + 5);
    let pending = counted(Status::Pending, 1, 9_999, EPOCH_MS + 9);
    script
        .expect("order_0 SELECT t_order", nothing())
        .expect("order_1 SELECT t_order", rows([paid, pending]))
}

/// The same counts as the index returns them.
fn status_buckets() -> Value {
    json!({ "sum_other_doc_count": 0, "buckets": [
        { "key": "paid", "doc_count": 2, "cents": { "value": 39_996.0 }, "newest": { "value": 1_704_067_200_005.0 } },
        { "key": "pending", "doc_count": 1, "cents": { "value": 9_999.0 }, "newest": { "value": 1.704067200009E12 } },
    ] })
}

fn day_of_index() -> Value {
    json!({ "took": 1, "timed_out": false, "hits": { "hits": [] }, "aggregations": { "status": status_buckets() } })
}

#[test]
fn a_day_is_the_same_from_shards_and_from_the_index() {
    let script = failures(day_of_shards(Script::default()), 1);
    let from_shards = get(DAY, &script);
    assert_eq!(from_shards.status, 200, "{from_shards:?}");
    let body = &from_shards.body;
    assert_eq!(
        body,
        &json!({
            "code": 10_000, "date": "2024-01-01", "total": 3, "amount": 399.96, "failures": 1, "success_rate": 0.75,
            "status": { "pending": 1, "paid": 2, "shipped": 0, "completed": 0, "cancelled": 0, "failed": 0 },
        })
    );
    assert_eq!(
        script.count("order_0 SELECT t_order"),
        24,
        "hour by hour, and the last is"
    );
    let last_hour = [EPOCH_MS + 23 * 3_600_000, EPOCH_MS + 86_400_000].map(|ms| ms.to_string());
    assert_eq!(script.values("order_0 SELECT t_order"), last_hour);
    let day = [EPOCH_MS.to_string(), (EPOCH_MS + 86_400_000).to_string()];
    let of_failures = script.values("inventory SELECT order_failures");
    assert_eq!(of_failures[..2], day, "and which did not end well");

    let server = SearchServer::answering(200, day_of_index());
    let script = failures(Script::default(), 1);
    let from_index = get_from(server.url, DAY, &script);
    assert_eq!(from_index.body, from_shards.body);
    let asked = server.asked();
    assert_eq!(
        asked.path,
        "/orders/_search?allow_partial_search_results=false"
    );
    let query = &asked.lines()[0];
    let range = json!({ "gte": EPOCH_MS, "lt": EPOCH_MS + 86_400_000 });
    assert_eq!(
        query.pointer("/query/bool/filter/0/range/created_at"),
        Some(&range)
    );
}

#[test]
fn the_day_is_today_unless_it_is_named() {
    let before = calendar::date(now());
    let script = failures(quiet(Script::default()), 0);
    let reply = get("/api/v1/stats/orders", &script);
    let today = reply.body["date"].as_str().unwrap();
    assert!(today == before || today == calendar::date(now()));
    assert_eq!(reply.body["success_rate"], 1.0, "nothing was tried");
}

#[test]
fn wrong_questions_reach_no_server() {
    for (path, field) in [
        ("/api/v1/stats/orders?date=yesterday", "date"),
        ("/api/v1/stats/orders?date=2024-02-30", "date"),
        ("/api/v1/stats/orders?date=-1", "date"),
        ("/api/v1/users/0/stats", "userId"),
    ] {
        let reply = get(path, &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{path}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{message}"
        );
    }
    let post = send("stats", request("POST", DASHBOARD, ""), &Script::default());
    assert_eq!(post.status, 405);
    assert_eq!(get("/api/v1/stats", &Script::default()).status, 404);
}

#[test]
fn a_database_away_is_503() {
    for away in ["open order_0", "open order_1", "open inventory"] {
        // The other databases may or may not have been called by then.
        let script = quiet(Script::default())
            .expect(away, mysql_away())
            .always("inventory SELECT order_failures", number(0));
        let reply = get(DAY, &script);
        assert_eq!((reply.status, reply.code()), (503, 10005), "{away}");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    let script = Script::default().expect("order_1 SELECT t_order", mysql_lost());
    assert_eq!(get(USER_STATS, &script).status, 503);
    let script = Script::default().expect("order_1 SELECT t_order", deadlock());
    assert_eq!(get(USER_STATS, &script).status, 503);
}

#[test]
fn rows_that_cannot_be_are_an_error_not_a_number() {
    for odd in [
        vec![DbValue::Uint8(9), DbValue::Int64(1), DbValue::Int64(1)],
        vec![DbValue::Uint8(0), DbValue::Int64(-1), DbValue::Int64(1)],
        vec![DbValue::Uint8(0), DbValue::Int64(1), DbValue::DbNull],
    ] {
        let script = Script::default().expect("order_1 SELECT t_order", rows([odd]));
        let reply = get(USER_STATS, &script);
        assert_eq!((reply.status, reply.code()), (500, 10003));
    }
}

fn id(sequence: u64) -> OrderId {
    OrderId::compose(4096 * 5 + sequence, UserId::new(USER).gene()).unwrap()
}

fn recent_row(sequence: u64, cents: i64, at: u64) -> Vec<DbValue> {
    vec![
        DbValue::Uint64(id(sequence).get()),
        DbValue::Int64(cents),
        DbValue::Uint64(at),
    ]
}

fn sold_row(product: u64, units: i64) -> Vec<DbValue> {
    vec![DbValue::Uint64(product), DbValue::Int64(units)]
}

fn names(script: Script) -> Script {
    let name = |id, name: &str| vec![DbValue::Uint64(id), DbValue::Str(name.to_owned())];
    let known = rows([name(3, "鼠标"), name(1, "键盘")]);
    script.expect("inventory SELECT products", known)
}

/// Each shard is asked for its newest orders, then hour by hour for counts and products.
fn dashboard_of_shards() -> Script {
    let newest = Script::default()
        .expect("order_0 SELECT t_order", rows([recent_row(1, 100, 7)]))
        .expect(
            "order_1 SELECT t_order",
            rows([recent_row(3, 300, 9), recent_row(2, 200, 7)]),
        );
    let script = day_of_shards(newest)
        .expect(
            "order_0 SELECT t_order",
            rows([sold_row(1, 1), sold_row(2, 2)]),
        )
        .expect("order_0 SELECT t_order", nothing())
        .expect("order_0 SELECT t_order", rows([sold_row(1, 1)]))
        .expect(
            "order_1 SELECT t_order",
            rows([sold_row(3, 3), sold_row(1, 2)]),
        );
    names(script)
}

fn dashboard_of_index() -> Value {
    let hit = |sequence: u64, cents: i64, at: u64| {
        json!({ "_id": id(sequence).to_string(), "sort": [at],
            "_source": { "id": id(sequence).to_string(), "actual_cents": cents, "created_at": at } })
    };
    let product =
        |id: &str, units: f64| json!({ "key": id, "doc_count": 1, "units": { "value": units } });
    json!({ "took": 2, "responses": [
        { "timed_out": false, "status": 200, "aggregations": {
            "status": status_buckets(),
            "standing": { "doc_count": 3, "items": { "doc_count": 4, "product": {
                "sum_other_doc_count": 0, "buckets": [product("1", 4.0), product("3", 3.0), product("2", 2.0)],
            } } },
        } },
        { "timed_out": false, "status": 200, "hits": { "hits": [hit(3, 300, 9), hit(2, 200, 7), hit(1, 100, 7)] } },
    ] })
}

#[test]
fn a_dashboard_is_the_same_from_shards_and_from_the_index() {
    let from_shards = get(DASHBOARD, &dashboard_of_shards());
    assert_eq!(from_shards.status, 200, "{from_shards:?}");
    let body = &from_shards.body;
    assert_eq!(body["todaySales"].to_string(), "399.96");
    assert_eq!(
        body["hotProducts"],
        json!([
            { "product_id": "1", "product_name": "键盘", "quantity": 4 },
            { "product_id": "3", "product_name": "鼠标", "quantity": 3 },
            { "product_id": "2", "product_name": "", "quantity": 2 },
        ])
    );
    let recent = body["recentOrders"].as_array().unwrap().iter();
    let recent: Vec<&str> = recent
        .map(|order| order["order_no"].as_str().unwrap())
        .collect();
    let newest_first = [3, 2, 1].map(|sequence| id(sequence).order_no());
    assert_eq!(recent, newest_first);
    assert_eq!(body["statusDistribution"].as_array().unwrap().len(), 6);

    let server = SearchServer::answering(200, dashboard_of_index());
    let from_index = get_from(server.url, DASHBOARD, &names(Script::default()));
    assert_eq!(from_index.body, from_shards.body);
    let asked = server.asked();
    assert_eq!(asked.path, "/orders/_msearch");
    let lines = asked.lines();
    assert_eq!(lines.len(), 4, "two heads and two searches");
    let fallen = lines[1].pointer("/aggs/standing/filter/bool/must_not/terms/status");
    assert_eq!(fallen, Some(&json!(["cancelled", "failed"])));
    assert_eq!(lines[3]["size"], 100);
}

#[test]
fn a_day_without_orders_asks_for_no_names() {
    let script = quiet(Script::default());
    let reply = get(DASHBOARD, &script);
    assert_eq!(
        (reply.status, &reply.body["hotProducts"]),
        (200, &json!([]))
    );
    assert_eq!(reply.body["todaySales"].to_string(), "0.0");
    assert_eq!(script.count("open inventory"), 0);
}

#[test]
fn a_users_orders_are_counted_in_one_shard_or_in_the_index() {
    let paid = counted(Status::Paid, 2, 39_996, EPOCH_MS + 5);
    let pending = counted(Status::Pending, 1, 9_999, EPOCH_MS + 9);
    let script = Script::default().expect("order_1 SELECT t_order", rows([paid, pending]));
    let from_shard = get(USER_STATS, &script);
    assert_eq!(
        from_shard.body,
        json!({
            "code": 10_000, "user_id": "user_7", "total": 3, "amount": 399.96, "last_order_at": EPOCH_MS + 9,
            "status": { "pending": 1, "paid": 2, "shipped": 0, "completed": 0, "cancelled": 0, "failed": 0 },
        })
    );
    assert_eq!(script.values("order_1 SELECT t_order"), ["7"]);
    assert_eq!(script.count("open order_0"), 0);

    let server = SearchServer::answering(200, day_of_index());
    let from_index = get_from(server.url, USER_STATS, &Script::default());
    assert_eq!(from_index.body, from_shard.body);
    let asked = server.asked();
    assert_eq!(
        asked.lines()[0].pointer("/query/bool/filter/0/term/user_id"),
        Some(&json!("7"))
    );
}

#[test]
fn an_index_that_gives_less_than_the_whole_is_passed_by() {
    let changed = |pointer: &str, value: Value| {
        let mut answer = day_of_index();
        *answer.pointer_mut(pointer).unwrap() = value;
        answer
    };
    let bucket = "/aggregations/status/buckets/0";
    let sum = format!("{bucket}/cents/value");
    let answers = [
        (
            503,
            json!({ "error": { "type": "no_shard_available_action_exception" } }),
        ),
        (
            404,
            json!({ "error": { "type": "index_not_found_exception" } }),
        ),
        (200, json!("not an answer")),
        (200, changed("/timed_out", json!(true))),
        (200, changed("/aggregations", json!({}))),
        (
            200,
            changed("/aggregations/status/sum_other_doc_count", json!(1)),
        ),
        (200, changed(&format!("{bucket}/key"), json!("lost"))),
        (200, changed(&sum, json!(1.5))),
        (200, changed(&sum, json!(-1.0))),
        (200, changed(&sum, json!(1e17))),
        (200, changed(&sum, json!(null))),
    ];
    for (status, answer) in answers {
        let server = SearchServer::answering(status, &answer);
        let script = failures(day_of_shards(Script::default()), 0);
        let reply = get_from(server.url, DAY, &script);
        assert_eq!((reply.status, &reply.body["total"]), (200, &json!(3)));
        assert!(
            reply.log.contains("elasticsearch"),
            "{answer}: {}",
            reply.log
        );
    }
}

#[test]
fn half_a_dashboard_is_none() {
    let broken = json!({ "error": { "type": "search_phase_execution_exception" }, "status": 400 });
    let mut changed = vec![json!({ "responses": [] })];
    for half in ["/responses/0", "/responses/1"] {
        let mut answer = dashboard_of_index();
        *answer.pointer_mut(half).unwrap() = broken.clone();
        changed.push(answer);
    }
    for (pointer, value) in [
        ("/responses/1/timed_out", json!(true)),
        ("/responses/1/hits/hits/0/_source/id", json!("x")),
        ("/responses/1/hits/hits/0/_source/actual_cents", json!(-1)),
        (
            "/responses/0/aggregations/standing/items/product/buckets/0/key",
            json!("x"),
        ),
    ] {
        let mut answer = dashboard_of_index();
        *answer.pointer_mut(pointer).unwrap() = value;
        changed.push(answer);
    }
    for answer in changed {
        let server = SearchServer::answering(200, &answer);
        let reply = get_from(server.url, DASHBOARD, &dashboard_of_shards());
        assert_eq!(reply.body["todaySales"].to_string(), "399.96");
        assert!(
            reply.log.contains("elasticsearch"),
            "{answer}: {}",
            reply.log
        );
    }
}

#[test]
fn an_index_away_or_silent_is_passed_by() {
    let silent = SearchServer::silent();
    // Nothing listens on the discard port: the connection is refused.
    for index in ["http://127.0.0.1:9", silent.url] {
        let script = failures(day_of_shards(Script::default()), 0);
        let reply = get_from(index, DAY, &script);
        assert_eq!((reply.status, &reply.body["total"]), (200, &json!(3)));
        assert!(reply.log.contains("elasticsearch"), "{}", reply.log);
    }
    silent.asked();
}
