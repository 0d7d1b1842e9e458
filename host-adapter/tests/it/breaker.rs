//! Circuit breakers: servers that go away are refused at once and found again, others and components that work are
//! served, and each change is one line of the log.

use crate::harness::{App, Running, agent, half, mariadb, read, rest, servers, wait_for};
use crate::process::{Process, start_logged};
use serde_json::{Value, json};
use stack::steps::{Protocol, Steps};
use stack::{Home, Redis};
use std::io::{BufRead, BufReader};
use std::process::ChildStdout;
use std::time::{Duration, Instant};

const OPEN: &str = "the circuit breaker is open";
const FLAGS: &[&str] = &["--metrics-listen", "127.0.0.1:0", "--threads", "2"];
/// Calls that are tried before a breaker closes.
const TRIED: usize = 100;

/// A host whose log is read when it has ended.
struct Logged {
    process: Process,
    log: BufReader<ChildStdout>,
    url: String,
    /// Where its metrics are.
    metrics: String,
    agent: ureq::Agent,
    /// Of the server whose breaker is watched.
    address: String,
}

impl Logged {
    /// Of `app`, which allows the server at `address`.
    fn start(app: &App, address: &str) -> Self {
        let (process, ready, log) = start_logged(app, FLAGS);
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        Self {
            process,
            log,
            url: text("listen"),
            metrics: text("metrics"),
            agent: agent(),
            address: address.to_owned(),
        }
    }

    /// The first line of what the probe says about one step.
    fn ask(&self, path: &str, step: Value) -> String {
        let body = json!({ "address": self.address, "steps": [step] }).to_string();
        let (status, text) = read(self.agent.post(format!("{}{path}", self.url)).send(body));
        assert_eq!(status, 200, "{text}");
        text.lines().next().unwrap_or_default().to_owned()
    }

    /// The value of a metric of the breaker whose name contains this.
    fn metric(&self, name: &str, of: &str) -> f64 {
        let (_, text) = read(self.agent.get(&self.metrics).call());
        let lines = text.lines().filter(|line| line.starts_with(name));
        let mut of_it = lines.filter(|line| line.contains(of));
        let value = of_it.next().and_then(|line| line.rsplit_once(' '));
        value.map_or(f64::NAN, |(_, value)| value.parse().unwrap())
    }

    fn state(&self, of: &str) -> f64 {
        self.metric("circuit_breaker_state", of)
    }

    /// Stops it and gives the changes of the breaker whose name contains `of`: from, to.
    fn changes(mut self, of: &str) -> Vec<(String, String)> {
        stack::terminate(self.process.id()).unwrap();
        let lines = self.log.lines().map(|line| line.unwrap());
        let events: Vec<Value> = lines
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect();
        assert!(self.process.wait().success());
        let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let of_it = events.iter().filter(|event| {
            event["message"] == "a circuit breaker has changed" && text(event, "name").contains(of)
        });
        of_it
            .map(|event| (text(event, "from"), text(event, "to")))
            .collect()
    }
}

/// One line per change: each begins where the one before ended. A slow machine may open it again on its way.
fn assert_chain(changes: &[(String, String)]) {
    assert!(changes.len() >= 3, "{changes:?}");
    assert_eq!(changes[0], ("closed".to_owned(), "open".to_owned()));
    let last = changes.last().unwrap();
    assert_eq!(last, &("half-open".to_owned(), "closed".to_owned()));
    for pair in changes.windows(2) {
        assert_eq!(pair[0].1, pair[1].0, "{changes:?}");
    }
}

