//! Requests on one instance share its MySQL connections: none is closed while another is in use, and none is reused
//! with an open transaction of an earlier request.

use crate::bindings::mysql::DbValue;
use crate::bindings::redis::RedisResult;
use crate::host::{Instance, Reply, request};
use crate::replies::*;
use crate::script::{Answer, Script};
use domain::{OrderId, Status};

/// More than one instance of Spin serves concurrently.
const TOGETHER: usize = 20;

fn create() -> http::Request<Vec<u8>> {
    request("POST", "/v1/order/create", crate::create_order::BODY)
}

fn get(path: &str) -> http::Request<Vec<u8>> {
    request("GET", path, "")
}

fn statuses(replies: &[Reply]) -> Vec<u16> {
    replies.iter().map(|reply| reply.status).collect()
}

/// Answers any number of creates, reads and lists of user 7, who has only this order.
fn answering(id: OrderId) -> Script {
    let order = order(id, Status::Pending, 1);
    Script::default()
        .always("admit", admitted(id))
        .always("reserve", reserved(9999))
        .always("order_1 INSERT", Answer::Done)
        .always("complete", integer(1))
        .always("GET", no_key())
        .always("cache_order", integer(1))
        // Each statement reads its own columns from the front of these rows.
        .always("order_1 SELECT t_order", loaded(&order))
        .always("order_1 SELECT t_order_item", rows(item_columns(&order)))
        .always("order_0 SELECT t_order", nothing())
}

#[test]
fn requests_at_once_let_no_connection_go_while_another_is_busy() {
    let id = minted(0, 1);
    let script = answering(id).overlapping();
    let mut instance = Instance::new("create-order", &script, &[]);
    let kinds = [create(), get("/orders"), get("/api/v1/orders?user_id=7")];
    let requests: Vec<_> = kinds.iter().cycle().take(TOGETHER).cloned().collect();
    for _ in 0..3 {
        let replies = instance.send_together(requests.clone());
        assert_eq!(statuses(&replies), [200; TOGETHER], "{replies:?}");
    }
    script.check();

    let script = answering(id).overlapping();
    let mut instance = Instance::new("query-order", &script, &[]);
    let paths = [
        format!("/v1/order/{id}"),
        "/v1/order/list".to_owned(),
        format!("/v1/order/search?order_no={id}"),
    ];
    let requests = paths.iter().cycle().take(TOGETHER);
    let requests: Vec<_> = requests.map(|path| get(path)).collect();
    for _ in 0..3 {
        let replies = instance.send_together(requests.clone());
        assert_eq!(statuses(&replies), [200; TOGETHER], "{replies:?}");
    }
    script.check();
}

#[test]
fn the_next_request_opens_nothing() {
    let id = minted(0, 1);
    let all = [create(), get("/orders?user_id=7")];
    let script = answering(id);
    let mut instance = Instance::new("create-order", &script, &[]);
    let replies = instance.send_together(all.to_vec());
    assert_eq!(statuses(&replies), [200; 2], "{replies:?}");
    if script.takes_blocks() {
        assert_eq!(script.count("order_1 SET autocommit=0"), 0);
    }

    let script = answering(id).without_blocks();
    let mut instance = Instance::new("create-order", &script, &[]);
    for request in all.iter().cycle().take(6) {
        let replies = instance.send_together(vec![request.clone()]);
        assert_eq!(statuses(&replies), [200], "{replies:?}");
    }
    script.check();
    assert_eq!(script.count("open order_1"), 2, "one of each mode");
    assert_eq!(script.count("order_1 SET autocommit=0"), 1);
    assert_eq!(script.count("order_1 ROLLBACK"), 0);
    assert_eq!(script.sessions_open(), 2);
}

