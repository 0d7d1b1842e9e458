//! The host's own answers: in the form that the path and the client ask for, readable by the pages that may read the
//! application's, and with a time to try again where that helps. And what the cache keeps is right for every page.

use crate::cache::{Channel, get, reply};
use crate::harness::Running;
use serde_json::Value;
use std::collections::HashSet;
use ureq::http::Response;

const SHOP: &str = "https://shop.example";
const LISTED: &[&str] = &[
    "--variable",
    "cors_origins=https://shop.example,http://localhost:5173",
];

fn header<'a>(response: &'a Response<String>, name: &str) -> Option<&'a str> {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
}

fn body(response: &Response<String>) -> Value {
    serde_json::from_str(response.body()).unwrap_or_else(|error| panic!("{error}: {response:?}"))
}

#[test]
fn the_path_and_the_client_choose_the_form() {
    let host = Running::start(&[]);
    let asked = |path: &str, accept: &str| host.send("GET", path, &[("accept", accept)]);
    for accept in [
        "*/*",
        "application/json",
        "application/problem+json;q=0.1, */*",
    ] {
        let response = asked("/trap", accept);
        assert_eq!(response.status(), 500);
        assert_eq!(header(&response, "content-type"), Some("application/json"));
        assert_eq!(body(&response)["message"], "[10003] internal error");
        for path in ["/orders//1", "/orders/trap"] {
            let response = asked(path, accept);
            let body = body(&response);
            assert_eq!(body["code"], response.status().as_u16(), "{body}");
            assert!(body["message"].is_string() && body["data"].is_null());
            assert_eq!(body.as_object().unwrap().len(), 3, "{body}");
        }
    }
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let context = format!("00-{trace}-00f067aa0ba902b7-01");
    for (path, status, code) in [
        ("/trap", 500, 10003),
        ("/orders/trap", 500, 10003),
        ("//", 404, 10007),
    ] {
        let headers = [
            ("accept", "application/problem+json"),
            ("traceparent", &*context),
        ];
        let response = host.send("GET", path, &headers);
        assert_eq!(
            header(&response, "content-type"),
            Some("application/problem+json")
        );
        let body = body(&response);
        assert_eq!(
            (&body["status"], &body["code"]),
            (&status.into(), &code.into()),
            "{body}"
        );
        assert_eq!(
            (&body["instance"], &body["trace_id"]),
            (&path.into(), &trace.into()),
            "{body}"
        );
        assert_eq!(
            (&body["type"], header(&response, "vary")),
            (&"about:blank".into(), Some("accept"))
        );
    }
}

#[test]
fn a_time_to_try_again_where_that_helps() {
    let host = Running::start(&["--request-timeout", "300ms"]);
    let late = host.send("GET", "/wait", &[]);
    assert_eq!(
        (late.status().as_u16(), header(&late, "retry-after")),
        (504, Some("1"))
    );
    let none = host.send("GET", "//", &[]);
    assert_eq!(
        (none.status().as_u16(), header(&none, "retry-after")),
        (404, None)
    );
}

#[test]
fn pages_read_what_they_may_read_of_the_application() {
    for (flags, origin, allowed, vary) in [
        (&[][..], Some(SHOP), Some("*"), "accept"),
        (&[], None, Some("*"), "accept"),
        (LISTED, Some(SHOP), Some(SHOP), "accept, origin"),
        (LISTED, Some("http://evil.example"), None, "accept, origin"),
        (LISTED, None, None, "accept, origin"),
        (&["--variable", "cors_origins="], Some(SHOP), None, "accept"),
    ] {
        let host = Running::start(flags);
        let headers: Vec<_> = origin.iter().map(|origin| ("origin", *origin)).collect();
        for path in ["/trap", "//"] {
            let response = host.send("GET", path, &headers);
            let lines = response.headers().get_all("vary").iter();
            let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
            assert_eq!(lines.join(", "), vary, "{origin:?} {path}");
            assert_eq!(
                header(&response, "access-control-allow-origin"),
                allowed,
                "{origin:?}"
            );
            let exposed = header(&response, "access-control-expose-headers");
            assert_eq!(exposed.is_some(), allowed.is_some());
            assert!(exposed.is_none_or(|names| names.contains("retry-after")));
        }
    }
}

/// A stored reply is shared as far as it is right for all, and origins that a client invents add no copies.
#[test]
fn a_stored_reply_is_right_for_every_page() {
    let channel = Channel::start();
    let host = channel.host(LISTED);
    let path = reply(&[("host-cache-control", "max-age=60"), ("vary", "origin")]);
    let mut served = HashSet::new();
    for _ in 0..3 {
        for origin in [
            SHOP,
            "http://localhost:5173",
            "http://evil.example",
            "null",
            "http://a",
            "http://b",
        ] {
            served.insert(get(&host, &path, &[("origin", origin)]).into_body());
        }
        served.insert(get(&host, &path, &[]).into_body());
    }
    assert_eq!(
        served.len(),
        3,
        "one for each listed origin, and one for all others"
    );
}

/// What is stored for a HEAD is served to a GET, and the other way round; and one spelling of a path is the other.
#[test]
fn a_head_and_another_spelling_are_the_same_entry() {
    let channel = Channel::start();
    let host = channel.host(&[]);
    let path = reply(&[("host-cache-control", "max-age=60"), ("x-own", "1")]);
    let head = host.send("HEAD", &path, &[]);
    assert_eq!((head.status().as_u16(), head.body().as_str()), (200, ""));
    let first = get(&host, &path, &[]);
    assert_eq!(
        header(&first, "age"),
        Some("0"),
        "the HEAD was a miss that was stored"
    );
    for name in ["content-length", "etag", "x-own"] {
        assert_eq!(header(&head, name), header(&first, name), "{name}");
        assert!(header(&first, name).is_some(), "{name}");
    }
    let again = host.send("HEAD", &path, &[]);
    assert_eq!(header(&again, "content-length"), Some("16"));
    let tag = header(&first, "etag").unwrap();
    assert_eq!(
        host.send("HEAD", &path, &[("if-none-match", tag)]).status(),
        304
    );
    let escaped = path.replacen("/reply", "/%72eply", 1);
    assert_eq!(get(&host, &escaped, &[]).body(), first.body());
}
