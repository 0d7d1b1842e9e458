//! What `create-order` refuses before it asks any server.

use crate::create_order::{BODY, create_body};
use crate::host::{TRACE_ID, request, send};
use crate::script::Script;

#[test]
fn bad_requests_reach_no_server() {
    let line = r#"{"product_id":1,"quantity":1}"#;
    let items = |items: &str| format!(r#"{{"user_id":7,"items":[{items}]}}"#);
    for (body, field) in [
        (String::new(), "body"),
        ("{".to_owned(), "body"),
        ("[]".to_owned(), ""),
        (items(""), "items"),
        (items(&[line; 101].join(",")), "items"),
        (items(&format!("{line},{line}")), "items[1]"),
        (
            items(r#"{"product_id":1,"quantity":0}"#),
            "items[0].quantity",
        ),
        (
            items(r#"{"product_id":1,"quantity":-5}"#),
            "items[0].quantity",
        ),
        (
            items(r#"{"product_id":1,"quantity":2147483648}"#),
            "items[0].quantity",
        ),
        (
            items(r#"{"product_id":1,"quantity":1.5}"#),
            "items[0].quantity",
        ),
        (items(r#"{"product_id":1}"#), "items[0].quantity"),
        (items(r#"{"quantity":1}"#), "items[0].product_id"),
        (
            items(r#"{"product_id":0,"quantity":1}"#),
            "items[0].product_id",
        ),
        (
            items(r#"{"product_id":1,"quantity":1,"price":-1}"#),
            "items[0].price",
        ),
        (
            items(r#"{"product_id":1,"quantity":1,"price":1.005}"#),
            "items[0].price",
        ),
        (
            items(r#"{"product_id":1,"quantity":1,"price":100000000}"#),
            "items[0].price",
        ),
        (
            items(r#"{"product_id":1,"quantity":2,"price":99999999.99}"#),
            "items[0].quantity",
        ),
        (items(r#"["1",1,0,null,null,19.90]"#), "items[0]"),
        (
            items(r#"{"product_id":1.5,"quantity":1}"#),
            "items[0].product_id",
        ),
        (format!(r#"{{"user_id":"","items":[{line}]}}"#), "user_id"),
        (format!(r#"{{"user_id":0,"items":[{line}]}}"#), "user_id"),
    ] {
        let script = Script::default();
        let reply = create_body(&body, &script);
        assert_eq!(
            (reply.status, reply.code()),
            (400, 10001),
            "{body}: {reply:?}"
        );
        let message = reply.body["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("[10001] {field}")),
            "{body}: {message}"
        );
        assert_eq!(reply.body["error"], reply.body["message"]);
        assert_eq!(reply.body["trace_id"], TRACE_ID);
        assert!(script.steps().is_empty());
    }
}

#[test]
fn what_is_no_json_or_too_much_is_refused_unread() {
    let script = Script::default();
    let long = format!(r#"{{"user_id":7,"remark":"{}"}}"#, "x".repeat(64 * 1024));
    let reply = create_body(&long, &script);
    assert_eq!((reply.status, reply.code()), (413, 10001));

    let mut declared = request("POST", "/v1/order/create", "");
    declared
        .headers_mut()
        .insert("content-length", http::HeaderValue::from_static("65537"));
    assert_eq!(send("create-order", declared, &script).status, 413);

    let mut form = request("POST", "/v1/order/create", BODY);
    form.headers_mut()
        .insert("content-type", http::HeaderValue::from_static("text/plain"));
    let reply = send("create-order", form, &script);
    assert_eq!((reply.status, reply.code()), (415, 10001));

    let reply = send(
        "create-order",
        request("PUT", "/v1/order/create", BODY),
        &script,
    );
    assert_eq!(reply.status, 405);
    assert!(script.steps().is_empty());
}
