//! The local cache through real sockets: what is served from the store, to whom, how fresh, and how writes reach it on
//! every host of a channel. The probe replies as each query describes; a body seen twice was made once.

use crate::harness::{App, Running, wait_for};
use stack::{Home, Redis};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use ureq::http::Response;

/// The test's own channel, so that other tests invalidate nothing on it.
pub struct Channel {
    redis: Redis,
    _home: Home,
}

impl Channel {
    pub fn start() -> Self {
        let home = Home::temporary().unwrap();
        Self {
            redis: Redis::start(&home, None).unwrap(),
            _home: home,
        }
    }

    /// A host on it that may already serve from its store.
    pub fn host(&self, flags: &[&str]) -> Running {
        let url = self.redis.url();
        let app = App::new(&[format!("redis://127.0.0.1:{}", self.redis.port())]);
        let host = Running::start_app(app, &[&["--cache-channel", &url][..], flags].concat());
        up(&host, 1.0);
        host
    }
}

fn up(host: &Running, up: f64) {
    wait_for("the channel", || {
        host.metric("host_cache_channel_up", "") == up
    });
}

/// The path of a reply with these headers.
pub fn reply(pairs: &[(&str, &str)]) -> String {
    let encoded =
        |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)));
    format!("/reply?{}", pairs.collect::<Vec<_>>().join("&"))
}

pub fn get(host: &Running, path: &str, headers: &[(&str, &str)]) -> Response<String> {
    host.send("GET", path, headers)
}

fn header<'a>(response: &'a Response<String>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn results(host: &Running) -> [f64; 4] {
    ["hit", "revalidated", "miss", "bypass"].map(|result| {
        host.metric(
            "host_cache_requests_total",
            &format!("component=\"probe\",result=\"{result}\""),
        )
    })
}

#[test]
fn a_fresh_reply_is_told_again() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[
        ("host-cache-control", "max-age=60"),
        ("cache-control", "no-cache"),
        ("x-own", "1"),
    ]);
    let first = get(&host, &path, &[]);
    let again = get(&host, &path, &[]);
    assert_eq!(first.body(), again.body());
    assert_eq!((header(&first, "age"), header(&again, "age")), ("", "0"));
    for response in [&first, &again] {
        assert_eq!(header(response, "cache-control"), "no-cache");
        assert_eq!(header(response, "x-own"), "1");
        assert_eq!(header(response, "host-cache-control"), "");
        assert_eq!(header(response, "content-length"), "16");
    }
    assert_eq!(header(&first, "date"), header(&again, "date"));
    let tag = header(&first, "etag").to_owned();
    assert_eq!(header(&again, "etag"), tag);
    for known in [&tag[..], "*", &format!("\"x\", W/{tag}")] {
        let response = get(&host, &path, &[("if-none-match", known)]);
        assert_eq!(
            (response.status().as_u16(), response.body().len()),
            (304, 0),
            "{known}"
        );
        assert_eq!(header(&response, "etag"), tag);
        assert_eq!(header(&response, "cache-control"), "no-cache");
        assert_eq!(header(&response, "x-own"), "");
    }
    assert_eq!(
        get(&host, &path, &[("if-none-match", "\"x\"")]).status(),
        200
    );
    assert_eq!(results(&host), [2.0, 3.0, 1.0, 0.0]);
    assert_eq!(
        host.metric("http_requests_total{component=\"probe\",status=\"304\"", ""),
        3.0
    );
    wait_for("its bytes", || host.metric("host_cache_bytes", "") > 16.0);
    assert_eq!(host.metric("host_cache_entries", ""), 1.0);
}

