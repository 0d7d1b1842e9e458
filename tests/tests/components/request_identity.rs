//! Who sends a request, and whether it is a repeat: every form of a key and of a user has one meaning or is refused,
//! and none is ignored.

use crate::create_order::{BODY, inserts, reserved_under};
use crate::host::{Instance, Reply, request, send};
use crate::replies::*;
use crate::script::Script;
use http::HeaderValue;

/// First 16 bytes of SHA-256 over the key's length in 8 bytes and the key, computed with another program.
const HASHES: [(&str, &str); 3] = [
    ("k-1", "d0d9dac71e8bb2289f3effc49b2c9ea2"),
    (r#"a b\"c"#, "3659ac27d9c0c0fcdd3effdf86215efc"),
    ("中", "80b95cea5610b0372dd018f2f33c7b7b"),
];

fn hash(key: &str) -> &'static str {
    let (_, hash) = HASHES.iter().find(|(text, _)| *text == key).unwrap();
    hash
}

/// Header lines, the key in the body, and the key that results.
type Case<'a> = (&'a [&'a [u8]], Option<&'a str>, &'a str);

/// A create with these lines of `Idempotency-Key` and this key in its body.
fn create(lines: &[&[u8]], in_body: Option<&str>, script: &Script) -> Reply {
    let mut body: serde_json::Value = serde_json::from_str(BODY).unwrap();
    if let Some(key) = in_body {
        body["idempotency_key"] = key.into();
    }
    let mut request = request("POST", "/v1/order/create", body.to_string());
    for line in lines {
        let value = HeaderValue::from_bytes(line).unwrap();
        request.headers_mut().append("idempotency-key", value);
    }
    send("create-order", request, script)
}

fn placed() -> Script {
    inserts(reserved_under(minted(0, 1))).expect("complete", integer(1))
}

#[test]
fn a_key_is_the_same_key_in_every_form() {
    let long = "k".repeat(255);
    let quoted_long = format!("\"{long}\"");
    let wide = "é".repeat(255);
    let mut of_long = Vec::new();
    let forms: [Case; 12] = [
        (&[b"k-1"], None, "k-1"),
        (&[b"\"k-1\""], None, "k-1"),
        (&[b" \t\"k-1\" "], None, "k-1"),
        (&[], Some("k-1"), "k-1"),
        (&[b"k-1"], Some("k-1"), "k-1"),
        (&[b"\"k-1\""], Some("k-1"), "k-1"),
        (&[br#"a b\"c"#], None, r#"a b\"c"#),
        (&[br#""a b\\\"c""#], None, r#"a b\"c"#),
        (&[], Some(r#"a b\"c"#), r#"a b\"c"#),
        (&["中".as_bytes()], Some("中"), "中"),
        (&[long.as_bytes()], None, "long"),
        (&[quoted_long.as_bytes()], None, "long"),
    ];
    for (lines, in_body, key) in forms {
        let script = placed();
        let reply = create(lines, in_body, &script);
        assert_eq!(reply.status, 200, "{lines:?} {in_body:?}: {reply:?}");
        let name = script.values("admit")[2].clone();
        let kept = script.values("order_1 INSERT t_order")[10].clone();
        assert_eq!(name, format!("{{u7}}:order:create:7:{kept}"));
        match key {
            "long" => of_long.push(kept),
            key => assert_eq!(kept, hash(key), "{lines:?} {in_body:?}"),
        }
    }
    assert_eq!(of_long[0], of_long[1]);
    // The limit counts characters, not bytes.
    let script = placed();
    assert_eq!(create(&[wide.as_bytes()], None, &script).status, 200);
}

#[test]
fn a_key_that_is_not_understood_is_refused() {
    let long = "k".repeat(256);
    let cases: [Case; 20] = [
        (&[b"\xff"], None, "Idempotency-Key is no UTF-8"),
        (&[b"k\xc3"], Some("k"), "Idempotency-Key is no UTF-8"),
        (&[b""], None, "Idempotency-Key must have 1 to 255"),
        (&[b" \t"], None, "Idempotency-Key must have 1 to 255"),
        (&[b"\"\""], None, "Idempotency-Key must have 1 to 255"),
        (
            &[long.as_bytes()],
            None,
            "Idempotency-Key must have 1 to 255",
        ),
        (&[b"k\tk"], None, "Idempotency-Key must have 1 to 255"),
        (
            &["k\u{85}".as_bytes()],
            None,
            "Idempotency-Key must have 1 to 255",
        ),
        (
            &[b"a", b"b"],
            None,
            "Idempotency-Key stands on several lines",
        ),
        (
            &[b"a", b"a"],
            None,
            "Idempotency-Key stands on several lines",
        ),
        (
            &[b"a", b""],
            None,
            "Idempotency-Key stands on several lines",
        ),
        (
            &[b"a", b"\xff"],
            None,
            "Idempotency-Key stands on several lines",
        ),
        (&[b"a, a"], None, "Idempotency-Key has a comma"),
        (
            &[b"\"a\", \"a\""],
            None,
            "Idempotency-Key begins with a quote",
        ),
        (&[b"\"a"], None, "Idempotency-Key begins with a quote"),
        (&[b"\"a\";x=1"], None, "Idempotency-Key begins with a quote"),
        (&[br#""a\b""#], None, "Idempotency-Key begins with a quote"),
        (
            &["\"中\"".as_bytes()],
            None,
            "Idempotency-Key begins with a quote",
        ),
        (&[b"a"], Some("b"), "idempotency_key is another key"),
        (&[], Some(""), "idempotency_key must have 1 to 255"),
    ];
    for (lines, in_body, message) in cases {
        let script = Script::default();
        let reply = create(lines, in_body, &script);
        let shown = reply.body["message"].as_str().unwrap_or_default();
        assert_eq!(
            (reply.status, reply.code()),
            (400, 10001),
            "{lines:?}: {reply:?}"
        );
        let starts = shown.starts_with(&format!("[10001] {message}"));
        assert!(starts, "{lines:?} {in_body:?}: {shown}");
        assert!(script.steps().is_empty(), "{lines:?}");
    }
}

#[test]
fn a_key_stands_in_one_field_of_the_body() {
    let two = BODY.replacen('{', r#"{"idempotency_key":"a","IdempotencyToken":"b","#, 1);
    let reply = send(
        "create-order",
        request("POST", "/v1/order/create", two),
        &Script::default(),
    );
    assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
}

#[test]
fn a_content_type_that_cannot_be_read_is_none_that_fits() {
    let types: [&[&[u8]]; 2] = [&[b"\xff"], &[b"application/json", b"text/plain"]];
    for lines in types {
        let mut request = request("POST", "/v1/order/create", BODY);
        request.headers_mut().remove("content-type");
        for line in lines {
            let value = HeaderValue::from_bytes(line).unwrap();
            request.headers_mut().append("content-type", value);
        }
        let reply = send("create-order", request, &Script::default());
        assert_eq!(reply.status, 415, "{lines:?}: {reply:?}");
    }
}

#[test]
fn a_user_is_one_user_wherever_it_is_named() {
    let id = minted(100, 1);
    let (create, cancel) = ("/v1/order/create", format!("/v1/order/{id}/cancel"));
    let (pay, get) = (format!("/v1/order/{id}/pay"), format!("/v1/order/{id}"));
    let of_user = r#"{"user_id":7}"#;
    for (function, method, path, body) in [
        ("create-order", "POST", format!("{create}?user_id=8"), BODY),
        (
            "create-order",
            "POST",
            format!("{create}?user_id=%ff"),
            BODY,
        ),
        ("create-order", "POST", format!("{create}?user_id="), BODY),
        (
            "cancel-order",
            "POST",
            format!("{cancel}?user_id=8"),
            of_user,
        ),
        (
            "cancel-order",
            "POST",
            format!("{cancel}?user_id=7&user_id=8"),
            "",
        ),
        (
            "pay-order",
            "POST",
            format!("{pay}?user_id=8"),
            r#"{"user_id":7,"payment_id":"p"}"#,
        ),
        (
            "query-order",
            "GET",
            format!("{get}?user_id=7&user_id=8"),
            "",
        ),
        ("query-order", "GET", format!("{get}?user_id="), ""),
        ("query-order", "GET", format!("{get}?user_id=%fe"), ""),
        (
            "query-order",
            "GET",
            "/api/v1/users/7/orders?user_id=8".to_owned(),
            "",
        ),
        (
            "query-order",
            "GET",
            "/api/v1/users/%fe/orders".to_owned(),
            "",
        ),
        (
            "query-order",
            "GET",
            "/v1/order/list?user_id=".to_owned(),
            "",
        ),
        (
            "query-order",
            "GET",
            "/v1/order/list?user_id=7&user_id=8".to_owned(),
            "",
        ),
        (
            "query-order",
            "GET",
            "/v1/order/search?user_id=7&user_id=8".to_owned(),
            "",
        ),
        (
            "create-order",
            "GET",
            "/orders?user_id=7&user_id=8".to_owned(),
            "",
        ),
    ] {
        let script = Script::default();
        let reply = send(function, request(method, &path, body), &script);
        assert_eq!(reply.status, 400, "{method} {path}: {reply:?}");
        assert!(script.steps().is_empty(), "{path}");
    }
    // The same user in two spellings: the body's spelling is kept.
    let script = placed();
    let path = format!("{create}?user_id=7&user_id=user_7");
    let reply = send("create-order", request("POST", &path, BODY), &script);
    assert_eq!(reply.body["order"]["user_id"], "user_7", "{reply:?}");
}

/// Filtered by one of two values, a list would show rows that do not match the other.
#[test]
fn a_filter_has_one_value() {
    let id = minted(100, 1);
    for (function, path) in [
        (
            "query-order",
            "/v1/order/list?status=paid&status=pending".to_owned(),
        ),
        (
            "query-order",
            "/api/v1/users/7/orders?page=1&page=2".to_owned(),
        ),
        (
            "query-order",
            "/v1/order/search?product_id=1&product_id=2".to_owned(),
        ),
        (
            "query-order",
            format!("/v1/order/search?id={id}&order_no=7202123782"),
        ),
        ("query-order", "/v1/order/search?from=1&from=2".to_owned()),
        ("create-order", "/orders?status=&status=paid".to_owned()),
        (
            "create-order",
            "/api/v1/orders?pageSize=1&pageSize=2".to_owned(),
        ),
        (
            "order-failures",
            "/api/v1/failures?status=failed&status=success".to_owned(),
        ),
        (
            "product-catalog",
            "/api/v1/products?status=all&status=on_sale".to_owned(),
        ),
        ("product-catalog", "/products?search=a&search=b".to_owned()),
    ] {
        let script = Script::default();
        let reply = send(function, request("GET", &path, ""), &script);
        assert_eq!(reply.status, 400, "{path}: {reply:?}");
        assert!(script.steps().is_empty(), "{path}");
    }
    // The same value twice counts as one.
    let script = Script::default().expect("order_1 SELECT t_order", nothing());
    let path = "/v1/order/list?user_id=7&status=paid&status=paid";
    assert_eq!(
        send("query-order", request("GET", path, ""), &script).status,
        200
    );
}

/// A body that is not there has no type, whatever is said of it; a form is none on `/v1`, and a patch has a type of its
/// own.
#[test]
fn only_a_body_has_a_type() {
    let sent = |method: &str, path: &str, body: &str, media: &str| {
        let mut request = request(method, path, body);
        let headers = request.headers_mut();
        headers.insert("content-type", media.parse().unwrap());
        headers.insert("content-length", body.len().into());
        let function = match path {
            "/v1/order/77/cancel" => "cancel-order",
            "/v1/order/77/pay" => "pay-order",
            _ => "product-catalog",
        };
        let script = Script::default()
            .always("DEL", redis_away())
            .always("SELECT", mysql_away());
        let mut instance = Instance::new(function, &script, &[]);
        instance.send_together(vec![request]).remove(0).status
    };
    let form = "application/x-www-form-urlencoded";
    for media in [form, "text/plain", "application/json", "x"] {
        for path in ["/v1/order/77/cancel", "/v1/order/77/pay"] {
            assert_eq!(sent("POST", path, "", media), 503, "{path} {media}");
        }
    }
    assert_eq!(sent("POST", "/v1/order/77/cancel", "{}", form), 415);
    let (product, body) = ("/api/v1/products/1", r#"{"price":2}"#);
    for (media, status) in [
        ("application/json", 503),
        ("application/merge-patch+json", 503),
        ("application/json-patch+json", 415),
        ("application/problem+json", 415),
    ] {
        assert_eq!(sent("PATCH", product, body, media), status, "{media}");
    }
    let merge = "application/merge-patch+json";
    assert_eq!(sent("POST", "/api/v1/products", body, merge), 415);
}

/// Where a repeat makes another thing, a key would promise what is not kept.
#[test]
fn a_key_that_is_not_kept_is_refused() {
    for (function, path) in [
        ("product-catalog", "/api/v1/products"),
        ("seckill-activities", "/api/v1/seckill/activities"),
    ] {
        let mut request = request("POST", path, r#"{"name":"Tea","price":1,"stock":1}"#);
        let key = HeaderValue::from_static("k-1");
        request.headers_mut().insert("idempotency-key", key);
        let reply = send(function, request, &Script::default());
        assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.contains("Idempotency-Key is not taken here"),
            "{message}"
        );
    }
}