#[test]
fn transactions_and_other_statements_have_connections_of_their_own() {
    let script = answering(minted(0, 1)).without_blocks().overlapping();
    let mut instance = Instance::new("create-order", &script, &[]);
    let requests = [create(), get("/orders?user_id=7")];
    let requests: Vec<_> = requests.iter().cycle().take(TOGETHER).cloned().collect();
    for _ in 0..2 {
        let replies = instance.send_together(requests.clone());
        assert_eq!(statuses(&replies), [200; TOGETHER], "{replies:?}");
    }
    script.check();
    let manual = script.sessions_of("order_1 SET autocommit=0");
    for what in ["order_1 INSERT t_order", "order_1 COMMIT"] {
        let sessions = script.sessions_of(what);
        assert!(sessions.iter().all(|session| manual.contains(session)));
    }
    for what in ["order_1 SELECT t_order", "order_1 SELECT t_order_item"] {
        let sessions = script.sessions_of(what);
        assert!(!sessions.iter().any(|session| manual.contains(session)));
    }
}

#[test]
fn a_transaction_nobody_ended_is_rolled_back_before_the_next() {
    let refused = || refused_by_mysql(1105, "HY000", "Unknown error");
    let again = minted(0, 2);
    // The first attempt's id is taken, its ROLLBACK fails, and the request is retried. While the other request is in
    // flight the connection cannot be closed.
    let script = Script::default()
        .without_blocks()
        .expect("admit", admitted(minted(0, 1)))
        .expect("order_1 INSERT t_order", duplicate("PRIMARY"))
        .expect("order_1 ROLLBACK", refused())
        .expect("admit", admitted(again))
        .always("reserve", reserved(9999))
        .always("release", integer(1))
        .always("free", integer(1))
        .always("order_1 INSERT", Answer::Done)
        .always("complete", integer(1))
        .always("order_0 SELECT t_order", nothing())
        .hold("order_0 SELECT t_order", "order_1 COMMIT", 1);
    let mut instance = Instance::new("create-order", &script, &[]);
    let other = get("/orders?user_id=8");
    let replies = instance.send_together(vec![other, create()]);
    assert_eq!(statuses(&replies), [200, 200], "{replies:?}");
    assert_eq!(replies[1].body["order_id"], again.to_string());
    script.check();
    let steps = script.steps();
    let steps: Vec<&str> = steps
        .iter()
        .filter_map(|s| s.strip_prefix("order_1 "))
        .collect();
    assert_eq!(
        steps,
        [
            "INSERT t_order",
            "ROLLBACK",
            "ROLLBACK",
            "INSERT t_order",
            "INSERT t_order_item",
            "INSERT t_local_message",
            "COMMIT",
        ]
    );
    assert_eq!(script.count("open order_1"), 2, "one of each mode");
}

/// Every server answers its health check.
fn healthy() -> Script {
    let pong = Answer::Redis(vec![RedisResult::Status("PONG".to_owned())]);
    let databases = ["order_0", "order_1", "inventory"].into_iter();
    databases.fold(Script::default().always("PING", pong), |script, name| {
        let one = rows([vec![DbValue::Int64(1)]]);
        script.always(&format!("{name} SELECT 1"), one)
    })
}

#[test]
fn a_statement_that_was_given_up_leaves_its_connection_to_nobody() {
    // Held until the first request has given up its statement.
    let script = healthy().hold("order_0 SELECT 1", "order_0 SELECT 1", 2);
    let mut instance = Instance::new("health", &script, &[]);
    let replies = instance.send_together(vec![get("/health")]);
    assert_eq!(statuses(&replies), [503]);
    assert_eq!(
        replies[0].body["checks"]["order_0"]["status"],
        "unavailable"
    );
    assert_eq!(
        script.sessions_open(),
        2,
        "it is closed, nothing being in flight"
    );
    let replies = instance.send_together(vec![get("/health")]);
    assert_eq!(statuses(&replies), [200], "{replies:?}");
    script.check();
    let sessions = script.sessions_of("order_0 SELECT 1");
    assert_ne!(sessions[0], sessions[1]);
    for database in ["order_1", "inventory"] {
        assert_eq!(script.count(&format!("open {database}")), 1);
    }
}

#[test]
fn an_open_whose_request_has_gone_is_for_the_next() {
    let script = healthy().hold("open order_0", "PING", 2);
    let mut instance = Instance::new("health", &script, &[]);
    let answers: Vec<u16> = (0..3)
        .flat_map(|_| statuses(&instance.send_together(vec![get("/health")])))
        .collect();
    assert_eq!(answers, [503, 200, 200]);
    script.check();
    assert!(script.count("open order_0") <= 2);
    assert_eq!(script.sessions_open(), 2 + script.count("open order_0"));
}