#[test]
fn requests_may_ask_for_more() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[("cache-control", "max-age=60")]);
    let asked = |control| get(&host, &path, &[("cache-control", control)]);
    assert_eq!(asked("only-if-cached").status(), 504);
    let first = get(&host, &path, &[]).into_body();
    assert_eq!(*asked("only-if-cached").body(), first);
    assert_eq!(*asked("max-age=30").body(), first);
    assert_ne!(*asked("no-store").body(), first);
    assert_ne!(*get(&host, &path, &[("range", "bytes=0-1")]).body(), first);
    assert_ne!(
        *get(&host, &path, &[("authorization", "Basic eDp5")]).body(),
        first
    );
    assert_eq!(
        *get(&host, &path, &[]).body(),
        first,
        "none of those was stored"
    );
    let newer = asked("no-cache").into_body();
    assert_ne!(newer, first);
    assert_eq!(*get(&host, &path, &[]).body(), newer);
    let newest = get(&host, &path, &[("pragma", "no-cache")]).into_body();
    assert_ne!(newest, newer);
    assert_eq!(*get(&host, &path, &[]).body(), newest);
    assert_ne!(*asked("min-fresh=90").body(), newest);
}

#[test]
fn what_must_not_be_stored_is_not() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    for pairs in [
        &[][..],
        &[("cache-control", "private, max-age=60")],
        &[("cache-control", "max-age=60"), ("set-cookie", "a=b")],
        &[("cache-control", "max-age=60"), ("vary", "*")],
        &[("cache-control", "max-age=60"), ("status", "500")],
        &[("cache-control", "max-age=60"), ("status", "202")],
        &[
            ("cache-control", "max-age=60"),
            ("cache-groups", "not a string"),
        ],
    ] {
        let path = reply(pairs);
        let (first, second) = (get(&host, &path, &[]), get(&host, &path, &[]));
        assert_ne!(first.body(), second.body(), "{pairs:?}");
    }
    let gone = reply(&[("cache-control", "max-age=60"), ("status", "404")]);
    assert_eq!(get(&host, &gone, &[]).body(), get(&host, &gone, &[]).body());
}

#[test]
fn variants_are_told_apart() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[("cache-control", "max-age=60"), ("vary", "X-Tongue")]);
    let tongue = |name| get(&host, &path, &[("x-tongue", name)]).into_body();
    let (german, french) = (tongue("de"), tongue("fr"));
    assert_ne!(german, french);
    assert_eq!(
        [tongue("de"), tongue("fr"), tongue("de")],
        [german.clone(), french, german]
    );
    let none = get(&host, &path, &[]).into_body();
    assert_eq!(get(&host, &path, &[]).into_body(), none);
    assert_eq!(results(&host), [4.0, 0.0, 3.0, 0.0]);
}

#[test]
fn many_who_ask_at_once_are_one_request() {
    const READERS: usize = 8;
    let channel = Channel::start();
    let host = channel.host(&["--threads", "2"]);
    let gate = channel.redis.url();
    let pushed = |count: usize| {
        let steps = vec![serde_json::json!(["RPUSH", "gate", "x"]); count];
        host.redis_at(&gate, serde_json::json!(steps))
    };
    for (pairs, runs) in [
        (
            &[("cache-control", "max-age=60"), ("gate", gate.as_str())][..],
            1,
        ),
        (
            &[
                ("cache-control", "max-age=60"),
                ("vary", "x"),
                ("gate", gate.as_str()),
            ][..],
            1,
        ),
        // The first finds that the reply may not be stored; the others do not wait for one another.
        (
            &[("cache-control", "no-store"), ("gate", gate.as_str())][..],
            READERS,
        ),
    ] {
        let path = reply(pairs);
        let bodies: HashSet<String> = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..READERS)
                .map(|_| scope.spawn(|| get(&host, &path, &[]).into_body()))
                .collect();
            wait_for("all to ask", || {
                host.metric("http_requests_in_flight", "") == READERS as f64
            });
            pushed(1);
            if runs > 1 {
                pushed(runs - 1);
            }
            readers
                .into_iter()
                .map(|reader| reader.join().unwrap())
                .collect()
        });
        assert_eq!(bodies.len(), runs);
    }
}