#[test]
fn a_database_that_hangs_is_refused_at_once_and_found_again() {
    let home = Home::temporary().unwrap();
    let server = mariadb(&home);
    let port = format!(":{}/", server.port());
    let app = App::new(&[format!("mysql://127.0.0.1:{}", server.port())]);
    let host = Logged::start(&app, &server.url("probe"));
    let select = || host.ask("/sql", json!(["query", "SELECT 1"]));
    assert_eq!(select(), "1 DbValue::Int32(1)");
    assert_eq!(host.state(&port), 0.0);

    server.process.pause();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(select);
        }
    });
    wait_for("it to open", || {
        select();
        host.state(&port) == 2.0
    });
    let before = host.metric("circuit_breaker_refused_total", &port);
    let started = Instant::now();
    for _ in 0..20 {
        let refused = select();
        assert!(
            refused.contains("ConnectionFailed(\"mysql://127.0.0.1:"),
            "{refused}"
        );
        assert!(refused.contains(OPEN), "{refused}");
    }
    // Each would wait for a second.
    let took = started.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let after = host.metric("circuit_breaker_refused_total", &port);
    assert!(after >= before + 20.0, "{before} {after}");

    server.process.resume();
    let started = Instant::now();
    wait_for("the database to answer again", || {
        select() == "1 DbValue::Int32(1)"
    });
    let took = started.elapsed();
    assert!(
        took < Duration::from_secs(10),
        "found only by time: {took:?}"
    );
    wait_for("it to close", || {
        (0..TRIED).for_each(|_| drop(select()));
        host.state(&port) == 0.0
    });
    assert_chain(&host.changes(&port));
}

#[test]
fn a_redis_that_dies_is_refused_and_found_again() {
    let home = Home::temporary().unwrap();
    let server = Redis::start(&home, None).unwrap();
    let port = format!(":{}", server.port());
    let app = App::new(&[format!("redis://127.0.0.1:{}", server.port())]);
    let host = Logged::start(&app, &server.url());
    let ping = || host.ask("/redis", json!(["PING"]));
    assert_eq!(ping(), "+PONG");
    server.process.kill();
    wait_for("it to open", || ping().contains(OPEN));
    assert_eq!(host.state(&port), 2.0);
    assert!(host.metric("circuit_breaker_refused_total", &port) >= 1.0);
    server.process.start().unwrap();
    wait_for("Redis to answer again", || ping() == "+PONG");
    wait_for("it to close", || {
        (0..TRIED).for_each(|_| drop(ping()));
        host.state(&port) == 0.0
    });
    assert_chain(&host.changes(&port));
}

#[test]
fn what_a_server_answers_opens_nothing() {
    let host = Running::start(&[]);
    let refused = json!(vec![
        ["execute", "INSERT INTO item VALUES (1, 'again')"];
        30
    ]);
    assert!(host.sql(refused).iter().all(|line| line.contains("1062")));
    assert_eq!(host.redis(json!([["SET", "breaker:a", "1"]])), ["+OK"]);
    let wrong = json!(vec![["LPUSH", "breaker:a", "1"]; 30]);
    assert!(
        host.redis(wrong)
            .iter()
            .all(|line| line.contains("WRONGTYPE"))
    );
    assert_eq!(
        host.sql(json!([["query", "SELECT 1"]])),
        ["1 DbValue::Int32(1)"]
    );
    assert_eq!(host.metric("circuit_breaker_state", ""), 0.0);
    assert_eq!(host.metric("circuit_breaker_refused_total", ""), 0.0);
}

/// Clients that leave, and pools that are exhausted, say nothing about the database.
#[test]
fn a_pool_that_is_exhausted_opens_nothing() {
    let app = App::new(&[]);
    let config = app.runtime_config("[outbound_mysql]\nmax_connections = 1\nwait_timeout_ms = 1\n");
    let host = Running::start_app(app, &["--runtime-config-file", &config]);
    std::thread::scope(|scope| {
        let holder = scope.spawn(|| host.sql(json!([["query", "SELECT SLEEP(1)"]])));
        wait_for("the session to be taken", || {
            host.metric("db_connections_in_use", "") == 1.0
        });
        for _ in 0..20 {
            let refused = host.sql(json!([["query", "SELECT 1"]]));
            assert!(refused[0].contains("became free in time"), "{refused:?}");
        }
        assert_eq!(holder.join().unwrap(), ["1 DbValue::Int32(0)"]);
    });
    assert_eq!(host.metric("circuit_breaker_state", ""), 0.0);
}

