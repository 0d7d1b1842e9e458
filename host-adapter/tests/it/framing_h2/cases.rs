//! The cases.

use super::Expected::{Refused, Reply, Reset};
use super::{
    CONTINUATION, Case, DATA, END_HEADERS, END_STREAM, Expected, FRAME_SIZE_ERROR, HEADERS, PING,
    PROTOCOL_ERROR, WHOLE, block, case, fatal, frame, get, post, text,
};

/// A request that is a head alone.
fn head(
    what: &'static str,
    (method, path): (&str, &str),
    headers: &[(&str, &str)],
    wanted: Expected,
) -> Case {
    let head = frame(HEADERS, WHOLE, 1, &block(method, path, headers));
    case(what, &[head], vec![(1, wanted)])
}

/// What components answer.
pub fn answered() -> Vec<Case> {
    let hello = || Reply(200, "hello");
    let mut cases = answered_frames();
    cases.extend([
        head("HEAD", ("HEAD", "/hello"), &[], Reply(200, "")),
        head(
            "letters that are escaped",
            ("GET", "/%68ello"),
            &[],
            hello(),
        ),
        head(
            "the host beside the authority",
            ("GET", "/hello"),
            &[("host", "X")],
            hello(),
        ),
        head("HEAD of nothing", ("HEAD", "//"), &[], Reply(404, "")),
        head(
            "no route of the guest",
            ("GET", "/nowhere"),
            &[],
            Reply(404, "no such command"),
        ),
    ]);
    cases
}

/// Frames in every order, and bodies in pieces.
fn answered_frames() -> Vec<Case> {
    let second = get(3, "/hello");
    let body = |stream, flags, bytes: &[u8]| frame(DATA, flags, stream, bytes);
    let singles: Vec<Vec<u8>> = [post(1, &[("content-length", "3")])]
        .into_iter()
        .chain((0..3).map(|number| body(1, if number == 2 { END_STREAM } else { 0 }, b"x")))
        .collect();
    let trailer = {
        let mut block = Vec::new();
        block.push(0);
        text(&mut block, "x-sum");
        text(&mut block, "1");
        frame(HEADERS, WHOLE, 1, &block)
    };
    let head = block("GET", "/hello", &[("x-long", &"v".repeat(200))]);
    let cut = |at: usize| {
        [
            frame(HEADERS, END_STREAM, 1, &head[..at]),
            frame(CONTINUATION, END_HEADERS, 1, &head[at..]),
        ]
        .concat()
    };
    let hello = |stream| (stream, Reply(200, "hello"));
    vec![
        case("a request", &[get(1, "/hello")], vec![hello(1)]),
        case(
            "two in one piece",
            &[[get(1, "/hello"), second.clone()].concat()],
            vec![hello(1), hello(3)],
        ),
        case(
            "half of the next behind it",
            &[
                [&get(1, "/hello"), &second[..5]].concat(),
                second[5..].to_vec(),
            ],
            vec![hello(1), hello(3)],
        ),
        case(
            "a ping behind it",
            &[[get(1, "/hello"), frame(PING, 0, 0, &[7; 8])].concat()],
            vec![hello(1)],
        ),
        case(
            "frames of kinds that nobody knows",
            &[[frame(0xbe, 0, 0, &[1; 9]), get(1, "/hello")].concat()],
            vec![hello(1)],
        ),
        case("a head in two pieces", &[cut(9)], vec![hello(1)]),
        case(
            "a body in single bytes",
            &singles,
            vec![(1, Reply(200, "3"))],
        ),
        case(
            "a body without a length, and trailers",
            &[post(1, &[]), body(1, 0, b"abc"), body(1, 0, b""), trailer],
            vec![(1, Reply(200, "3"))],
        ),
        case(
            "a word to go on that is not waited for",
            &[
                post(1, &[("expect", "100-continue")]),
                body(1, END_STREAM, b"abc"),
            ],
            vec![(1, Reply(200, "3"))],
        ),
        case(
            "a body that nobody reads",
            &[
                frame(HEADERS, END_HEADERS, 1, &block("POST", "/hello", &[])),
                body(1, END_STREAM, b"abc"),
            ],
            vec![hello(1)],
        ),
    ]
}