#[test]
fn a_reader_who_leaves_does_not_take_the_others_along() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let gate = channel.redis.url();
    let path = reply(&[("cache-control", "max-age=60"), ("gate", &gate)]);
    let in_flight = |count: f64| {
        wait_for("requests in flight", || {
            host.metric("http_requests_in_flight", "") == count
        });
    };
    let leaver = {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(host.address()).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", host.address());
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    in_flight(1.0);
    let stayed = std::thread::scope(|scope| {
        let reader = scope.spawn(|| get(&host, &path, &[]));
        in_flight(2.0);
        drop(leaver);
        // The request of the client that left goes on, for the other.
        host.redis_at(&gate, serde_json::json!([["RPUSH", "gate", "x"]]));
        reader.join().unwrap()
    });
    in_flight(0.0);
    assert_eq!(stayed.status(), 200);
    assert_eq!(get(&host, &path, &[]).body(), stayed.body());
}

#[test]
fn a_large_reply_is_passed_on_whole() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = |bytes: usize| {
        reply(&[
            ("cache-control", "max-age=60"),
            ("bytes", &bytes.to_string()),
        ])
    };
    let (fits, large) = (path(256 * 1024), path(1024 * 1024 + 7));
    let (first, second) = (get(&host, &large, &[]), get(&host, &large, &[]));
    assert_eq!(
        (first.body().len(), second.body().len()),
        (1024 * 1024 + 7, 1024 * 1024 + 7)
    );
    assert_ne!(first.body(), second.body());
    assert_eq!(get(&host, &fits, &[]).body(), get(&host, &fits, &[]).body());
}

#[test]
fn the_store_is_bounded() {
    const BOUND: usize = 1024 * 1024;
    let channel = Channel::start();
    let host = channel.host(&["--cache-bytes", &BOUND.to_string()]);
    for number in 0..64 {
        let number = number.to_string();
        get(
            &host,
            &reply(&[
                ("cache-control", "max-age=60"),
                ("bytes", "65536"),
                ("x", &number),
            ]),
            &[],
        );
    }
    // The gauges are set at each beat.
    wait_for("its bytes", || {
        host.metric("host_cache_bytes", "") > 3.0 * 65536.0
    });
    assert!(host.metric("host_cache_bytes", "") <= BOUND as f64);
    assert!(host.metric("host_cache_entries", "") < 17.0);
}

#[test]
fn a_write_is_told_after_nobody_is_told_what_was_before() {
    let channel = Channel::start();
    let (a, b) = (channel.host(&[]), channel.host(&[]));
    let fresh = |group: &str| reply(&[("cache-control", "max-age=60"), ("cache-groups", group)]);
    let (one, two) = (fresh("\"other\", \"one\""), fresh("\"two\""));
    let write = reply(&[("cache-group-invalidation", "\"one\"")]);
    let bodies = |path: &str| [&a, &b].map(|host| get(host, path, &[]).into_body());
    let mut before = bodies(&one);
    let others = bodies(&two);
    assert_eq!(bodies(&one), before);
    for round in 0..50 {
        let writer = if round % 2 == 0 { &a } else { &b };
        assert_eq!(writer.send("POST", &write, &[]).status(), 200);
        let after = bodies(&one);
        assert!(
            after[0] != before[0] && after[1] != before[1],
            "round {round}"
        );
        assert_eq!(bodies(&one), after, "round {round}");
        before = after;
    }
    assert_eq!(bodies(&two), others);
    // A safe request invalidates nothing; an error invalidates only the groups that it names.
    get(&a, &write, &[]);
    assert_eq!(bodies(&one), before);
    let failing = reply(&[("cache-group-invalidation", "\"one\""), ("status", "500")]);
    assert_eq!(a.send("DELETE", &failing, &[]).status(), 500);
    let after = bodies(&one);
    assert!(after[0] != before[0] && after[1] != before[1]);
}

