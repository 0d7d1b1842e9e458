//! Requests and answers: what a guest sees, what a client gets when the guest misbehaves, and the bounds on clients.

use crate::harness::{App, Running, wait_for};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn a_guest_sees_what_it_would_on_spin() {
    let host = Running::start(&["--env", "MORE=1"]);
    let (status, seen) = host.get("/users/42/headers?q=1");
    assert_eq!(status, 404, "the probe has no such command: {seen}");
    let (_, seen) = host.get("/headers");
    for want in [
        "spin-path-info: /headers\n",
        "spin-matched-route: /...\n",
        "spin-raw-component-route: /...\n",
        "spin-base-path: /\n",
        &format!("spin-full-url: http://{}/headers\n", host.address()),
        "spin-client-addr: 127.0.0.1:",
        "traceparent: 00-",
    ] {
        assert!(seen.contains(want), "{want} is not in\n{seen}");
    }
    assert_eq!(host.get("/variable?greeting").1, "Ok(\"hello, secret\")");
    assert!(host.get("/variable?token").1.contains("Undefined"));
    assert!(host.get("/variable?BAD").1.contains("InvalidName"));
    assert_eq!(host.get("/environment?MODE").1, "slow");
    assert_eq!(host.get("/environment?MORE").1, "1");
    assert_eq!(host.get("/file?/files/note.txt").1, "a note");
    assert!(
        host.get("/write-file?/files/note.txt")
            .1
            .starts_with("Err(")
    );
    assert!(
        host.get("/file?/etc/passwd").1.contains("No such file")
            || !host.get("/file?/etc/passwd").1.contains("root")
    );
    assert_eq!(host.get("/.well-known/spin/health"), (200, "OK".to_owned()));
    assert_eq!(host.get("/.well-known/spin/other").0, 404);
}

#[test]
fn a_trace_context_is_passed_on() {
    let host = Running::start(&[]);
    let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = raw(
        &host,
        &format!(
            "GET /headers HTTP/1.1\r\nhost: x\r\ntraceparent: {given}\r\nconnection: close\r\n\r\n"
        ),
    );
    assert!(
        answer.contains(&format!("traceparent: {given}\n")),
        "{answer}"
    );
}

#[test]
fn a_guest_of_wasi_0_2_is_served() {
    let host = Running::start(&[]);
    assert_eq!(host.get("/p2/a/b"), (200, "/p2/a/b /a/b".to_owned()));
    assert_eq!(host.metric("wasm_instances_started_total", "probe-p2"), 1.0);
    assert_eq!(host.get("/p2"), (200, "/p2 ".to_owned()));
    assert_eq!(host.metric("wasm_instances_started_total", "probe-p2"), 2.0);
}

#[test]
fn requests_go_out_to_allowed_hosts_only() {
    let other = Running::start(&[]);
    let app = App::new(&[format!("http://{}", other.address())]);
    let host = Running::start_app(app, &[]);
    assert_eq!(
        host.get(&format!("/fetch?http://{}/hello", other.address()))
            .1,
        "200"
    );
    assert!(
        other
            .get(&format!("/fetch?http://{}/hello", host.address()))
            .1
            .contains("HttpRequestDenied")
    );
    assert!(
        other
            .get(&format!("/p2?{}/hello", host.address()))
            .1
            .contains("HttpRequestDenied")
    );
}

#[test]
fn a_trap_ends_its_instance_and_nothing_else() {
    let host = Running::start(&[]);
    assert_eq!(host.get("/hello").0, 200);
    assert_eq!(host.get("/trap").0, 500);
    assert_eq!(host.get("/hello").0, 200);
    wait_for("the trap to be counted", || {
        host.metric("wasm_traps_total", "probe") == 1.0
    });
    assert_eq!(
        host.metric("wasm_instances_started_total{component=\"probe\"", ""),
        2.0
    );
    assert_eq!(host.metric("http_requests_total", "status=\"500\""), 1.0);
}

#[test]
fn memory_is_capped() {
    let host = Running::start(&["--max-instance-memory", "33554432"]);
    assert_eq!(host.get("/hog").0, 500);
    assert_eq!(host.get("/hello").0, 200);
}

#[test]
fn a_late_guest_is_given_up_and_a_busy_one_lets_others_run() {
    let host = Running::start(&["--request-timeout", "500ms"]);
    std::thread::scope(|scope| {
        for path in ["/spin", "/wait"] {
            scope.spawn(|| {
                let started = Instant::now();
                let (status, _) = host.get(path);
                assert!([500, 504].contains(&status), "{status}");
                assert!(
                    started.elapsed() < Duration::from_secs(10),
                    "{:?}",
                    started.elapsed()
                );
            });
        }
        for _ in 0..50 {
            assert_eq!(host.get("/hello").0, 200);
        }
    });
    wait_for("the late instances to go", || {
        host.metric("wasm_instances{", "probe\"") <= 1.0
    });
}

