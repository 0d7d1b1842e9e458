//! Each real server: start, stop, kill and start again on the same data and port.

use stack::{Elasticsearch, Home, Kafka, Launch, MariaDb, RabbitMq, Redis, RedisCluster, wait_for};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn mariadb_keeps_what_it_committed_through_kill_and_restart() {
    let home = Home::temporary().unwrap();
    let db = MariaDb::start(&home, None).unwrap();
    db.sql("CREATE DATABASE d; CREATE TABLE d.t (n INT) ENGINE=InnoDB; INSERT INTO d.t VALUES (1)")
        .unwrap();
    db.process.kill();
    assert!(db.sql("SELECT 1").is_err());
    db.process.start().unwrap();
    db.sql("INSERT INTO d.t VALUES (2)").unwrap();
    db.process.restart().unwrap();
    assert_eq!(db.sql("SELECT n FROM d.t ORDER BY n").unwrap(), "1\n2\n");
    assert!(db.url("d").starts_with("mysql://flashorder:"));
    let temporary = db.sql("SELECT @@tmpdir").unwrap();
    assert!(temporary.starts_with(home.path().to_str().unwrap()));
    db.process.stop().unwrap();
    assert!(db.process.pid().is_none());
}

#[test]
fn mariadb_lets_nobody_in_without_the_password() {
    let home = Home::temporary().unwrap();
    let db = MariaDb::start(&home, None).unwrap();
    let users = db
        .sql("SELECT User, Host FROM mysql.user WHERE User IN ('', 'flashorder')")
        .unwrap();
    assert_eq!(users, "flashorder\t%\n");
}

#[test]
fn redis_keeps_its_keys_through_kill_and_can_be_paused() {
    let home = Home::temporary().unwrap();
    let redis = Redis::start(&home, None).unwrap();
    let pid = redis.process.pid();
    redis.process.pause();
    redis.process.resume();
    redis.process.wait_ready().unwrap();
    assert_eq!(redis.process.pid(), pid);
    redis.process.kill();
    redis.process.start().unwrap();
    assert_ne!(redis.process.pid(), pid);
    redis.process.pause();
    redis.process.stop().unwrap();
    assert!(home.path().join("redis/appendonlydir").is_dir());
}

#[test]
fn kafka_starts_again_on_its_log() {
    let home = Home::temporary().unwrap();
    let kafka = Kafka::start(&home, None).unwrap();
    kafka.process.kill();
    kafka.process.start().unwrap();
    kafka.process.stop().unwrap();
}

#[test]
fn rabbitmq_starts_again_after_kill_and_is_heard_by_nobody_else() {
    let home = Home::temporary().unwrap();
    let rabbit = RabbitMq::start(&home, None).unwrap();
    let pid = rabbit.process.pid();
    rabbit.process.kill();
    rabbit.process.start().unwrap();
    assert_ne!(rabbit.process.pid(), pid);
    let url = rabbit.url();
    assert!(url.starts_with("amqp://flashorder:"), "a user of its own");
    assert!(url.ends_with(&format!("@127.0.0.1:{}/%2f", rabbit.port())));
    rabbit.process.stop().unwrap();
    assert!(home.path().join("rabbitmq/data").is_dir());
}

#[test]
fn a_redis_cluster_loses_only_what_its_killed_master_held() {
    let home = Home::temporary().unwrap();
    let cluster = RedisCluster::start(&home).unwrap();
    // Slots 3300, 7365 and 15495.
    let set = |key: &str| -> Vec<String> {
        cluster
            .masters
            .iter()
            .filter_map(|master| said(master.port(), &format!("SET {key} 1")))
            .collect()
    };
    for key in ["b", "c", "a"] {
        let answers = set(key);
        assert_eq!(
            answers.iter().filter(|a| *a == "+OK").count(),
            1,
            "{answers:?}"
        );
    }
    cluster.masters[2].process.kill();
    let gone = format!("127.0.0.1:{}", cluster.masters[2].port());
    let answers = set("a");
    assert_eq!(answers.len(), 2);
    assert!(
        answers.iter().all(|answer| answer.ends_with(&gone)),
        "{answers:?}"
    );
    for key in ["b", "c"] {
        assert!(set(key).contains(&"+OK".to_owned()), "the others go on");
    }
    cluster.masters[2].process.start().unwrap();
    cluster.wait_whole().unwrap();
    assert!(set("a").contains(&"+OK".to_owned()));
}

/// The first line of a server's answer; `None` where there is no server.
fn said(port: u16, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "{command}\r\n").ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

#[test]
fn elasticsearch_keeps_a_document_through_kill() {
    let home = Home::temporary().unwrap();
    let search = Elasticsearch::start(&home, None).unwrap();
    let url = format!("{}/orders/_doc/1", search.url());
    ureq::put(&url)
        .send_json(serde_json::json!({"status": "paid"}))
        .unwrap();
    search.process.kill();
    search.process.start().unwrap();
    wait_for(SOON, "the document", || {
        ureq::get(&url).call().is_ok_and(|mut answer| {
            let body: serde_json::Value = answer.body_mut().read_json().unwrap();
            body["_source"]["status"] == "paid"
        })
    })
    .unwrap();
    search.process.stop().unwrap();
}

#[test]
fn a_process_that_ends_at_once_is_told_with_its_last_words() {
    let home = Home::temporary().unwrap();
    let started = Launch::new(&home, "sayer", "/bin/sh")
        .unwrap()
        .args(["-c", "echo last words; exit 3"])
        .ready(SOON, || anyhow::bail!("never"))
        .start();
    let error = format!("{:#}", started.err().unwrap());
    assert!(error.contains("last words"), "{error}");
    assert!(error.contains("exit code 3"), "{error}");
}

#[test]
fn a_process_deaf_to_sigterm_is_killed_in_time() {
    let home = Home::temporary().unwrap();
    let deaf = Launch::new(&home, "deaf", "/bin/sh")
        .unwrap()
        .args([
            "-c",
            "trap '' TERM; echo up; while :; do read -t 1 x < /dev/zero; done",
        ])
        .stop_within(Duration::from_millis(100))
        .start()
        .unwrap();
    wait_for(SOON, "the trap", || {
        std::fs::read_to_string(deaf.log()).unwrap().contains("up")
    })
    .unwrap();
    let error = deaf.stop().unwrap_err();
    assert!(error.to_string().contains("was killed"), "{error}");
    assert!(deaf.pid().is_none());
}

/// A thread of a test ends before the servers it shares with other tests.
#[test]
fn a_process_outlives_the_thread_that_started_it() {
    let home = Home::temporary().unwrap();
    let redis = std::thread::scope(|scope| {
        scope
            .spawn(|| Redis::start(&home, None))
            .join()
            .unwrap()
            .unwrap()
    });
    redis.process.wait_ready().unwrap();
    assert!(redis.process.ended().is_none());
}
