//! Requests of web pages: preflights, what replies let a page read, and which pages may change something.

use crate::create_order::{BODY, inserts, reserved_under};
use crate::host::{Reply, request, send_with};
use crate::replies::*;
use crate::script::Script;
use contract::api::route::{self, ROUTES, Route};
use http::HeaderValue;

const SHOP: &str = "https://shop.example";
const LISTED: &str = "https://shop.example, http://localhost:5173";

/// A request with further headers; `origins` is the variable.
fn ask(
    function: &str,
    (method, path, body): (&str, &str, &str),
    headers: &[(&'static str, &str)],
    origins: &'static str,
    script: &Script,
) -> Reply {
    let mut request = request(method, path, body);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        match value.is_empty() {
            true => request.headers_mut().remove(*name).map(|_| ()),
            false => request.headers_mut().insert(*name, value).map(|_| ()),
        };
    }
    send_with(function, request, script, &[("cors_origins", origins)])
}

fn preflight(origin: &str, origins: &'static str) -> Reply {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        (
            "access-control-request-headers",
            "content-type,idempotency-key",
        ),
    ];
    ask(
        "create-order",
        ("OPTIONS", "/orders", ""),
        &headers,
        origins,
        &Script::default(),
    )
}

#[test]
fn a_preflight_says_what_a_page_may_send() {
    let methods = route::allow("/orders").unwrap();
    for (origin, origins, allowed) in [
        (SHOP, "*", Some("*")),
        ("null", "*", Some("*")),
        (SHOP, LISTED, Some(SHOP)),
        (
            "http://localhost:5173",
            LISTED,
            Some("http://localhost:5173"),
        ),
        ("http://shop.example", LISTED, None),
        ("https://shop.example:8443", LISTED, None),
        ("null", LISTED, None),
        (SHOP, "", None),
    ] {
        let reply = preflight(origin, origins);
        assert_eq!(reply.status, 204, "{origin} {origins}: {reply:?}");
        assert_eq!(
            reply.header("access-control-allow-origin"),
            allowed,
            "{origin} {origins}"
        );
        let named = allowed.map(|_| methods.as_str());
        assert_eq!(reply.header("access-control-allow-methods"), named);
        assert_eq!(
            reply.header("access-control-max-age"),
            allowed.map(|_| "3600")
        );
        let headers = reply
            .header("access-control-allow-headers")
            .unwrap_or_default();
        for name in [
            "content-type",
            "authorization",
            "idempotency-key",
            "prefer",
            "if-none-match",
        ] {
            assert_eq!(headers.contains(name), allowed.is_some(), "{name}");
        }
        let vary = reply.header("vary").unwrap();
        assert!(
            vary.starts_with("origin, access-control-request-method"),
            "{vary}"
        );
    }
    let unknown = ask(
        "query-order",
        ("OPTIONS", "/v1/order", ""),
        &[("origin", SHOP)],
        "*",
        &Script::default(),
    );
    assert_eq!(
        (
            unknown.status,
            unknown.header("access-control-allow-origin")
        ),
        (404, Some("*"))
    );
}

#[test]
fn a_page_may_read_replies_and_errors_of_every_route() {
    let read = |origins, origin: &str| {
        let script = Script::default().expect("order_1 SELECT t_order", nothing());
        let list = ("GET", "/v1/order/list?user_id=7", "");
        let good = ask("query-order", list, &[("origin", origin)], origins, &script);
        assert_eq!(good.status, 200, "{good:?}");
        let bad = ("GET", "/v1/order/x", "");
        let bad = ask(
            "query-order",
            bad,
            &[("origin", origin)],
            origins,
            &Script::default(),
        );
        [good, bad]
    };
    // Where all may read, every reply says so: a stored one is right for everybody.
    for reply in read("*", SHOP).into_iter().chain(read("*", "")) {
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in ["location", "retry-after", "etag", "idempotent-replayed"] {
            assert!(exposed.contains(name), "{name}");
        }
    }
    for (origin, allowed) in [
        (SHOP, Some(SHOP)),
        ("http://evil.example", None),
        ("", None),
    ] {
        for reply in read(LISTED, origin) {
            assert_eq!(
                reply.header("access-control-allow-origin"),
                allowed,
                "{origin}"
            );
            assert!(
                reply.header("vary").unwrap().ends_with("origin"),
                "{reply:?}"
            );
        }
    }
    for reply in read("", SHOP) {
        assert_eq!(reply.header("access-control-allow-origin"), None);
        assert_ne!(reply.header("vary"), Some("origin"));
    }
}

#[test]
fn a_page_of_another_origin_changes_nothing() {
    for Route { method, path, .. } in ROUTES.iter().filter(|route| route.method != "GET") {
        let function = crate::http_rules::function(path);
        for (origin, origins) in [
            ("http://evil.example", LISTED),
            ("null", LISTED),
            (SHOP, ""),
        ] {
            let path = path.replace("{id}", "7202123782");
            let script = Script::default();
            let reply = ask(
                function,
                (method, &path, "{}"),
                &[("origin", origin)],
                origins,
                &script,
            );
            assert_eq!(reply.status, 403, "{method} {path}: {reply:?}");
            assert!(
                path.starts_with("/orders") || reply.code() == 10006,
                "{reply:?}"
            );
            assert!(script.steps().is_empty());
        }
    }
    // The server's own page, a page of the list, and a program.
    for (origin, origins) in [
        ("http://127.0.0.1", ""),
        (SHOP, LISTED),
        ("", LISTED),
        ("http://evil.example", "*"),
    ] {
        let script = inserts(reserved_under(minted(0, 1))).expect("complete", integer(1));
        let create = ("POST", "/v1/order/create", BODY);
        let reply = ask(
            "create-order",
            create,
            &[("origin", origin)],
            origins,
            &script,
        );
        assert_eq!(reply.status, 200, "{origin}: {reply:?}");
    }
}

/// A form or a script may send these types to any server without a preflight.
#[test]
fn a_page_labels_its_json() {
    for content_type in ["", "text/html", "application/x-www-form-urlencoded"] {
        let headers = [("content-type", content_type), ("origin", SHOP)];
        let create = ("POST", "/orders", BODY);
        let script = Script::default();
        let reply = ask("create-order", create, &headers, "*", &script);
        assert_eq!(reply.status, 415, "{content_type}: {reply:?}");
        assert!(script.steps().is_empty());
        let script = inserts(reserved_under(minted(0, 1))).expect("complete", integer(1));
        let reply = ask("create-order", create, &headers[..1], "*", &script);
        assert_eq!(reply.status, 200, "{content_type}: {reply:?}");
    }
}

#[test]
fn a_wrong_list_admits_nobody_and_is_reported() {
    let create = ("POST", "/v1/order/create", BODY);
    let wrong = "shop.example";
    let reply = ask(
        "create-order",
        create,
        &[("origin", SHOP)],
        wrong,
        &Script::default(),
    );
    assert_eq!(reply.status, 403, "{reply:?}");
    let reply = ask("create-order", create, &[], wrong, &Script::default());
    assert_eq!(reply.status, 500, "{reply:?}");
    assert!(reply.log.contains("variable cors_origins"), "{}", reply.log);
}
