//! `create-order` when a server fails at each of its steps: what is undone, and what is left for the repeat.

use crate::bindings::mysql::DbValue;
use crate::create_order::{BODY, create, create_body, inserts, reserved_under};
use crate::host::{Instance, request};
use crate::replies::*;
use crate::script::{Answer, Script};
use domain::{OrderId, Status};

/// 503 with the message for users and a `Retry-After`.
fn assert_unavailable(reply: &crate::host::Reply) {
    assert_eq!((reply.status, reply.code()), (503, 10005), "{reply:?}");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.body["message"], "[10005] 系统繁忙，请稍后重试");
    assert!(reply.log.contains("WARN"), "{}", reply.log);
}

fn undone(script: Script) -> Script {
    script
        .expect("release {p1}", integer(1))
        .expect("free {u7}", integer(1))
}

#[test]
fn redis_away_before_anything() {
    let script = Script::default().expect("open redis", redis_away());
    assert_unavailable(&create(&script));
    let script = Script::default().expect("admit", redis_away());
    assert_unavailable(&create(&script));
    assert_eq!(script.steps(), ["admit {u7}"]);
}

#[test]
fn redis_away_while_reserving_leaves_the_key_to_the_repeat() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve", redis_away())
        .expect("release", redis_away());
    assert_unavailable(&create(&script));
    assert_eq!(script.count("order_1"), 0);
    assert_eq!(
        script.count("free"),
        0,
        "the key names the order that may hold units"
    );
}

#[test]
fn redis_away_after_the_commit_is_no_error() {
    let script = inserts(reserved_under(minted(0, 1))).expect("complete", redis_away());
    let reply = create(&script);
    assert_eq!(reply.status, 200, "the order stands");
    assert!(
        reply.log.contains("its key is not completed"),
        "{}",
        reply.log
    );
    assert_eq!(script.count("release"), 0);
}

#[test]
fn the_shard_away_before_the_transaction_undoes_all() {
    let script = reserved_under(minted(0, 1)).expect("open order_1", mysql_away());
    let script = undone(script);
    assert_unavailable(&create(&script));
}

#[test]
fn a_connection_lost_before_the_commit_undoes_all() {
    for (written, lost_at) in [(0, "t_order"), (1, "t_order_item"), (2, "t_local_message")] {
        let tables = ["t_order", "t_order_item", "t_local_message"];
        let mut script = reserved_under(minted(0, 1)).without_blocks();
        for table in &tables[..written] {
            script = script.expect(&format!("order_1 INSERT {table}"), Answer::Done);
        }
        let script = script.expect(&format!("order_1 INSERT {lost_at}"), mysql_lost());
        let script = undone(script);
        assert_unavailable(&create(&script));
        assert_eq!(script.count("order_1 COMMIT"), 0);
    }
}

#[test]
fn a_lost_commit_is_never_undone() {
    let id = minted(0, 1);
    // The outcome cannot be read: no connection can be opened.
    let mut script = inserts(reserved_under(id)).expect("order_1 COMMIT", mysql_lost());
    // One connection per autocommit mode where a server accepts no blocks.
    for _ in 0..if script.takes_blocks() { 1 } else { 2 } {
        script = script.expect("open order_1", Answer::Done);
    }
    let script = script.expect("open order_1", mysql_away());
    assert_unavailable(&create(&script));
    // The order is not there yet, but the server may still commit it.
    let script = inserts(reserved_under(id))
        .expect("order_1 COMMIT", mysql_lost())
        .expect("order_1 SELECT t_order", nothing());
    let reply = create(&script);
    assert_unavailable(&reply);
    for what in ["release", "free", "complete"] {
        assert_eq!(script.count(what), 0, "{what}");
    }
}

#[test]
fn a_block_whose_answer_is_lost_is_never_undone() {
    for lost_at in ["t_order", "t_order_item", "t_local_message"] {
        let mut script = reserved_under(minted(0, 1));
        if !script.takes_blocks() {
            return;
        }
        for table in ["t_order", "t_order_item", "t_local_message"] {
            let lost = table == lost_at;
            let answer = if lost { mysql_lost() } else { Answer::Done };
            script = script.expect(&format!("order_1 INSERT {table}"), answer);
            if lost {
                break;
            }
        }
        let script = script.expect("order_1 SELECT t_order", nothing());
        assert_unavailable(&create(&script));
        for what in ["release", "free", "complete"] {
            assert_eq!(script.count(what), 0, "{what}");
        }
    }
}

