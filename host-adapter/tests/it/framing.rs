//! Every request is answered or refused with a status, however its bytes come: a table of what is sent and what must
//! come back, over plain sockets and over TLS. A row names what it sends, the replies it wants in their order, and
//! whether the connection goes on.

use crate::certificate::Certificate;
use crate::harness::Running;
use crate::wire::{Answer, Wire};
use std::io::Write;

/// What a row wants.
struct Row {
    what: &'static str,
    sent: Vec<u8>,
    /// Status, and a piece of the body.
    want: &'static [(u16, &'static str)],
    then: Then,
}

#[derive(PartialEq)]
enum Then {
    /// The connection takes a further request.
    Kept,
    /// The host closes it.
    Closed,
}
use Then::{Closed, Kept};

fn row(
    what: &'static str,
    sent: impl Into<Vec<u8>>,
    want: &'static [(u16, &'static str)],
    then: Then,
) -> Row {
    Row {
        what,
        sent: sent.into(),
        want,
        then,
    }
}

const HELLO: &str = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";

fn post(headers: &str, body: &str) -> String {
    format!("POST /body HTTP/1.1\r\nhost: x\r\n{headers}\r\n{body}")
}

/// Well-formed requests, with whatever may come around them.
fn answered() -> Vec<Row> {
    let sized = post("content-length: 5\r\n", "12345");
    let chunked = post(
        "transfer-encoding: chunked\r\n",
        "2\r\nab\r\n3;x=y\r\ncde\r\n0\r\n\r\n",
    );
    let trailers = post(
        "transfer-encoding: chunked\r\ntrailer: x-sum\r\n",
        "2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n",
    );
    let five: &[(u16, &str)] = &[(200, "5")];
    vec![
        row("one request", HELLO, &[(200, "hello")], Kept),
        row(
            "line ends before a request",
            format!("\r\n\r\n{HELLO}"),
            &[(200, "hello")],
            Kept,
        ),
        row(
            "a line end behind a request",
            format!("{HELLO}\r\n"),
            &[(200, "hello")],
            Kept,
        ),
        row(
            "a line end behind a body",
            format!("{sized}\r\n"),
            five,
            Kept,
        ),
        row(
            "line feeds behind a body",
            format!("{sized}\n\n"),
            five,
            Kept,
        ),
        row(
            "line ends behind chunks",
            format!("{chunked}\r\n\r\n"),
            five,
            Kept,
        ),
        row(
            "lines that end with a line feed",
            "GET /hello HTTP/1.1\nhost: x\n\n",
            &[(200, "hello")],
            Kept,
        ),
        row(
            "three requests at once",
            HELLO.repeat(3),
            &[(200, "hello"), (200, "hello"), (200, "hello")],
            Kept,
        ),
        row(
            "a body and the next request",
            format!("{sized}{HELLO}"),
            &[(200, "5"), (200, "hello")],
            Kept,
        ),
        row(
            "chunks and the next request",
            format!("{chunked}{HELLO}"),
            &[(200, "5"), (200, "hello")],
            Kept,
        ),
        row("trailers", trailers, &[(200, "2")], Kept),
        row(
            "a body that nobody reads",
            format!("POST /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12345{HELLO}"),
            &[(200, "hello"), (200, "hello")],
            Kept,
        ),
        row(
            "an empty body",
            post("content-length: 0\r\n", ""),
            &[(200, "0")],
            Kept,
        ),
        row(
            "equal lengths",
            post("content-length: 5\r\ncontent-length: 5\r\n", "12345"),
            five,
            Kept,
        ),
        row(
            "the last one",
            HELLO.replace("host", "connection: close\r\nhost"),
            &[(200, "hello")],
            Closed,
        ),
        row(
            "HTTP/1.0",
            "GET /hello HTTP/1.0\r\n\r\n",
            &[(200, "hello")],
            Closed,
        ),
        row(
            "HTTP/1.0 kept",
            "GET /hello HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            &[(200, "hello")],
            Kept,
        ),
        row(
            "HTTP/1.0 with a body",
            "POST /body HTTP/1.0\r\ncontent-length: 5\r\n\r\n12345",
            five,
            Closed,
        ),
        row(
            "an absolute target",
            "GET http://x/hello HTTP/1.1\r\nhost: x\r\n\r\n",
            &[(200, "hello")],
            Kept,
        ),
        row(
            "HEAD",
            "HEAD /hello HTTP/1.1\r\nhost: x\r\n\r\n",
            &[(200, "")],
            Kept,
        ),
        row(
            "no route of the guest",
            "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n",
            &[(404, "no such command")],
            Kept,
        ),
        row(
            "a wait for the word to go on",
            post("content-length: 5\r\nexpect: 100-continue\r\n", "12345"),
            &[(100, ""), (200, "5")],
            Kept,
        ),
        row(
            "a word to go on that was not waited for",
            format!(
                "POST /hello HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n12345"
            ),
            &[(200, "hello")],
            Kept,
        ),
    ]
}