#[test]
fn where_the_server_went_away_what_waited_is_not_asked_either() {
    let id = minted(0, 1);
    let read = || get(&format!("/v1/order/{id}"));
    let script = answering(id).hold("order_1 SELECT t_order", "order_1 SELECT t_order", 2);
    let mut instance = Instance::new("query-order", &script, &[]);
    let replies = instance.send_together(vec![read(), read()]);
    assert_eq!(statuses(&replies), [200, 200]);
    assert_eq!(script.count("open order_1"), 2);

    let script = script.expect("order_1 SELECT t_order", mysql_lost());
    let replies = instance.send_together(vec![read()]);
    assert_eq!(statuses(&replies), [503]);
    assert_eq!(script.sessions_open(), 0);
    let replies = instance.send_together(vec![read()]);
    assert_eq!(statuses(&replies), [200]);
    assert_eq!(script.count("open order_1"), 3);
    script.check();
}

#[test]
fn an_error_of_the_statement_costs_no_connection() {
    let id = minted(0, 1);
    let read = || get(&format!("/v1/order/{id}"));
    let script = answering(id).expect(
        "order_1 SELECT t_order",
        refused_by_mysql(1146, "42S02", "Table 't_order' doesn't exist"),
    );
    let mut instance = Instance::new("query-order", &script, &[]);
    for status in [500, 200] {
        assert_eq!(statuses(&instance.send_together(vec![read()])), [status]);
    }
    assert_eq!(script.count("open order_1"), 1);
    script.check();
}

/// The limit of `guest::mysql` for one address.
const CONNECTIONS_MAX: usize = 32;

#[test]
fn beyond_the_bound_requests_wait_for_a_connection() {
    let id = minted(0, 1);
    let read = || get(&format!("/v1/order/{id}"));
    let mut script = answering(id);
    for _ in 0..CONNECTIONS_MAX {
        script = script.hold(
            "order_1 SELECT t_order",
            "order_1 SELECT t_order",
            CONNECTIONS_MAX,
        );
    }
    let mut instance = Instance::new("query-order", &script, &[]);
    let replies = instance.send_together(vec![read(); CONNECTIONS_MAX + 8]);
    assert_eq!(statuses(&replies), [200; CONNECTIONS_MAX + 8]);
    assert_eq!(script.count("open order_1"), CONNECTIONS_MAX);
    script.check();
}

#[test]
fn nobody_waits_for_ever() {
    let late = 3;
    let mut script = answering(minted(0, 1))
        .always("release", integer(1))
        .always("free", integer(1));
    for _ in 0..CONNECTIONS_MAX {
        // Held until the requests that got no connection have given up.
        script = script.hold("order_1 INSERT t_order", "release", late);
    }
    let mut instance = Instance::new("create-order", &script, &[]);
    let replies = instance.send_together(vec![create(); CONNECTIONS_MAX + late]);
    let (placed, refused) = replies.split_at(CONNECTIONS_MAX);
    assert!(placed.iter().all(|reply| reply.status == 200), "{placed:?}");
    for reply in refused {
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1"))
        );
    }
    script.check();
}

#[test]
fn a_count_of_changed_rows_is_of_the_connection_that_changed_them() {
    let id = minted(0, 1);
    let script = answering(id).overlapping();
    let script = script
        .always("order_1 UPDATE t_order", Answer::Done)
        .always("cache_order", integer(1));
    let mut instance = Instance::new("cancel-order", &script, &[]);
    let cancel = || request("POST", &format!("/v1/order/{id}/cancel"), "{}");
    let replies = instance.send_together(vec![cancel(); TOGETHER]);
    assert_eq!(statuses(&replies), [200; TOGETHER], "{replies:?}");
    script.check();
    let (mut changed, mut counted) = (
        script.sessions_of("order_1 UPDATE t_order"),
        script.sessions_of("order_1 SELECT ROW_COUNT()"),
    );
    changed.sort_unstable();
    counted.sort_unstable();
    assert_eq!(changed, counted);
}