#[test]
fn a_write_to_a_uri_makes_its_own_reply_stale() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[("cache-control", "max-age=60")]);
    let first = get(&host, &path, &[]).into_body();
    host.send("PUT", &path, &[]);
    assert_ne!(*get(&host, &path, &[]).body(), first);
    let refused = reply(&[("cache-control", "max-age=60"), ("status", "404")]);
    let first = get(&host, &refused, &[]).into_body();
    host.send("PUT", &refused, &[]);
    assert_eq!(*get(&host, &refused, &[]).body(), first);
}

#[test]
fn others_may_publish_too() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[
        ("cache-control", "max-age=60"),
        ("cache-groups", "\"order-1\""),
    ]);
    let publish = |text: &str| {
        let before = host.metric("host_cache_invalidations_total", "");
        let heard = host.redis_at(
            &channel.redis.url(),
            serde_json::json!([["PUBLISH", "http-cache", text]]),
        );
        assert_eq!(heard, ["1"]);
        before
    };
    for (text, goes) in [
        ("stale\norder-2", false),
        ("stale\nx\norder-1", true),
        ("empty", true),
    ] {
        let first = get(&host, &path, &[]).into_body();
        let before = publish(text);
        wait_for("the message", || {
            host.metric("host_cache_invalidations_total", "") > before
        });
        assert_eq!(*get(&host, &path, &[]).body() != first, goes, "{text}");
    }
    let first = get(&host, &path, &[]).into_body();
    publish("what is this?");
    wait_for("what cannot be read to empty the cache", || {
        *get(&host, &path, &[]).body() != first
    });
}

#[test]
fn without_a_channel_nothing_is_told_twice() {
    let path = reply(&[("cache-control", "max-age=60")]);
    let different = |host: &Running| {
        assert_ne!(get(host, &path, &[]).body(), get(host, &path, &[]).body());
    };
    let host = Running::start(&[]);
    different(&host);
    let write = reply(&[
        ("cache-group-invalidation", "\"one\""),
        ("host-cache-control", "max-age=1"),
    ]);
    let started = Instant::now();
    let response = host.send("POST", &write, &[]);
    assert_eq!(header(&response, "host-cache-control"), "");
    assert!(started.elapsed() < Duration::from_millis(900));
    let channel = Channel::start();
    let off = Running::start(&[
        "--cache-channel",
        &channel.redis.url(),
        "--cache-bytes",
        "0",
    ]);
    different(&off);
}

#[test]
fn a_channel_that_goes_takes_the_store_along() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[("cache-control", "max-age=60")]);
    let write = reply(&[("cache-group-invalidation", "\"one\"")]);
    let body = || get(&host, &path, &[]).into_body();
    type Act = fn(&Redis);
    let ways: [(Act, Act); 2] = [
        (
            |redis| redis.process.kill(),
            |redis| redis.process.start().unwrap(),
        ),
        (
            |redis| redis.process.pause(),
            |redis| redis.process.resume(),
        ),
    ];
    for (leave, back) in ways {
        let first = body();
        assert_eq!(body(), first);
        leave(&channel.redis);
        let left = Instant::now();
        wait_for("hits to end", || body() != first);
        assert!(
            left.elapsed() < Duration::from_secs(3),
            "{:?}",
            left.elapsed()
        );
        // The first writer waits until every lease has ended; later ones do not wait.
        let written = || {
            let started = Instant::now();
            assert_eq!(host.send("POST", &write, &[]).status(), 200);
            started.elapsed()
        };
        assert!(written() < Duration::from_millis(2_500));
        wait_for("writes not to wait", || {
            written() < Duration::from_millis(500)
        });
        let second = body();
        assert_ne!(second, body());
        back(&channel.redis);
        up(&host, 1.0);
        wait_for("hits again", || body() == body());
        assert_ne!(body(), first);
    }
}