#[test]
fn an_address_that_is_away_leaves_the_others_served() {
    let port = servers().mariadb.port();
    let doors = [0; 2].map(|_| Steps::before(port, Protocol::MySql).unwrap());
    let hosts: Vec<String> = doors
        .iter()
        .map(|door| format!("mysql://127.0.0.1:{}", door.port()))
        .collect();
    let host = Running::start_app(App::new(&hosts), &[]);
    let [first, second] = doors.each_ref().map(|door| {
        let direct = servers().mariadb.url("probe");
        direct.replace(&format!(":{port}/"), &format!(":{}/", door.port()))
    });
    let select = |address: &str| {
        host.sql_at(address, json!([["query", "SELECT 1"]]))
            .concat()
    };
    for address in [&first, &second] {
        assert_eq!(select(address), "1 DbValue::Int32(1)");
    }
    let [away, _stays] = doors;
    drop(away);
    wait_for("the breaker of one to open", || {
        assert_eq!(select(&second), "1 DbValue::Int32(1)");
        select(&first).contains(OPEN)
    });
    for _ in 0..20 {
        assert_eq!(select(&second), "1 DbValue::Int32(1)");
    }
    assert_eq!(host.metric("circuit_breaker_state", ""), 2.0, "one of them");
}

/// A host whose `probe` has this breaker.
fn guarded(breaker: &str, flags: &[&str]) -> Running {
    let app = App::new(&[]);
    app.add(&format!(
        "[component.probe.tool.host-adapter]\nbreaker = {{ {breaker} }}\n"
    ));
    Running::start_app(app, flags)
}

fn probe(host: &Running) -> f64 {
    host.metric("circuit_breaker_state", "name=\"probe\"")
}

#[test]
fn a_component_that_traps_is_refused_until_one_request_is_answered() {
    let host = guarded(
        "timeout_ms = 20000, errors_percent = 50, requests_min = 3, open_ms = 4000",
        &[],
    );
    for _ in 0..3 {
        assert_eq!(probe(&host), 0.0);
        assert_eq!(host.post("/trap", "x").0, 500);
    }
    let refused = host.send("POST", "/body", &[]);
    assert_eq!(refused.status(), 503, "{refused:?}");
    assert_eq!(refused.headers()["retry-after"], "1");
    let body: Value = serde_json::from_str(refused.body()).unwrap();
    assert_eq!(body["code"], 10005);
    assert_eq!(body["message"], "[10005] 系统繁忙，请稍后重试");
    assert_eq!(probe(&host), 2.0);
    assert_eq!(
        host.metric("circuit_breaker_refused_total", "name=\"probe\""),
        1.0
    );
    assert_eq!(host.get("/hello").0, 200, "a read");
    assert_eq!(host.get("/p2/hello").0, 200, "another component");
    wait_for("a request to be tried", || host.post("/body", "x").0 == 200);
    assert_eq!(probe(&host), 0.0);
}

/// Whoever is told that it took too long may find it done.
#[test]
fn a_request_that_takes_too_long_is_answered_and_goes_on() {
    let host = guarded(
        "timeout_ms = 300, errors_percent = 50, requests_min = 20, open_ms = 60000",
        &[],
    );
    let steps = json!([
        ["query", "SELECT SLEEP(1)"],
        ["execute", "INSERT INTO item VALUES (7000, 'late')"]
    ]);
    let body = json!({ "address": servers().mariadb.url("probe"), "steps": steps }).to_string();
    let (status, text) = host.post("/sql", &body);
    assert_eq!(status, 503, "{text}");
    assert!(text.contains("[10005] 系统繁忙，请稍后重试"), "{text}");
    let late = "SELECT COUNT(*) FROM probe.item WHERE id = 7000";
    wait_for("the guest to go on", || {
        servers().mariadb.sql(late).unwrap().trim() == "1"
    });
    let flagged = guarded(
        "timeout_ms = 1, errors_percent = 50, requests_min = 20, open_ms = 60000",
        &["--breaker-timeout=20s"],
    );
    let slow = flagged.sql(json!([["query", "SELECT SLEEP(0.1)"]]));
    assert_eq!(slow, ["1 DbValue::Int32(0)"]);
}

/// Otherwise slow clients could close a component to all others.
#[test]
fn a_client_that_sends_slowly_counts_as_nothing() {
    let host = guarded(
        "timeout_ms = 300, errors_percent = 1, requests_min = 1, open_ms = 60000",
        &[],
    );
    let control = Running::start(&[]);
    let slow = half(&host);
    wait_for("it to have begun", || {
        host.metric("http_component_requests_in_flight", "component=\"probe\"") == 1.0
    });
    let longer = control.sql(json!([["query", "SELECT SLEEP(0.6)"]]));
    assert_eq!(longer, ["1 DbValue::Int32(0)"]);
    let reply = rest(slow);
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    assert_eq!(probe(&host), 0.0);
}
