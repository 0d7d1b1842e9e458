//! Tests of `headers`.

use super::*;
use crate::target::absolute;
use http::Version;
use http::uri::Scheme;

fn served(route: &str, target: &str, sent: &[(&'static str, &'static str)]) -> HeaderMap {
    let router = Router::build("/", [(route, 0)]).unwrap();
    let routes = RouteHeaders::new("/", &router).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in sent {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    let target: Uri = target.parse().unwrap();
    let uri = absolute(&target, Version::HTTP_11, &headers, &Scheme::HTTP).unwrap();
    let found = router.route(uri.path()).unwrap();
    let client = HeaderValue::from_static("127.0.0.1:8777");
    complete(
        &mut headers,
        &uri,
        &found,
        &routes,
        &client,
        &TraceParent::accept(None),
    );
    headers
}

#[test]
fn the_headers_of_spin() {
    let headers = served(
        "/foo/:userid/...",
        "/foo/42/bar?a=1",
        &[
            ("host", "shop.example"),
            ("connection", "keep-alive"),
            ("spin-path-match-x", "forged"),
        ],
    );
    for (name, want) in [
        ("spin-path-info", "/bar"),
        ("spin-full-url", "http://shop.example/foo/42/bar?a=1"),
        ("spin-matched-route", "/foo/:userid/..."),
        ("spin-base-path", "/"),
        ("spin-raw-component-route", "/foo/:userid/..."),
        ("spin-component-route", "/foo/:userid"),
        ("spin-client-addr", "127.0.0.1:8777"),
        ("spin-path-match-userid", "42"),
    ] {
        assert_eq!(headers[name], want, "{name}");
    }
    assert!(headers.get("connection").is_none());
    assert!(headers.get("spin-path-match-x").is_none());
    assert!(headers.contains_key("traceparent"));
}