/// Heads that cannot be read or are too large. Each is refused with a reply that says why.
fn refused() -> Vec<Row> {
    let headers = (0..120)
        .map(|n| format!("x-{n}: 1\r\n"))
        .collect::<String>();
    let bad: &[(u16, &str)] = &[(400, "\"code\":10001")];
    let large: &[(u16, &str)] = &[(431, "\"code\":10001")];
    let host = |text: &str| format!("GET /hello HTTP/1.1\r\nhost: x\r\n{text}\r\n\r\n");
    vec![
        row("no request", "hello\r\n\r\n", bad, Closed),
        row(
            "a method that is none",
            "G(T /hello HTTP/1.1\r\nhost: x\r\n\r\n",
            bad,
            Closed,
        ),
        row(
            "a version that is none",
            "GET /hello HTTP/3.7\r\nhost: x\r\n\r\n",
            bad,
            Closed,
        ),
        row(
            "a space in the target",
            "GET /hel lo HTTP/1.1\r\nhost: x\r\n\r\n",
            bad,
            Closed,
        ),
        row("a header without colon", host("nothing"), bad, Closed),
        row(
            "a header with a space in its name",
            host("x y: 1"),
            bad,
            Closed,
        ),
        row("a header with a zero byte", host("x: a\0b"), bad, Closed),
        row(
            "a signed length",
            post("content-length: +2\r\n", "ab"),
            bad,
            Closed,
        ),
        row(
            "a negative length",
            post("content-length: -2\r\n", "ab"),
            bad,
            Closed,
        ),
        row(
            "a length in words",
            post("content-length: two\r\n", "ab"),
            bad,
            Closed,
        ),
        row(
            "an endless length",
            post("content-length: 99999999999999999999999\r\n", "ab"),
            bad,
            Closed,
        ),
        row(
            "two lengths",
            post("content-length: 2\r\ncontent-length: 3\r\n", "abc"),
            bad,
            Closed,
        ),
        row(
            "two lengths in one line",
            post("content-length: 2, 3\r\n", "abc"),
            bad,
            Closed,
        ),
        row(
            "a coding that is not chunked",
            post("transfer-encoding: gzip\r\n", "ab"),
            bad,
            Closed,
        ),
        row("no host", "GET /hello HTTP/1.1\r\n\r\n", bad, Kept),
        row(
            "a host that is none",
            "GET /hello HTTP/1.1\r\nhost: a b\r\n\r\n",
            bad,
            Kept,
        ),
        row(
            "bad bytes behind a request",
            format!("{HELLO}\x01\x02\r\n\r\n"),
            &[(200, "hello"), (400, "\"code\":10001")],
            Closed,
        ),
        row("120 headers", host(headers.trim_end()), large, Closed),
        row(
            "a header of 70 KB",
            host(&format!("x: {}", "y".repeat(70_000))),
            large,
            Closed,
        ),
        row(
            "a target of 70 KB",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(70_000)),
            &[(414, "\"code\":10001")],
            Closed,
        ),
        row(
            "a target of 9 KB",
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(9_000)),
            &[(414, "\"code\":10001")],
            Closed,
        ),
        row(
            "a length beyond the bound",
            post("content-length: 5000000\r\n", ""),
            &[(413, "\"code\":10001")],
            Closed,
        ),
        row(
            "a length beyond the bound, its sender waiting",
            post("content-length: 5000000\r\nexpect: 100-continue\r\n", ""),
            &[(413, "\"code\":10001")],
            Closed,
        ),
    ]
}

/// What a reply of the host's own must look like.
fn assert_is_problem(what: &str, answer: &Answer) {
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{what}: {answer:?}"
    );
    for field in [
        "\"code\":",
        "\"message\":\"[",
        "\"error\":\"[",
        "\"trace_id\":\"",
    ] {
        assert!(
            answer.body.contains(field),
            "{what}: {field} is missing: {answer:?}"
        );
    }
}

fn check(rows: Vec<Row>, mut connect: impl FnMut() -> Wire, own: bool) {
    for row in rows {
        let what = row.what;
        let mut wire = connect();
        wire.send(&row.sent);
        let head = row.sent.starts_with(b"HEAD");
        for (status, piece) in row.want {
            let answer = wire.answer(if head { "HEAD" } else { "GET" });
            let answer = answer.unwrap_or_else(|| panic!("{what}: closed instead of {status}"));
            assert_eq!(answer.status, *status, "{what}: {answer:?}");
            assert!(answer.body.contains(piece), "{what}: {answer:?}");
            if own && *status >= 400 {
                assert_is_problem(what, &answer);
            }
        }
        match row.then {
            Kept => {
                wire.send(HELLO.as_bytes());
                let next = wire.answer("GET");
                assert_eq!(next.map(|next| next.status), Some(200), "{what}: not kept");
            }
            Closed => assert!(wire.is_closed(), "{what}: not closed"),
        }
    }
}