#[test]
fn an_instance_is_replaced_after_its_share() {
    let host = Running::start(&["--max-instance-reuse-count", "2"]);
    for _ in 0..6 {
        assert_eq!(host.get("/hello").0, 200);
    }
    assert_eq!(
        host.metric("wasm_instances_started_total{component=\"probe\"", ""),
        3.0
    );
}

#[test]
fn bodies_are_bounded() {
    let host = Running::start(&["--max-body-bytes", "1000", "--body-read-timeout", "300ms"]);
    assert_eq!(
        host.post("/body", &"x".repeat(1000)),
        (200, "1000".to_owned())
    );
    assert_eq!(host.post("/body", &"x".repeat(1001)).0, 413);
    // Without a length, the bound is found while reading.
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let answer = raw(
        &host,
        &format!(
            "POST /body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{chunk}"
        ),
    );
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    let started = Instant::now();
    let answer = raw(
        &host,
        "POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
    );
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn slow_clients_are_cut_off() {
    let host = Running::start(&["--header-read-timeout", "300ms"]);
    for sent in ["", "P", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n"] {
        let started = Instant::now();
        raw(&host, sent);
        assert!(started.elapsed() < Duration::from_secs(5), "{sent:?}");
    }
    wait_for("their connections to be gone", || {
        host.metric("http_connections_open", "") == 0.0
    });
}

#[test]
fn requests_beyond_the_bound_are_refused() {
    let host = Running::start(&["--max-requests", "1"]);
    std::thread::scope(|scope| {
        scope.spawn(|| host.sql(json!([["query", "SELECT SLEEP(1)"]])));
        wait_for("the first request to be in flight", || {
            host.metric("http_requests_in_flight", "") == 1.0
        });
        let answer = raw(
            &host,
            "GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        );
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
    });
    wait_for("the permit to come back", || {
        host.metric("http_requests_in_flight", "") == 0.0
    });
    assert_eq!(host.get("/hello").0, 200);
}

/// The work is done when the whole reply has left the component, or its client is gone.
#[test]
fn a_permit_is_held_for_as_long_as_the_work() {
    let host = Running::start(&["--max-component-requests", "1", "--threads", "2"]);
    let in_flight = || host.metric("http_requests_in_flight", "");
    let ask = |path: &str| {
        let mut stream = TcpStream::connect(host.address()).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    // More than host and sockets hold.
    const BYTES: usize = 24_000_000;
    let long = format!("/reply?bytes={BYTES}");
    for is_read in [true, false] {
        let mut unread = ask(&long);
        wait_for("the long reply to begin", || in_flight() == 1.0);
        assert_eq!(host.get("/hello").0, 503, "read: {is_read}");
        if is_read {
            let mut reply = Vec::new();
            unread.read_to_end(&mut reply).unwrap();
            assert!(reply.len() > BYTES);
        }
        drop(unread);
        wait_for("the permit to come back", || in_flight() == 0.0);
        assert_eq!(host.get("/hello").0, 200);
    }
    assert_eq!(host.get("/trap").0, 500);
    wait_for("that of a trap, too", || in_flight() == 0.0);
    assert_eq!(host.get("/hello").0, 200);
    let label = "component=\"probe\"";
    assert_eq!(
        host.metric("http_component_requests_refused_total", label),
        2.0
    );
}

#[test]
fn connections_beyond_the_bound_are_refused() {
    let host = Running::start(&["--max-connections", "1"]);
    let first = TcpStream::connect(host.address()).unwrap();
    wait_for("the first connection to be open", || {
        host.metric("http_connections_open", "") == 1.0
    });
    let answer = raw(&host, "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    drop(first);
    wait_for("the connection to be gone", || {
        host.metric("http_connections_open", "") == 0.0
    });
    assert_eq!(host.get("/hello").0, 200);
}

#[test]
fn connections_are_kept_and_pipelines_answered() {
    let host = Running::start(&[]);
    let request = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";
    let last = "GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let answer = raw(&host, &format!("{request}{request}{last}"));
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
}

#[test]
fn http_2_is_recognised_by_its_preface() {
    let host = Running::start(&[]);
    let mut stream = TcpStream::connect(host.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // The preface, cut where it could still be HTTP/1, and an empty SETTINGS frame.
    stream.write_all(b"PR").unwrap();
    stream.write_all(b"I * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(
        head[3], 4,
        "the answer does not begin with SETTINGS: {head:?}"
    );
}

/// Sends `text` and reads until the host closes the connection.
fn raw(host: &Running, text: &str) -> String {
    let mut stream = TcpStream::connect(host.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // The host may reset the connection after its answer.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
