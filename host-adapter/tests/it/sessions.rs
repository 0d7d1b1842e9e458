//! What one guest leaves in its database session never reaches the next. The pool holds one session, so the next
//! request gets the same one, or its replacement.

use crate::harness::{Running, servers, wait_for};
use serde_json::{Value, json};

/// Leaves `mischief` behind in one request; what `probe` then reads in the next must be `want`.
fn leaves_nothing(mischief: Value, probe: Value, want: &[&str]) {
    let host = Running::with_pool(1, &[]);
    let left = host.sql(mischief);
    assert!(left.iter().all(|line| !line.contains("Error")), "{left:?}");
    assert_eq!(host.sql(probe), want);
}

#[test]
fn an_open_transaction() {
    leaves_nothing(
        json!([
            ["execute", "SET autocommit=0"],
            ["execute", "INSERT INTO entry (note) VALUES ('open')"]
        ]),
        json!([
            ["query", "SELECT @@autocommit"],
            ["query", "SELECT COUNT(*) FROM entry WHERE note = 'open'"]
        ]),
        &["1 DbValue::Int64(1)", "1 DbValue::Int64(0)"],
    );
    assert_eq!(
        servers()
            .mariadb
            .sql("SELECT COUNT(*) FROM probe.entry WHERE note = 'open'")
            .unwrap()
            .trim(),
        "0"
    );
}

#[test]
fn autocommit_switched_off() {
    leaves_nothing(
        json!([["execute", "SET autocommit=0"], ["query", "SELECT 1"]]),
        json!([["query", "SELECT @@autocommit"]]),
        &["1 DbValue::Int64(1)"],
    );
}

#[test]
fn transactions_follow_each_other_without_a_word() {
    let host = Running::with_pool(1, &[]);
    let transaction = json!([
        ["execute", "SET autocommit=0"],
        ["execute", "INSERT INTO entry (note) VALUES ('in turn')"],
        ["execute", "COMMIT"],
        [
            "query",
            "SHOW SESSION STATUS WHERE Variable_name IN ('Com_set_option', 'Com_rollback', 'Com_insert')"
        ]
    ]);
    let counts = |seen: Vec<String>| seen[3].clone();
    let first = counts(host.sql(transaction.clone()));
    let second = counts(host.sql(transaction));
    let of = |inserts: u32| {
        format!(
            "3 DbValue::Str(\"Com_insert\"),DbValue::Str(\"{inserts}\") DbValue::Str(\"Com_rollback\"),DbValue::Str(\"0\") DbValue::Str(\"Com_set_option\"),DbValue::Str(\"3\")"
        )
    };
    // The session's limits when it was new, and its mode once.
    assert_eq!((first, second), (of(1), of(2)));
    // The next caller has autocommit again, on the same session.
    let seen = host.sql(json!([["query", "SELECT @@autocommit"]]));
    assert_eq!(seen, ["1 DbValue::Int64(1)"]);
}

/// The server ends transactions that a frozen host would hold for hours; also on a session that was reset.
#[test]
fn a_transaction_that_waits_has_a_limit() {
    let limits = json!([[
        "query",
        "SELECT @@idle_transaction_timeout, @@net_write_timeout, @@innodb_lock_wait_timeout"
    ]]);
    let want = "1 DbValue::Uint64(2),DbValue::Uint64(2),DbValue::Uint64(1)";
    let host = Running::with_pool(1, &[]);
    assert_eq!(host.sql(limits.clone()), [want]);
    host.sql(json!([["execute", "SET @mine = 5"]]));
    assert_eq!(host.sql(limits), [want]);
}

#[test]
fn a_failed_statement_in_a_transaction() {
    let host = Running::with_pool(1, &[]);
    let left = host.sql(json!([
        ["execute", "SET autocommit=0"],
        [
            "execute",
            "INSERT INTO entry (note) VALUES ('before failure')"
        ],
        ["execute", "INSERT INTO item VALUES (1, 'again')"]
    ]));
    assert!(left[2].contains("code: 1062"), "{left:?}");
    let seen = host.sql(json!([
        ["query", "SELECT @@autocommit"],
        [
            "query",
            "SELECT COUNT(*) FROM entry WHERE note = 'before failure'"
        ]
    ]));
    assert_eq!(seen, ["1 DbValue::Int64(1)", "1 DbValue::Int64(0)"]);
}

/// The block has begun a transaction and no handler has ended it: only this connection may commit it.
#[test]
fn a_block_that_fails_in_the_midst() {
    let host = Running::with_pool(1, &[]);
    let block = "BEGIN NOT ATOMIC START TRANSACTION; INSERT INTO entry (note) VALUES ('of a block'); \
         INSERT INTO item VALUES (1, 'again'); COMMIT; END";
    let count = "SELECT COUNT(*) FROM entry WHERE note = 'of a block'";
    let own = host.sql(json!([["execute", block], ["query", count]]));
    assert!(own[0].contains("code: 1062"), "{own:?}");
    assert_eq!(own[1], "1 DbValue::Int64(1)");
    let next = host.sql(json!([["query", count]]));
    assert_eq!(next, ["1 DbValue::Int64(0)"]);
    let kept = host.sql(json!([["execute", block], ["execute", "COMMIT"]]));
    assert_eq!(kept[1], "ok");
    let next = host.sql(json!([["query", count]]));
    assert_eq!(next, ["1 DbValue::Int64(1)"]);
}

