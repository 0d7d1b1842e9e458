//! `health`: every server is checked, one that is away makes it 503, and no secret is shown.

use crate::bindings::mysql::DbValue;
use crate::bindings::redis::RedisResult;
use crate::host::{PASSWORD, Reply, request, send, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};

fn health(script: &Script) -> Reply {
    send("health", request("GET", "/health", ""), script)
}

fn pong() -> Answer {
    Answer::Redis(vec![RedisResult::Status("PONG".to_owned())])
}

/// All four servers answer except the one named.
fn all_but(away: &str) -> Script {
    let mut script = match away {
        "redis" => Script::default().expect("open redis", redis_away()),
        _ => Script::default().expect("PING", pong()),
    };
    for database in ["order_0", "order_1", "inventory"] {
        script = if database == away {
            script.expect(&format!("open {database}"), mysql_away())
        } else {
            let one = rows([vec![DbValue::Int64(1)]]);
            script.expect(&format!("{database} SELECT 1"), one)
        };
    }
    script
}

#[test]
fn all_is_well() {
    let reply = health(&all_but(""));
    assert_eq!((reply.status, &reply.body["status"]), (200, &"ok".into()));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let checks = reply.body["checks"].as_object().unwrap();
    let names: Vec<&str> = checks.keys().map(String::as_str).collect();
    assert_eq!(names, ["inventory", "order_0", "order_1", "redis"]);
}

#[test]
fn one_server_away_is_503_and_named() {
    for away in ["redis", "order_0", "order_1", "inventory"] {
        let reply = health(&all_but(away));
        assert_eq!(
            (reply.status, &reply.body["status"]),
            (503, &"unavailable".into()),
            "{away}"
        );
        for (name, check) in reply.body["checks"].as_object().unwrap() {
            let expected = if name == away { "unavailable" } else { "ok" };
            assert_eq!(check["status"], expected, "{name} with {away} away");
        }
        assert!(!reply.body.to_string().contains(PASSWORD));
    }
}

#[test]
fn ready_asks_no_server() {
    let ready = || request("GET", "/ready", "");
    let script = Script::default();
    assert_eq!(send("health", ready(), &script).status, 200);
    assert!(script.steps().is_empty());
    let three = [(
        "mysql_urls",
        "mysql://db/order_0,mysql://db/order_1,mysql://db/order_2",
    )];
    let reply = send_with("health", ready(), &script, &three);
    assert_eq!(reply.status, 500, "three shards are no power of two");
    assert!(reply.log.contains("mysql_urls"), "{}", reply.log);
}
