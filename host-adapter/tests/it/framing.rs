//! Every request is answered or refused with a status, however its bytes come: a table of what is sent and what must
//! come back (`framing.txt`), over plain sockets and over TLS.

use crate::certificate::Certificate;
use crate::harness::Running;
use crate::wire::{Answer, Wire};
use std::io::Write;

const TABLE: &str = include_str!("framing.txt");
const HELLO: &str = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";
const POST: &str = "POST /body HTTP/1.1\r\nhost: x\r\n";

/// A row of the table.
struct Row {
    what: &'static str,
    sent: Vec<u8>,
    /// Status, and a piece of head or body.
    want: Vec<(u16, &'static str)>,
    kept: bool,
}

/// The rows under a heading.
fn rows(heading: &str) -> Vec<Row> {
    let (_, rest) = TABLE.split_once(&format!("## {heading}\n")).unwrap();
    let lines = rest.lines().take_while(|line| !line.starts_with('#'));
    let rows: Vec<Row> = lines.filter(|line| !line.is_empty()).map(row).collect();
    assert!(rows.len() > 20, "the table is not read");
    rows
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&str> = line.split(" | ").collect();
    let [what, sent, want, then] = cells[..] else {
        panic!("no row: {line}");
    };
    let reply = |text: &'static str| {
        let (status, piece) = text.split_once(' ').unwrap_or((text, ""));
        (status.parse().unwrap(), piece)
    };
    Row {
        what,
        sent: bytes(sent),
        want: replies(want).map(reply).collect(),
        kept: match then {
            "kept" => true,
            "closed" => false,
            other => panic!("{what}: {other}"),
        },
    }
}

/// The replies of a cell: each begins with a status, and a piece may have commas of its own.
fn replies(cell: &'static str) -> impl Iterator<Item = &'static str> {
    let is_status = |text: &str| {
        text.get(..3)
            .is_some_and(|text| text.parse::<u16>().is_ok())
    };
    let mut begins = vec![0];
    begins.extend(
        cell.match_indices(", ")
            .map(|(at, _)| at + 2)
            .filter(|at| is_status(&cell[*at..])),
    );
    let ends: Vec<usize> = begins[1..]
        .iter()
        .map(|at| at - 2)
        .chain([cell.len()])
        .collect();
    begins
        .into_iter()
        .zip(ends)
        .map(|(begin, end)| &cell[begin..end])
}

/// The bytes that a cell stands for.
fn bytes(cell: &str) -> Vec<u8> {
    let mut text = cell
        .replace("\\r", "\r")
        .replace("\\n", "\n")
        .replace("\\0", "\0")
        .replace("\\x01", "\x01")
        .replace("\\x02", "\x02")
        .replace("{hello}", HELLO)
        .replace("{post}", POST);
    while let Some((before, rest)) = text.split_once('{') {
        let (repeated, after) = rest.split_once('}').unwrap();
        let (piece, times) = repeated.rsplit_once('*').unwrap();
        text = format!("{before}{}{after}", piece.repeat(times.parse().unwrap()));
    }
    text.into_bytes()
}

fn post(headers: &str, body: &str) -> String {
    format!("{POST}{headers}\r\n{body}")
}

/// Asserts the shape of the host's own replies.
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
        for (status, piece) in &row.want {
            let answer = wire.answer(if head { "HEAD" } else { "GET" });
            let answer = answer.unwrap_or_else(|| panic!("{what}: closed instead of {status}"));
            assert_eq!(answer.status, *status, "{what}: {answer:?}");
            let shown = format!("{}{}", answer.head, answer.body);
            assert!(shown.contains(piece), "{what}: {answer:?}");
            if own && *status >= 400 {
                assert_is_problem(what, &answer);
                let closes = answer.header("connection") == Some("close");
                let is_old = row.sent.windows(8).any(|bytes| bytes == b"HTTP/1.0");
                assert!(closes != row.kept || is_old, "{what}: {answer:?}");
            }
        }
        if row.kept {
            wire.send(HELLO.as_bytes());
            let next = wire.answer("GET");
            assert_eq!(next.map(|next| next.status), Some(200), "{what}: not kept");
        } else {
            assert!(wire.is_closed(), "{what}: not closed");
        }
    }
}

#[test]
fn every_request_is_answered_over_http_1() {
    let host = Running::start(&["--threads", "2"]);
    check(rows("answered"), || Wire::plain(host.address()), false);
    check(rows("refused"), || Wire::plain(host.address()), true);
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
        rows("answered"),
        || certificate.wire(host.address(), &[b"http/1.1"]),
        false,
    );
    check(
        rows("refused"),
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
    // A guest that reads half a body gets an error; this one gives no answer then.
    let mut wire = Wire::plain(host.address());
    wire.send(post("content-length: 10\r\n", "abc").as_bytes());
    let late = wire.answer("POST").unwrap();
    assert_eq!(late.status, 408, "{late:?}");
    assert_is_problem("half a body", &late);
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

/// A component may say by itself that it could not read a body. Nobody knows then where the next request begins.
#[test]
fn a_reply_to_a_body_that_was_cut_short_says_that_it_is_the_last() {
    let host = Running::start(&["--max-body-bytes", "1000", "--body-read-timeout", "300ms"]);
    let large = format!("3e9\r\n{}\r\n0\r\n\r\n", "x".repeat(1001));
    let whole = "2\r\nab\r\n0\r\n\r\n";
    for (chunks, status) in [
        ("zz\r\nab\r\n", 400),
        ("2\r\nabXX0\r\n\r\n", 400),
        ("2\r\nab\r\n", 400),
        (&large, 400),
        (whole, 200),
    ] {
        let mut wire = Wire::plain(host.address());
        let head = "POST /try-body HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
        wire.send(format!("{head}{chunks}").as_bytes());
        let answer = wire.answer("POST").unwrap();
        assert_eq!(answer.status, status, "{chunks:?}: {answer:?}");
        let is_last = answer.header("connection") == Some("close");
        assert_eq!(is_last, status == 400, "{chunks:?}: {answer:?}");
        if is_last {
            assert!(wire.is_closed(), "{chunks:?}");
        }
    }
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