#[test]
fn a_user_variable() {
    leaves_nothing(
        json!([["execute", "SET @mine = 5"]]),
        json!([["query", "SELECT @mine IS NULL"]]),
        &["1 DbValue::Int32(1)"],
    );
}

#[test]
fn a_temporary_table() {
    let host = Running::with_pool(1, &[]);
    host.sql(json!([["execute", "CREATE TEMPORARY TABLE mine (a INT)"]]));
    let seen = host.sql(json!([["query", "SELECT * FROM mine"]]));
    assert!(seen[0].contains("code: 1146"), "{seen:?}");
}

#[test]
fn a_named_lock() {
    leaves_nothing(
        json!([["query", "SELECT GET_LOCK('mine', 0)"]]),
        json!([["query", "SELECT IS_FREE_LOCK('mine')"]]),
        &["1 DbValue::Int32(1)"],
    );
}

#[test]
fn locked_tables() {
    let host = Running::with_pool(1, &[]);
    host.sql(json!([["execute", "LOCK TABLES item WRITE"]]));
    let seen = host.sql(json!([[
        "query",
        "SELECT COUNT(*) FROM entry WHERE note = 'no such'"
    ]]));
    assert_eq!(seen, ["1 DbValue::Int64(0)"]);
}

#[test]
fn a_session_variable() {
    leaves_nothing(
        json!([["execute", "SET SESSION sql_mode = 'ANSI_QUOTES'"]]),
        json!([["query", "SELECT @@sql_mode = @@global.sql_mode"]]),
        &["1 DbValue::Int32(1)"],
    );
}

#[test]
fn another_database() {
    leaves_nothing(
        json!([["execute", "USE mysql"]]),
        json!([["query", "SELECT DATABASE()"]]),
        &["1 DbValue::Str(\"probe\")"],
    );
}

#[test]
fn rows_left_unread() {
    leaves_nothing(
        json!([["begin-query", "SELECT seq FROM seq_1_to_1000000"]]),
        json!([["query", "SELECT 1"]]),
        &["1 DbValue::Int32(1)"],
    );
}

#[test]
fn a_clean_guest_keeps_the_session_and_its_prepared_statements() {
    let host = Running::with_pool(1, &[]);
    let who = || host.sql(json!([["query", "SELECT CONNECTION_ID()"]]));
    let first = who();
    host.sql(json!([
        ["execute", "SET autocommit=0"],
        ["execute", "INSERT INTO entry (note) VALUES ('kept')"],
        ["execute", "COMMIT"]
    ]));
    assert_eq!(who(), first);
    let prepared = || {
        let text = servers()
            .mariadb
            .sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_prepare'")
            .unwrap();
        text.split_whitespace()
            .last()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    // Other tests prepare statements, too: repeated until none does meanwhile.
    wait_for("a prepared statement to be used again", || {
        let before = prepared();
        who();
        prepared() == before
    });
}

#[test]
fn statements_prepared_before_a_reset() {
    leaves_nothing(
        json!([["query", "SELECT 1"], ["execute", "SET @left = 1"]]),
        json!([["query", "SELECT 1"], ["query", "SELECT 1"]]),
        &["1 DbValue::Int32(1)", "1 DbValue::Int32(1)"],
    );
}

#[test]
fn more_statements_than_a_session_keeps() {
    let host = Running::with_pool(1, &[]);
    let who = || host.sql(json!([["query", "SELECT CONNECTION_ID()"]]));
    let first = who();
    let kept = pools::limits::MYSQL_STATEMENTS_CACHED;
    let many: Vec<_> = (0..kept + 50)
        .map(|at| json!(["query", format!("SELECT {at}")]))
        .collect();
    for _ in 0..2 {
        let answers = host.sql(json!(many));
        for (at, answer) in answers.iter().enumerate() {
            assert_eq!(answer, &format!("1 DbValue::Int32({at})"));
        }
    }
    assert_eq!(who(), first, "the session was not lost over it");
}

#[test]
fn opening_and_dropping_at_once_ends() {
    let host = Running::with_pool(4, &[]);
    let address = servers().mariadb.url("probe");
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| host.get(&format!("/hammer?64&{address}"))))
            .collect();
        for run in runs {
            assert_eq!(run.join().unwrap(), (200, "64".to_owned()));
        }
    });
    wait_for("all sessions to be given back", || {
        host.metric("db_connections_in_use", "") == 0.0
    });
    assert!(host.metric("db_connections_open", "") <= 4.0);
}
