//! Statements through a guest: values, streams, errors, deadlines, a database that goes away and comes back.

use crate::harness::{App, Running, mariadb, servers, wait_for};
use serde_json::json;
use stack::Home;
use std::time::{Duration, Instant};

#[test]
fn values_keep_their_types() {
    let host = Running::start(&[]);
    let seen = host.sql(json!([
        [
            "query",
            "SELECT CAST(? AS SIGNED), CAST(? AS CHAR), CAST(? AS UNSIGNED)",
            -7,
            "text",
            18446744073709551615_u64
        ],
        ["query", "SELECT name FROM item WHERE id = ?", 2],
        ["query", "SELECT NULL"],
        ["query", "SELECT name FROM item WHERE id = ?", 99]
    ]));
    assert_eq!(
        seen,
        [
            "1 DbValue::Int64(-7),DbValue::Str(\"text\"),DbValue::Uint64(18446744073709551615)",
            "1 DbValue::Str(\"two\")",
            "1 DbValue::DbNull",
            "0"
        ]
    );
}

#[test]
fn a_value_without_a_wit_type_is_an_error_and_the_connection_goes_on() {
    let host = Running::with_pool(1, &[]);
    let seen = host.sql(json!([
        ["query", "SELECT CAST(1.5 AS DECIMAL(5,2)) AS price"],
        ["query", "SELECT 1"]
    ]));
    assert!(
        seen[0].contains("ValueConversionFailed(\"column \\\"price\\\""),
        "{seen:?}"
    );
    assert_eq!(seen[1], "1 DbValue::Int32(1)");
}

/// Guests read the code out of this text, so its shape is part of the interface: the driver's debug form, as in Spin.
#[test]
fn errors_have_the_words_guests_know() {
    let fixture = include_str!("mysql_errors.txt");
    servers()
        .mariadb
        .sql(
            "USE probe; CREATE PROCEDURE deadlock() SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = \
             'Deadlock found when trying to get lock; try restarting transaction'; \
             CREATE PROCEDURE lock_wait() SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205, MESSAGE_TEXT = \
             'Lock wait timeout exceeded; try restarting transaction';",
        )
        .unwrap();
    let host = Running::start(&[]);
    let seen = host.sql(json!([
        ["execute", "INSERT INTO item VALUES (1, 'again')"],
        ["execute", "CALL lock_wait()"],
        ["execute", "CALL deadlock()"]
    ]));
    let want: Vec<_> = fixture
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert_eq!(seen, want);
}

#[test]
fn many_rows_stream() {
    let host = Running::start(&[]);
    let seen = host.sql(json!([[
        "query",
        "SELECT seq, REPEAT('x', 100) AS pad FROM seq_1_to_50000"
    ]]));
    assert!(
        seen[0].starts_with("50000 DbValue::Uint64(1),"),
        "{}",
        &seen[0][..60]
    );
}

#[test]
fn a_late_statement_is_stopped_on_the_server_too() {
    let app = App::new(&[]);
    let config = app.runtime_config("[outbound_mysql]\nquery_timeout_ms = 300\n");
    let host = Running::start_app(app, &["--runtime-config-file", &config]);
    let started = Instant::now();
    let seen = host.sql(json!([
        ["query", "SELECT SLEEP(77)"],
        ["query", "SELECT 1"]
    ]));
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(
        seen[0],
        "MysqlError(Error::QueryFailed(\"the statement took longer than 300 ms\"))"
    );
    assert_eq!(
        seen[1],
        "MysqlError(Error::ConnectionFailed(\"the connection was lost\"))"
    );
    wait_for("the server to stop it", || {
        let list = servers().mariadb.sql("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'SELECT SLEEP(77)%'");
        list.unwrap().trim() == "0"
    });
    assert_eq!(host.metric("db_statement_timeouts_total", ""), 1.0);
    assert_eq!(
        host.sql(json!([["query", "SELECT 1"]])),
        ["1 DbValue::Int32(1)"]
    );
}

