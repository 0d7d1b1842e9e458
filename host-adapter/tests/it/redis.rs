//! Redis through a guest: replies of every type, state that stays with its connection, a Redis that stalls and dies.

use crate::harness::{App, Running, servers, wait_for};
use serde_json::json;
use stack::{Home, Redis};
use std::time::{Duration, Instant};

#[test]
fn typed_functions() {
    let host = Running::start(&[]);
    let seen = host.redis(json!([
        [".set", "t:a", "1"],
        [".get", "t:a"],
        [".get", "t:none"],
        [".incr", "t:a"],
        [".sadd", "t:s", "x", "y"],
        [".smembers", "t:s"],
        [".srem", "t:s", "x", "z"],
        [".del", "t:a"],
        [".publish", "t:channel", "message"]
    ]));
    let want = [
        "()",
        "Some(\"1\")",
        "None",
        "2",
        "2",
        "[\"x\", \"y\"]",
        "1",
        "1",
        "()",
    ];
    assert_eq!(seen, want);
}

#[test]
fn replies_are_one_flat_list() {
    let host = Running::start(&[]);
    let seen = host.redis(json!([
        ["SET", "r:a", "1"],
        ["GET", "r:none"],
        ["RPUSH", "r:l", "x", 2],
        ["LRANGE", "r:l", 0, -1],
        [
            "EVAL",
            "return {1, {'two', {redis.status_reply('three')}}, false}",
            0
        ],
        ["LRANGE", "r:none", 0, -1],
        ["ECHO", "\u{0}binary"]
    ]));
    assert_eq!(
        seen,
        [
            "+OK",
            "nil",
            "2",
            "x 2",
            "1 two +three nil",
            "",
            "\u{0}binary"
        ]
    );
}

#[test]
fn errors_have_the_words_guests_know() {
    let host = Running::start(&[]);
    let seen = host.redis(json!([
        ["EVALSHA", "ffffffffffffffffffffffffffffffffffffffff", 0],
        ["SET", "e:a", "1"],
        ["LPUSH", "e:a", "1"],
        ["NOSUCH"]
    ]));
    assert_eq!(
        seen[0],
        "Error::Other(\"An error was signalled by the server - NoScriptError: No matching script. Please use EVAL.\")"
    );
    assert_eq!(
        seen[2],
        "Error::Other(\"WRONGTYPE: Operation against a key holding the wrong kind of value\")"
    );
    assert!(
        seen[3].starts_with(
            "Error::Other(\"An error was signalled by the server - ResponseError: unknown command"
        ),
        "{seen:?}"
    );
}

#[test]
fn a_transaction_has_its_own_connection() {
    let host = Running::start(&[]);
    let begun = host.redis(json!([["SELECT", 3], ["MULTI"], ["SET", "m:a", "1"]]));
    assert_eq!(begun, ["+OK", "+OK", "+QUEUED"]);
    // The next guest is neither in database 3 nor inside MULTI.
    let seen = host.redis(json!([["SET", "m:b", "1"], ["CLIENT", "INFO"]]));
    assert_eq!(seen[0], "+OK");
    assert!(
        seen[1].contains(" db=0 ") && seen[1].contains(" multi=-1 "),
        "{seen:?}"
    );
    let seen = host.redis(json!([
        ["MULTI"],
        ["INCR", "m:n"],
        ["INCR", "m:n"],
        ["EXEC"]
    ]));
    assert_eq!(seen, ["+OK", "+QUEUED", "+QUEUED", "1 2"]);
}

#[test]
fn a_blocking_command_holds_up_nobody() {
    let host = Running::start(&[]);
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| host.redis(json!([["BLPOP", "b:queue", 20]])));
        wait_for("the guest to block", || {
            host.redis(json!([["CLIENT", "LIST"]]))
                .concat()
                .contains("cmd=blpop")
        });
        let started = Instant::now();
        assert_eq!(host.redis(json!([["RPUSH", "b:queue", "x"]])), ["1"]);
        assert!(started.elapsed() < Duration::from_secs(1));
        assert_eq!(blocked.join().unwrap(), ["b:queue x"]);
    });
}

#[test]
fn a_redis_that_stalls_or_dies_is_reported_fast_and_found_again() {
    let home = Home::temporary().unwrap();
    let server = Redis::start(&home, None).unwrap();
    let app = App::new(&[format!("redis://127.0.0.1:{}", server.port())]);
    let host = Running::start_app(app, &[]);
    let ping = || host.redis_at(&server.url(), json!([["PING"]]));
    assert_eq!(ping(), ["+PONG"]);

    server.process.pause();
    let started = Instant::now();
    assert!(ping()[0].contains("Error::Other"));
    assert!(
        started.elapsed() < Duration::from_secs(3),
        "{:?}",
        started.elapsed()
    );
    server.process.resume();
    wait_for("the stalled Redis to answer", || ping() == ["+PONG"]);

    server.process.kill();
    let started = Instant::now();
    for _ in 0..20 {
        assert!(ping()[0].contains("Error::Other"));
    }
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    server.process.start().unwrap();
    wait_for("the restarted Redis to answer", || ping() == ["+PONG"]);
}

#[test]
fn only_allowed_addresses_are_opened() {
    let host = Running::start(&[]);
    for address in ["redis://127.0.0.1:1", "nonsense"] {
        assert_eq!(
            host.redis_at(address, json!([])),
            ["open: Error::InvalidAddress"]
        );
    }
    let url = servers().redis.url_of(5);
    assert_eq!(host.redis_at(&url, json!([["SET", "db:a", "5"]])), ["+OK"]);
    assert_eq!(host.redis(json!([["GET", "db:a"]])), ["nil"]);
}