#[test]
fn a_block_that_is_interrupted_may_have_ended_and_one_that_is_refused_has_not() {
    let interrupted = || refused_by_mysql(1053, "08S01", "Server shutdown in progress");
    let script = reserved_under(minted(0, 1));
    if !script.takes_blocks() {
        return;
    }
    let script = script
        .expect("order_1 INSERT t_order", interrupted())
        .expect("order_1 SELECT t_order", nothing());
    assert_unavailable(&create(&script));
    assert_eq!(script.count("release"), 0);
    let read_only = refused_by_mysql(1290, "HY000", "running with the --read-only option");
    let script = reserved_under(minted(0, 1)).expect("order_1 INSERT t_order", read_only);
    assert_unavailable(&create(&undone(script)));
}

#[test]
fn a_server_is_asked_for_a_block_once() {
    let script = inserts(inserts(reserved_under(minted(0, 1)).without_blocks()))
        .expect("admit", admitted(minted(0, 2)))
        .expect("reserve", reserved(9999))
        .always("complete", integer(1));
    let mut instance = Instance::new("create-order", &script, &[]);
    for _ in 0..2 {
        let request = request("POST", "/v1/order/create", BODY);
        let replies = instance.send_together(vec![request]);
        assert_eq!(replies[0].status, 200, "{replies:?}");
    }
    script.check();
    assert_eq!(script.blocks_refused(), 1);
}

#[test]
fn a_lost_commit_that_took_effect_is_a_success() {
    let id = minted(0, 1);
    let script = inserts(reserved_under(id))
        .expect("order_1 COMMIT", mysql_lost())
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(id, Status::Pending, 1)),
        )
        .expect("complete", integer(1));
    let reply = create(&script);
    assert_eq!(
        (reply.status, &reply.body["order_id"]),
        (200, &id.to_string().into())
    );
}

#[test]
fn a_deadlock_or_lock_wait_is_tried_again() {
    for error in [deadlock(), lock_wait()] {
        let script = reserved_under(minted(0, 1)).expect("order_1 INSERT t_order", error);
        let script = inserts(script).expect("complete", integer(1));
        assert_eq!(create(&script).status, 200);
        assert_eq!(script.count("order_1 ROLLBACK"), 1);
        assert_eq!(script.count("reserve"), 1, "the units are still held");
    }
}

#[test]
fn endless_deadlocks_end_in_503_with_all_undone() {
    let mut script = reserved_under(minted(0, 1));
    for _ in 0..3 {
        script = script.expect("order_1 INSERT t_order", deadlock());
    }
    let script = undone(script);
    assert_unavailable(&create(&script));
    assert_eq!(script.count("order_1 ROLLBACK"), 3);
}

#[test]
fn an_insert_that_came_too_late_is_undone() {
    let script = reserved_under(minted(0, 1))
        .expect("order_1 INSERT t_order", too_late())
        .expect(WHAT_TIME, shard_says(1_800_000_000_000))
        .expect("order_1 INSERT t_order", too_late());
    let script = undone(script);
    assert_unavailable(&create(&script));
    assert_eq!(script.count("order_1 ROLLBACK"), 2);
}

const WHAT_TIME: &str = "order_1 SELECT TIMESTAMPDIFF(MICROSECOND,";

fn too_late() -> Answer {
    refused_by_mysql(1048, "23000", "Column 'created_at' cannot be null")
}

fn shard_says(ms: i64) -> Answer {
    rows([vec![DbValue::Int64(ms)]])
}

/// Redis dates the id. Where its clock and the shard's differ by years, the shard's clock decides.
#[test]
fn clocks_that_differ_lose_no_order() {
    const NOW: i64 = 1_900_000_000_000;
    let script = reserved_under(minted(0, 1))
        .expect("order_1 INSERT t_order", too_late())
        .expect(WHAT_TIME, shard_says(NOW));
    let script = inserts(script).expect("complete", integer(1));
    assert_eq!(create(&script).status, 200);
    const DEADLINE: usize = 12;
    let latest: i64 = script.values("order_1 INSERT t_order")[DEADLINE]
        .parse()
        .unwrap();
    assert!((NOW + 1_000..=NOW + 5_000).contains(&latest), "{latest}");
}

#[test]
fn an_id_minted_twice_is_minted_again() {
    for key in ["PRIMARY", "uk_order_no"] {
        let (taken, fresh) = (minted(0, 1), minted(0, 2));
        let script = undone(reserved_under(taken).expect("order_1 INSERT t_order", duplicate(key)))
            .expect("admit", admitted(fresh))
            .expect("reserve", reserved(9999));
        let script = inserts(script).expect("complete", integer(1));
        let reply = create(&script);
        assert_eq!(reply.body["order_id"], fresh.to_string(), "{key}");
        assert!(script.values("release").contains(&taken.to_string()));
    }
}

