//! HTTP/2, plain and over TLS: what is sent, and what must come back on each stream. Every request is answered, or its
//! stream is reset with a code; a connection that cannot go on ends with a code, too.

mod cases;

use crate::certificate::Certificate;
use crate::harness::Running;
use crate::wire::Wire;
use cases::{answered, refused};
use std::collections::BTreeMap;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const WHOLE: u8 = END_STREAM | END_HEADERS;
const PROTOCOL_ERROR: u32 = 1;
const FRAME_SIZE_ERROR: u32 = 6;

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A string without Huffman coding.
fn text(block: &mut Vec<u8>, text: &str) {
    assert!(text.len() < 127 + 128);
    match text.len().checked_sub(127) {
        None => block.push(text.len() as u8),
        Some(rest) => block.extend([127, rest as u8]),
    }
    block.extend(text.as_bytes());
}

/// A header block: the pseudo-headers by their places in the static table, the others by name.
fn block(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x86];
    for (index, value) in [(2, method), (4, path), (1, "x")] {
        block.push(index);
        text(&mut block, value);
    }
    for (name, value) in headers {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

pub fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &block("GET", path, &[]))
}

fn post(stream: u32, headers: &[(&str, &str)]) -> Vec<u8> {
    let block = block("POST", "/body", headers);
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// What must come on a stream.
#[derive(Debug, PartialEq, Eq)]
enum Expected {
    /// A status, and all of the body.
    Reply(u16, &'static str),
    /// A status, and an error body with this code.
    Refused(u16, u32),
    Reset(u32),
}
use Expected::{Refused, Reply, Reset};

struct Case {
    what: &'static str,
    sent: Vec<Vec<u8>>,
    want: Vec<(u32, Expected)>,
    /// The code the connection ends with; otherwise it goes on.
    end: Option<u32>,
}

fn case(what: &'static str, sent: &[Vec<u8>], want: Vec<(u32, Expected)>) -> Case {
    Case {
        what,
        sent: sent.to_vec(),
        want,
        end: None,
    }
}

fn fatal(what: &'static str, sent: &[Vec<u8>], code: u32) -> Case {
    Case {
        what,
        sent: sent.to_vec(),
        want: Vec::new(),
        end: Some(code),
    }
}

/// A status, indexed or as a literal, which the host writes with Huffman coding.
fn status(block: &[u8]) -> u16 {
    match block[0] {
        0x88 => 200,
        0x8b => 304,
        0x8c => 400,
        0x8d => 404,
        0x8e => 500,
        literal => {
            assert_eq!(literal & 0x3f, 8, "no status in front: {block:?}");
            assert_eq!(block[1] & 0x80, 0x80, "{block:?}");
            digits(&block[2..2 + usize::from(block[1] & 0x7f)])
        }
    }
}

/// Digits, as RFC 7541 has them in appendix B: 0 to 2 in five bits, the others in six.
fn digits(bytes: &[u8]) -> u16 {
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut rest, mut number) = (&bits[..], 0);
    for _ in 0..3 {
        let five = u16::from_str_radix(&rest[..5], 2).unwrap();
        let (digit, taken) = match five {
            0..=2 => (five, 5),
            _ => (
                u16::from_str_radix(&rest[..6], 2).unwrap() - 0b01_1001 + 3,
                6,
            ),
        };
        number = number * 10 + digit;
        rest = &rest[taken..];
    }
    number
}

/// What came on the streams so far.
#[derive(Default, Debug)]
pub struct Came {
    statuses: BTreeMap<u32, u16>,
    bodies: BTreeMap<u32, String>,
    ended: Vec<u32>,
    resets: BTreeMap<u32, u32>,
    goaway: Option<u32>,
    pub pings: usize,
    /// Bytes by which the windows of streams were opened; 0 is the connection.
    opened: BTreeMap<u32, u32>,
}

impl Came {
    /// Takes the next frame; `false` where the connection has ended.
    pub fn next(&mut self, wire: &mut Wire) -> bool {
        let Some(head) = wire.bytes(9) else {
            return false;
        };
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let Some(payload) = wire.bytes(length as usize) else {
            return false;
        };
        let code = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
        match head[3] {
            HEADERS => drop(self.statuses.insert(stream, status(&payload))),
            DATA => {
                let body = self.bodies.entry(stream).or_default();
                body.push_str(&String::from_utf8_lossy(&payload));
            }
            RST_STREAM => drop(self.resets.insert(stream, code(0))),
            GOAWAY => self.goaway = Some(code(4)),
            WINDOW_UPDATE => *self.opened.entry(stream).or_default() += code(0),
            PING if head[4] == ACK => self.pings += 1,
            SETTINGS if head[4] != ACK => wire.send(&frame(SETTINGS, ACK, 0, &[])),
            _ => {}
        }
        if matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0 {
            self.ended.push(stream);
        }
        true
    }

    fn has(&self, stream: u32, expected: &Expected) -> bool {
        let body = self.bodies.get(&stream).map_or("", String::as_str);
        let status = self.statuses.get(&stream);
        match expected {
            Reply(code, text) => {
                self.ended.contains(&stream) && status == Some(code) && body == *text
            }
            Refused(code, number) => {
                let is_whole = ["\"message\":\"[", "\"error\":\"[", "\"trace_id\":\""]
                    .iter()
                    .all(|field| body.contains(field));
                let is_named = body.starts_with(&format!("{{\"code\":{number},"));
                self.ended.contains(&stream) && status == Some(code) && is_whole && is_named
            }
            Reset(code) => self.resets.get(&stream) == Some(code),
        }
    }
}

fn check(cases: Vec<Case>, mut connect: impl FnMut() -> Wire) {
    for case in cases {
        let what = case.what;
        let mut wire = connect();
        wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
        let mut came = Came::default();
        for piece in &case.sent {
            wire.send(piece);
        }
        for (stream, expected) in &case.want {
            while !came.has(*stream, expected) {
                assert!(
                    came.next(&mut wire),
                    "{what}: {expected:?} wanted, {came:?}"
                );
            }
        }
        match case.end {
            Some(code) => {
                while came.next(&mut wire) {}
                assert_eq!(came.goaway, Some(code), "{what}: {came:?}");
            }
            None => {
                wire.send(&[frame(PING, 0, 0, &[9; 8]), get(99, "/hello")].concat());
                while !came.has(99, &Reply(200, "hello")) || came.pings == 0 {
                    assert!(came.next(&mut wire), "{what}: not kept, {came:?}");
                }
            }
        }
    }
}

#[test]
fn every_request_is_answered_over_http_2() {
    let host = Running::start(&["--threads", "2"]);
    check(answered(), || Wire::plain(host.address()));
    check(refused(), || Wire::plain(host.address()));
}

#[test]
fn every_request_is_answered_over_http_2_and_tls() {
    let certificate = Certificate::new();
    let (cert, key) = (certificate.cert(), certificate.key());
    let host = Running::start(&["--threads", "2", "--tls-cert", cert, "--tls-key", key]);
    check(answered(), || certificate.wire(host.address(), &[b"h2"]));
    check(refused(), || certificate.wire(host.address(), &[b"h2"]));
}

/// The library cannot send a 100: a client that waits for it is refused in time.
#[test]
fn a_client_that_waits_for_a_word_to_go_on_is_refused_over_http_2() {
    let host = Running::start(&["--body-read-timeout", "300ms"]);
    let mut wire = Wire::plain(host.address());
    wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
    wire.send(&post(1, &[("expect", "100-continue")]));
    let mut came = Came::default();
    while !came.has(1, &Refused(408, 10001)) {
        assert!(came.next(&mut wire), "{came:?}");
    }
}

/// A refusal does not end the stream of a client that is still sending: some would not read it then.
#[test]
fn a_refusal_is_read_by_a_client_that_sends_first_over_http_2() {
    const LENGTH: usize = 5_000_000;
    const PIECE: usize = 16_000;
    let host = Running::start(&[]);
    let mut wire = Wire::plain(host.address());
    wire.send(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
    let length = LENGTH.to_string();
    wire.send(&post(1, &[("content-length", &length)]));
    let (mut came, mut sent) = (Came::default(), 0);
    while sent < LENGTH {
        // What was allowed at first, and since then.
        let window = |stream| 65_535 + came.opened.get(&stream).map_or(0, |bytes| *bytes as usize);
        let piece = PIECE.min(LENGTH - sent);
        if window(0).min(window(1)) < sent + piece {
            assert!(came.next(&mut wire), "closed after {sent} bytes: {came:?}");
            assert!(came.resets.is_empty(), "reset after {sent} bytes: {came:?}");
            continue;
        }
        sent += piece;
        let flags = if sent == LENGTH { END_STREAM } else { 0 };
        wire.send(&frame(DATA, flags, 1, &vec![0; piece]));
    }
    while !came.has(1, &Refused(413, 10001)) {
        assert!(came.next(&mut wire), "{came:?}");
    }
    assert!(came.resets.is_empty(), "{came:?}");
}