#[test]
fn every_request_is_answered_over_http_1() {
    let host = Running::start(&["--threads", "2"]);
    check(answered(), || Wire::plain(host.address()), false);
    check(refused(), || Wire::plain(host.address()), true);
}

#[test]
fn every_request_is_answered_over_tls() {
    let certificate = Certificate::new();
    let host = Running::start(&[
        "--threads",
        "2",
        "--tls-cert",
        certificate.cert(),
        "--tls-key",
        certificate.key(),
    ]);
    check(
        answered(),
        || certificate.wire(host.address(), &[b"http/1.1"]),
        false,
    );
    check(
        refused(),
        || certificate.wire(host.address(), &[b"http/1.1"]),
        true,
    );
}

#[test]
fn requests_in_single_bytes_are_answered() {
    let host = Running::start(&[]);
    let mut wire = Wire::plain(host.address());
    let sent = format!(
        "{HELLO}{}",
        post("transfer-encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n")
    );
    for byte in sent.bytes() {
        wire.send(&[byte]);
    }
    assert_eq!(wire.answer("GET").unwrap().body, "hello");
    assert_eq!(wire.answer("POST").unwrap().body, "2");
}

#[test]
fn a_client_that_sends_no_more_gets_its_reply() {
    let host = Running::start(&[]);
    for (sent, replies) in [
        (HELLO.to_owned(), 1),
        (HELLO.repeat(3), 3),
        (post("content-length: 3\r\n", "abc"), 1),
    ] {
        let mut wire = Wire::plain(host.address());
        wire.send(sent.as_bytes());
        wire.half_close();
        for _ in 0..replies {
            assert_eq!(
                wire.answer("GET").map(|answer| answer.status),
                Some(200),
                "{sent:?}"
            );
        }
        assert!(wire.is_closed(), "{sent:?}");
    }
}

#[test]
fn half_of_a_request_holds_back_no_reply_and_is_refused_in_time() {
    let host = Running::start(&[
        "--header-read-timeout",
        "500ms",
        "--body-read-timeout",
        "500ms",
    ]);
    for half in [
        "G",
        "GET /hello",
        "GET /hello HTTP/1.1\r\nhost: x\r\n",
        "GET /hello HTTP/1.1\r\nhost: x\r\nx: y",
    ] {
        let mut wire = Wire::plain(host.address());
        wire.send(format!("{HELLO}{half}").as_bytes());
        assert_eq!(
            wire.answer("GET").map(|answer| answer.status),
            Some(200),
            "{half:?}"
        );
        let late = wire
            .answer("GET")
            .unwrap_or_else(|| panic!("{half:?}: closed without a word"));
        assert_eq!(late.status, 408, "{half:?}");
        assert_is_problem(half, &late);
        assert!(wire.is_closed(), "{half:?}");
    }
    // A guest that reads half a body is told so; what it makes of it is its own.
    let mut wire = Wire::plain(host.address());
    wire.send(post("content-length: 10\r\n", "abc").as_bytes());
    let late = wire.answer("POST").unwrap();
    assert!(late.status >= 400, "{late:?}");
    assert!(wire.is_closed());
}

#[test]
fn a_refusal_is_read_by_a_client_that_sends_first() {
    let host = Running::start(&[]);
    // More than both sockets' buffers hold: it is only sent if the host reads it.
    let body = "x".repeat(12 * 1024 * 1024);
    let mut wire = Wire::plain(host.address());
    wire.send(post(&format!("content-length: {}\r\n", body.len()), &body).as_bytes());
    let answer = wire.answer("POST").expect("closed without an answer");
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_is_problem("early 413", &answer);
    assert!(wire.is_closed());
}

#[test]
fn a_chunked_body_beyond_the_bound_is_413() {
    let host = Running::start(&["--max-body-bytes", "1000"]);
    let mut wire = Wire::plain(host.address());
    let chunk = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    wire.send(post("transfer-encoding: chunked\r\n", &chunk).as_bytes());
    let answer = wire.answer("POST").expect("closed without an answer");
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[test]
fn pipelines_are_answered_in_order() {
    let host = Running::start(&[]);
    let mut wire = Wire::plain(host.address());
    let many = 2_000;
    // Sent while the replies are read: neither side's buffers hold all of it.
    let request = |n| format!("GET /reply?x-n={n} HTTP/1.1\r\nhost: x\r\n\r\n");
    let sent: String = (0..many).map(request).collect();
    std::thread::scope(|scope| {
        let mut writer = wire.writer();
        scope.spawn(move || writer.write_all(sent.as_bytes()));
        for n in 0..many {
            let answer = wire.answer("GET").expect("closed within a pipeline");
            assert_eq!(answer.header("x-n"), Some(n.to_string().as_str()));
        }
    });
}