#[test]
fn ids_taken_again_and_again_end_in_503() {
    let mut script = Script::default();
    for sequence in 0..3 {
        script = undone(
            script
                .expect("admit", admitted(minted(0, sequence)))
                .expect("reserve", reserved(9999))
                .expect("order_1 INSERT t_order", duplicate("PRIMARY")),
        );
    }
    assert_unavailable(&create(&script));
}

/// The key has expired in Redis, but the database's unique key still holds it.
fn clash(found: OrderId, request_hash: Option<Vec<u8>>) -> Script {
    let hash = request_hash.map_or(DbValue::DbNull, DbValue::Binary);
    reserved_under(minted(0, 2))
        .expect("order_1 INSERT t_order", duplicate("uk_user_idempotency"))
        .expect("release {p1}", integer(1))
        .expect(
            "order_1 SELECT t_order",
            rows([vec![DbValue::Uint64(found.get()), hash]]),
        )
}

/// The `request_hash` that existing databases hold for the body of these tests. With another hash, a repeat sent across
/// a deployment would count as a different request: a change has to accept both.
const PAYLOAD_HASH: &str = "efa829d970fd6ecdc5116f0a98c91c2c";

pub fn payload_hash() -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&PAYLOAD_HASH[at..at + 2], 16).unwrap();
    (0..PAYLOAD_HASH.len()).step_by(2).map(byte).collect()
}

#[test]
fn what_is_stored_of_a_request_stays_as_it_is() {
    let script = inserts(reserved_under(minted(0, 1))).expect("complete", integer(1));
    create(&script);
    let stored = &script.values("order_1 INSERT t_order")[10..12];
    assert_eq!(stored, ["d0d9dac71e8bb2289f3effc49b2c9ea2", PAYLOAD_HASH]);
    assert_eq!(script.values("admit")[5], PAYLOAD_HASH);
    let completed = script.values("complete");
    assert!(
        completed.contains(&PAYLOAD_HASH.to_owned()),
        "{completed:?}"
    );
}

#[test]
fn a_key_whose_order_could_not_be_placed_any_more_is_replayed() {
    let first = minted(90_000, 1);
    for refusal in [&["short", "0"][..], &["off"], &["price", "5"], &["unknown"]] {
        let script = |hash| {
            let row = vec![DbValue::Uint64(first.get()), DbValue::Binary(hash)];
            Script::default()
                .expect("admit", admitted(minted(0, 2)))
                .expect("reserve {p1}", refused(refusal))
                .expect("release {p1}", integer(0))
                .expect("order_1 SELECT t_order", rows([row]))
        };
        let repeat = script(payload_hash())
            .expect(
                "order_1 SELECT t_order",
                loaded(&order(first, Status::Paid, 2)),
            )
            .expect("complete", integer(1));
        let reply = create(&repeat);
        let replayed = reply.header("idempotent-replayed");
        assert_eq!(
            (reply.status, replayed),
            (200, Some("true")),
            "{refusal:?} {reply:?}"
        );
        assert_eq!(reply.body["order_id"], first.to_string());
        let other = script(vec![0; 16]).expect("free", integer(1));
        assert_eq!(create(&other).status, 422, "{refusal:?}");
    }
}

#[test]
fn whether_a_refused_key_has_an_order_is_not_guessed() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve {p1}", refused(&["short", "0"]))
        .expect("release {p1}", integer(0))
        .expect("open order_1", mysql_away())
        .expect("free", integer(1));
    assert_unavailable(&create(&script));
}

#[test]
fn a_key_that_only_the_database_remembers_is_replayed() {
    let first = minted(90_000, 1);
    let script = clash(first, Some(payload_hash()))
        .expect(
            "order_1 SELECT t_order",
            loaded(&order(first, Status::Paid, 2)),
        )
        .expect("complete", integer(1));
    let reply = create(&script);
    assert_eq!(
        (reply.status, reply.header("idempotent-replayed")),
        (200, Some("true"))
    );
    assert_eq!(reply.body["order_id"], first.to_string());
}

#[test]
fn another_payload_under_that_key_is_refused() {
    let script = clash(minted(90_000, 1), Some(vec![0; 16])).expect("free", integer(1));
    let reply = create(&script);
    assert_eq!((reply.status, reply.code()), (422, 20004));
    assert_eq!(script.count("complete"), 0);
}