#[test]
fn an_exhausted_pool_refuses_after_its_wait() {
    let app = App::new(&[]);
    let config =
        app.runtime_config("[outbound_mysql]\nmax_connections = 1\nwait_timeout_ms = 100\n");
    let host = Running::start_app(app, &["--runtime-config-file", &config]);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| host.sql(json!([["query", "SELECT SLEEP(1)"]])));
        wait_for("the session to be taken", || {
            host.metric("db_connections_in_use", "") == 1.0
        });
        let refused = host.sql(json!([["query", "SELECT 1"]]));
        assert!(
            refused[0].contains("ConnectionFailed(\"no connection to mysql://127.0.0.1:"),
            "{refused:?}"
        );
        assert!(refused[0].contains("became free in time"), "{refused:?}");
        assert_eq!(holder.join().unwrap(), ["1 DbValue::Int32(0)"]);
    });
    assert_eq!(host.metric("db_connection_waiters", ""), 0.0);
}

/// Guests that time out while they wait leave the queue.
#[test]
fn waiters_that_leave_hold_nobody_up() {
    const WAITERS: usize = 8;
    let app = App::new(&[]);
    let config =
        app.runtime_config("[outbound_mysql]\nmax_connections = 1\nwait_timeout_ms = 20000\n");
    let flags = [
        "--runtime-config-file",
        &config,
        "--request-timeout",
        "400ms",
    ];
    let host = Running::start_app(app, &flags);
    let address = servers().mariadb.url("probe");
    let step = |statement: &str| {
        json!({ "address": address, "steps": [["query", statement]] }).to_string()
    };
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| host.post("/sql", &step("SELECT SLEEP(1)")).0);
        wait_for("the session to be taken", || {
            host.metric("db_connections_in_use", "") == 1.0
        });
        let waiters: Vec<_> = (0..WAITERS)
            .map(|_| scope.spawn(|| host.post("/sql", &step("SELECT 1"))))
            .collect();
        for waiter in waiters {
            let got = waiter.join().unwrap();
            assert_eq!(got.0, 504, "{}", got.1);
        }
        assert_eq!(holder.join().unwrap(), 504);
    });
    wait_for("all to have left", || {
        host.metric("db_connection_waiters", "") == 0.0
            && host.metric("db_connections_in_use", "") == 0.0
    });
    assert_eq!(
        host.sql(json!([["query", "SELECT 1"]])),
        ["1 DbValue::Int32(1)"]
    );
}

#[test]
fn a_database_that_dies_is_found_again() {
    let home = Home::temporary().unwrap();
    let server = mariadb(&home);
    let app = App::new(&[format!("mysql://127.0.0.1:{}", server.port())]);
    let host = Running::start_app(app, &[]);
    let select = || host.sql_at(&server.url("probe"), json!([["query", "SELECT 1"]]));
    assert_eq!(select(), ["1 DbValue::Int32(1)"]);
    server.process.kill();
    let started = Instant::now();
    let away = select();
    assert!(away[0].contains("Error"), "{away:?}");
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(
        !away[0].contains(server.url("probe").as_str()),
        "the password is in {away:?}"
    );
    server.process.start().unwrap();
    wait_for("the database to answer again", || {
        select() == ["1 DbValue::Int32(1)"]
    });
}

#[test]
fn only_allowed_addresses_are_opened() {
    let host = Running::start(&[]);
    let open = |address: &str| host.sql_at(address, json!([])).join("");
    assert_eq!(
        open("mysql://root:secret@127.0.0.1:1/probe"),
        "open: MysqlError(Error::ConnectionFailed(\"address mysql://127.0.0.1:1/probe is not permitted\"))"
    );
    assert!(open("nonsense").contains("invalid address"));
}

#[test]
fn results_of_any_number_of_rows_are_read_whole() {
    let host = Running::start(&[]);
    for rows in [0, 1, 255, 256, 257, 511, 512, 513] {
        let statement = format!(
            "WITH RECURSIVE n AS (SELECT 0 i UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i FROM n WHERE i > 0"
        );
        let seen = host.sql(json!([["query", statement]]));
        let count = seen[0].split(' ').next().unwrap();
        assert_eq!(count, rows.to_string(), "{seen:?}");
    }
}