/// What the host refuses.
pub fn refused() -> Vec<Case> {
    let tea = [("expect", "tea")];
    let two = [("host", "x"), ("host", "x")];
    let info = ("PUT", "/.well-known/spin/info");
    let large = post(1, &[("content-length", "5000000")]);
    let window = [16_000; 4].map(|length| frame(DATA, 0, 1, &vec![0; length]));
    let mut cases = vec![
        case(
            "a length beyond the bound",
            std::slice::from_ref(&large),
            vec![(1, Refused(413, 10001))],
        ),
        case(
            "a length beyond the bound, and what fits the window of it",
            &[large, window.concat()],
            vec![(1, Refused(413, 10001))],
        ),
        head(
            "another host than the authority",
            ("GET", "/hello"),
            &[("host", "y")],
            Refused(400, 10001),
        ),
        head("two hosts", ("GET", "/hello"), &two, Refused(400, 10001)),
        head(
            "an empty segment",
            ("GET", "//hello"),
            &[],
            Refused(404, 10007),
        ),
        head(
            "dots as segment",
            ("GET", "/x/%2e./hello"),
            &[],
            Refused(404, 10007),
        ),
        head(
            "an escape that is none",
            ("GET", "/%zz"),
            &[],
            Refused(400, 10001),
        ),
        head(
            "another expectation",
            ("GET", "/hello"),
            &tea,
            Refused(417, 10001),
        ),
        head(
            "a path of the host, by another method",
            info,
            &[],
            Refused(405, 10001),
        ),
        case(
            "headers of 40 KB",
            &[many_headers()],
            vec![(1, Refused(431, 10001))],
        ),
    ];
    cases.extend(ended());
    cases
}

/// A head of 40 KB in three frames.
fn many_headers() -> Vec<u8> {
    let long = "v".repeat(200);
    let mut many = block("GET", "/hello", &[]);
    for _ in 0..200 {
        many.push(0);
        text(&mut many, "x-long");
        text(&mut many, &long);
    }
    let pieces: Vec<&[u8]> = many.chunks(16_000).collect();
    [
        frame(HEADERS, END_STREAM, 1, pieces[0]),
        frame(CONTINUATION, 0, 1, pieces[1]),
        frame(CONTINUATION, END_HEADERS, 1, pieces[2]),
    ]
    .concat()
}

/// Frames for which a stream or a connection ends.
fn ended() -> Vec<Case> {
    let zeros = |stream, length: usize| frame(DATA, END_STREAM, stream, &vec![0; length]);
    vec![
        case(
            "a body shorter than its length",
            &[post(1, &[("content-length", "9")]), zeros(1, 3)],
            vec![(1, Reset(PROTOCOL_ERROR))],
        ),
        case(
            "a body longer than its length",
            &[post(1, &[("content-length", "2")]), zeros(1, 3)],
            vec![(1, Reset(PROTOCOL_ERROR))],
        ),
        // An unreadable head may change how the next one is read: the connection ends.
        fatal(
            "a name in capitals",
            &[frame(
                HEADERS,
                WHOLE,
                1,
                &block("GET", "/hello", &[("X-Name", "a")]),
            )],
            PROTOCOL_ERROR,
        ),
        head(
            "a header of HTTP/1",
            ("GET", "/hello"),
            &[("connection", "close")],
            Reset(PROTOCOL_ERROR),
        ),
        case(
            "no path and no host",
            &[frame(HEADERS, WHOLE, 1, &[0x86, 2, 3, b'G', b'E', b'T'])],
            vec![(1, Refused(400, 10001))],
        ),
        fatal(
            "a stream of the host's own",
            &[get(2, "/hello")],
            PROTOCOL_ERROR,
        ),
        fatal("a body of no request", &[zeros(5, 1)], PROTOCOL_ERROR),
        fatal(
            "a frame beyond the bound",
            &[frame(DATA, 0, 1, &[0; 20_000])],
            FRAME_SIZE_ERROR,
        ),
        fatal(
            "a ping of the wrong size",
            &[frame(PING, 0, 0, &[7; 7])],
            PROTOCOL_ERROR,
        ),
        fatal(
            "a head within a head",
            &[frame(HEADERS, END_STREAM, 1, &[0x86]), get(3, "/hello")],
            PROTOCOL_ERROR,
        ),
    ]
}