#[test]
fn a_statement_the_server_refuses_is_our_fault_and_undone() {
    let script = reserved_under(minted(0, 1)).expect(
        "order_1 INSERT t_order",
        refused_by_mysql(1146, "42S02", "Table 'order_1.t_order' doesn't exist"),
    );
    let script = undone(script);
    let reply = create(&script);
    assert_eq!((reply.status, reply.code()), (500, 10003));
    assert!(reply.log.contains("1146"), "{}", reply.log);
    assert!(
        !reply.body.to_string().contains("t_order"),
        "no table names for callers"
    );
}

/// Admitted; the product's stock is in the database.
fn in_database(id: OrderId) -> Script {
    Script::default()
        .expect("admit", admitted(id))
        .expect("reserve {p1}", kept_in_database(9999))
}

fn taken(script: Script) -> Script {
    script
        .expect("inventory INSERT t_stock_log", Answer::Done)
        .expect("inventory UPDATE t_inventory", Answer::Done)
}

fn changed(rows_changed: i64) -> Answer {
    rows([vec![DbValue::Int64(rows_changed)]])
}

#[test]
fn database_stock_is_reserved_with_its_log_before_the_order() {
    let script = taken(in_database(minted(0, 1)));
    let script = inserts(script).expect("complete", integer(1));
    assert_eq!(create(&script).status, 200);
    let steps = script.steps();
    let at = |what: &str| steps.iter().position(|step| step == what).unwrap();
    assert!(at("inventory COMMIT") < at("order_1 INSERT t_order"));
    assert_eq!(
        script.values("inventory UPDATE t_inventory")[2..],
        ["1", "0", "2"],
        "only where so many are there"
    );
}

#[test]
fn database_stock_that_is_locked_is_tried_again() {
    // At any statement of the transaction.
    let blocked = [
        in_database(minted(0, 1)).expect("inventory INSERT t_stock_log", deadlock()),
        in_database(minted(0, 1))
            .expect("inventory INSERT t_stock_log", Answer::Done)
            .expect("inventory UPDATE t_inventory", lock_wait()),
    ];
    for script in blocked {
        let script = inserts(taken(script)).expect("complete", integer(1));
        assert_eq!(create(&script).status, 200);
        assert_eq!(script.count("inventory ROLLBACK"), 1);
    }
    let script = taken(in_database(minted(0, 1))).expect("inventory COMMIT", deadlock());
    let script = inserts(taken(script)).expect("complete", integer(1));
    assert_eq!(create(&script).status, 200);
}

#[test]
fn database_stock_always_locked_is_contended() {
    let mut script = in_database(minted(0, 1));
    for _ in 0..9 {
        script = script
            .expect("inventory INSERT t_stock_log", Answer::Done)
            .expect("inventory UPDATE t_inventory", lock_wait());
    }
    let script = undone(script).expect("order_1 SELECT t_order", nothing());
    let reply = create(&script);
    assert_eq!((reply.status, reply.code()), (409, 30002), "{reply:?}");
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[test]
fn short_database_stock_returns_the_lines_kept_in_redis() {
    let script = Script::default()
        .expect("admit", admitted(minted(0, 1)))
        .expect("reserve {p1}", reserved(9999))
        .expect("reserve {p2}", kept_in_database(500))
        .expect("inventory INSERT t_stock_log", Answer::Done)
        .expect("inventory UPDATE t_inventory", Answer::Done)
        .expect("inventory SELECT ROW_COUNT()", changed(0))
        .expect("release {p1}", integer(1))
        .expect("release {p2}", integer(0))
        .expect("order_1 SELECT t_order", nothing())
        .expect("free", integer(1));
    let body =
        r#"{"user_id":7,"items":[{"product_id":1,"quantity":1},{"product_id":2,"quantity":1}]}"#;
    let reply = create_body(body, &script);
    assert_eq!((reply.status, reply.code()), (409, 30001));
    assert_eq!(script.count("inventory ROLLBACK"), 1);
    assert_eq!(script.count("order_1 INSERT"), 0);
}

#[test]
fn an_order_that_failed_gives_database_stock_back() {
    let held = || {
        rows([vec![
            DbValue::Uint64(1),
            DbValue::Uint64(0),
            DbValue::Uint32(2),
        ]])
    };
    // A deadlock while releasing is retried.
    let script = taken(in_database(minted(0, 1)))
        .without_blocks()
        .expect("order_1 INSERT t_order", mysql_lost())
        .expect("inventory SELECT t_stock_log FOR UPDATE", held())
        .expect("inventory UPDATE t_inventory", deadlock())
        .expect("inventory SELECT t_stock_log FOR UPDATE", held())
        .expect("inventory UPDATE t_inventory", Answer::Done)
        .expect("inventory DELETE t_stock_log", Answer::Done);
    let script = undone(script);
    assert_unavailable(&create(&script));
    assert_eq!(script.count("inventory COMMIT"), 2);
}
