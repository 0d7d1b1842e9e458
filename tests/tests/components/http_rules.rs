//! What holds for every route, whichever function answers: the methods of the routes' table, one spelling of a path,
//! one value of a parameter, and one error body in the form that the client asks for.

use crate::create_order::{BODY, inserts, reserved_under};
use crate::host::{Instance, Reply, TRACE_ID, request, send};
use crate::replies::*;
use crate::script::Script;
use contract::api::route::{self, ROUTES, Route};
use http::HeaderValue;
use std::collections::BTreeMap;
use tests::grpc::ROLE_HEADER;

const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
];

/// The function behind each route of the manifest.
fn functions() -> BTreeMap<&'static str, &'static str> {
    let manifest = include_str!("../../../spin.toml");
    let value = |line: &'static str, name: &str| {
        line.strip_prefix(name)?
            .strip_prefix(" = \"")?
            .strip_suffix('"')
    };
    let lines: Vec<&str> = manifest.lines().collect();
    let pairs = lines
        .windows(2)
        .filter_map(|pair| Some((value(pair[0], "route")?, value(pair[1], "component")?)));
    pairs.collect()
}

/// The function that the manifest's routes lead a path of the table to.
pub fn function(path: &str) -> &'static str {
    let functions = functions();
    let template = path.replace('{', ":").replace('}', "");
    let wildcard = path.split('/').nth(1).map(|first| format!("/{first}/..."));
    let found = functions.get(template.as_str());
    found
        .or_else(|| functions.get(wildcard.unwrap_or_default().as_str()))
        .unwrap_or_else(|| panic!("{path} is not routed"))
}

/// Each method to each path: where the table has it, the function goes on; else it is refused with the methods.
#[test]
fn every_method_of_every_route_is_as_in_the_table() {
    for Route { path, .. } in &ROUTES {
        let allow = route::allow(path).unwrap();
        let takes = |method: &str| allow.split(", ").any(|known| known == method);
        let function = function(path);
        let script = Script::default();
        let mut instance = Instance::new(function, &script, &[]);
        // No id, so that no server is asked, whatever the method.
        let sent = path.replace("{id}", "0").replace("{file}", "0");
        for method in METHODS.iter().filter(|method| !takes(method)) {
            let reply = instance
                .send_together(vec![request(method, &sent, "")])
                .remove(0);
            assert_eq!(reply.status, 405, "{method} {path}: {reply:?}");
            assert_eq!(
                reply.header("allow"),
                Some(allow.as_str()),
                "{method} {path}"
            );
            assert!(reply.body["message"].is_string());
        }
        let reply = instance
            .send_together(vec![request("OPTIONS", &sent, "")])
            .remove(0);
        assert_eq!(
            (reply.status, reply.header("allow")),
            (204, Some(allow.as_str())),
            "{path}"
        );
        assert!(script.steps().is_empty(), "{path}: {:?}", script.steps());
    }
}

/// Requests that their functions refuse before they ask a server.
#[test]
fn methods_of_the_table_are_not_refused_as_methods() {
    for Route { method, path, .. } in &ROUTES {
        // These ask servers, whatever is sent, or none.
        let served = [
            "/health",
            "/ready",
            "/v1/dashboard/stats",
            "/openapi.json",
            "/asyncapi.json",
            "/docs",
        ];
        if served.contains(path) {
            continue;
        }
        let sent = path.replace("{id}", "%01").replace("{file}", "0");
        let sent = format!("{sent}?page=0&ids=x&date=x&sku_id=x");
        let body = if *method == "GET" { "" } else { "[]" };
        let methods = match *method {
            "GET" => vec!["GET", "HEAD"],
            method => vec![method],
        };
        for method in methods {
            let reply = send(
                function(path),
                request(method, &sent, body),
                &Script::default(),
            );
            let is_file = path.ends_with("/{file}");
            let refused = [400, 404].contains(&reply.status) && (reply.code() != 10007 || is_file);
            assert!(refused, "{method} {path}: {reply:?}");
        }
    }
}

#[test]
fn other_spellings_of_a_path_are_no_resource() {
    let status = |function, path: &str| {
        let mut request = request("GET", path, "");
        let ops = HeaderValue::from_static("ops");
        request.headers_mut().insert(ROLE_HEADER, ops);
        let reply = send(function, request, &Script::default());
        (reply.status, reply.code())
    };
    for path in [
        "//api/v1/failures",
        "/api//v1/failures",
        "/api/v1/failures/",
        "/api/v1/./failures",
        "/api/v1/x/../failures",
        "/api/v1/%2e/failures",
        "/api/v1%2Ffailures",
        "/api/v1/failures%2F",
        "/API/v1/failures",
    ] {
        assert_eq!(status("order-failures", path), (404, 10007), "{path}");
    }
    for path in [
        "/api/v1/failures/%",
        "/api/v1/failures/%zz",
        "/api/v1/failures/%f",
    ] {
        assert_eq!(status("order-failures", path), (400, 10001), "{path}");
    }
    // Letters may be escaped; the same path.
    assert_eq!(
        status("order-failures", "/%61pi/v1/failures/%78"),
        (404, 50001)
    );
    let reply = send(
        "query-order",
        request("GET", "/v1/order/%6cist?page=0", ""),
        &Script::default(),
    );
    assert_eq!((reply.status, reply.code()), (400, 10001), "{reply:?}");
    // A separator that is escaped is a part of the id.
    let reply = send(
        "query-order",
        request("GET", "/v1/order/a%2Fb", ""),
        &Script::default(),
    );
    assert_eq!((reply.status, reply.code()), (404, 20001));
    assert_eq!(reply.body["message"], "[20001] order a/b does not exist");
}

#[test]
fn a_parameter_has_one_value_in_all_spellings() {
    for (function, path, field) in [
        (
            "query-order",
            "/v1/order/list?page_size=5&pageSize=6",
            "page_size",
        ),
        (
            "query-order",
            "/v1/order/list?user_id=7&userId=8",
            "user_id",
        ),
        (
            "query-order",
            "/v1/order/search?productId=1&product_id=2",
            "product_id",
        ),
        (
            "query-order",
            "/v1/order/search?orderNo=1&order_no=2",
            "order_no",
        ),
        (
            "stats",
            "/api/v1/stats/orders?date=2024-01-01&date=2024-01-02",
            "date",
        ),
        (
            "seckill-activities",
            "/api/v1/seckill/activities?status=open&status=ended",
            "status",
        ),
        (
            "product-catalog",
            "/products/recommend?page=1&page=2",
            "page",
        ),
        (
            "product-catalog",
            "/v1/inventory/1?sku_id=1&skuId=2",
            "sku_id",
        ),
        ("query-order", "/v1/order/list?status=%", "query"),
        // Ignored, these would show everybody's orders.
        ("query-order", "/v1/order/list?userId=", "user_id"),
        ("query-order", "/v1/order/list?userid=5", "userid"),
        ("query-order", "/v1/order/search?user=5", "user"),
        ("create-order", "/orders?uid=5", "uid"),
    ] {
        let script = Script::default();
        let reply = send(function, request("GET", path, ""), &script);
        assert_eq!(reply.status, 400, "{path}: {reply:?}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.contains(&format!("{field} ")), "{path}: {message}");
        assert!(script.steps().is_empty(), "{path}");
    }
    let script = Script::default().expect("order_1 SELECT t_order", nothing());
    let path = "/v1/order/list?userId=7&pageSize=5&page_size=5";
    let reply = send("query-order", request("GET", path, ""), &script);
    assert_eq!(
        (reply.status, &reply.body["page_size"]),
        (200, &5.into()),
        "{reply:?}"
    );
    assert_eq!(script.values("order_1 SELECT t_order")[0], "7");
}

/// The reply to a read of an order that there is not.
fn failed(path: &str, accept: &[&str]) -> Reply {
    let mut request = request("GET", path, "");
    for line in accept {
        let line = HeaderValue::from_str(line).unwrap();
        request.headers_mut().append("accept", line);
    }
    send("query-order", request, &Script::default())
}

#[test]
fn an_error_has_the_form_that_the_client_prefers() {
    for accept in [
        &[][..],
        &["*/*"],
        &["application/problem+json;q=0.5, application/json"],
    ] {
        let reply = failed("/v1/order/x", accept);
        assert_eq!(reply.body["code"], 20001);
        assert_eq!(reply.body["error"], reply.body["message"]);
        assert_eq!(reply.body["trace_id"], TRACE_ID);
        assert_eq!(reply.header("vary"), Some("accept"));
        let reply = failed("/orders/x", accept);
        assert_eq!(reply.body["code"], 404);
        assert!(reply.body["data"].is_null() && reply.body.get("trace_id").is_none());
    }
    for path in ["/v1/order/x", "/orders/x", "/api/v1/orders/x"] {
        let accept = ["application/json;q=0.9", "application/problem+json"];
        let reply = failed(path, &accept);
        let body = serde_json::json!({
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": "order x does not exist",
            "instance": path, "code": 20001, "trace_id": TRACE_ID,
        });
        assert_eq!(reply.body, body);
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json")
        );
    }
}

#[test]
fn a_coded_body_is_refused() {
    for codings in [
        &["gzip"][..],
        &["identity", "gzip"],
        &["identity, gzip"],
        &[""],
        &["identity", "identity"],
    ] {
        for path in ["/v1/order/create", "/orders"] {
            let mut request = request("POST", path, BODY);
            for coding in codings {
                let coding = HeaderValue::from_str(coding).unwrap();
                request.headers_mut().append("content-encoding", coding);
            }
            let reply = send("create-order", request, &Script::default());
            assert_eq!(reply.status, 415, "{codings:?}: {reply:?}");
            assert_eq!(reply.header("accept-encoding"), Some("identity"));
        }
    }
    let mut request = request("POST", "/v1/order/create", BODY);
    let identity = HeaderValue::from_static("Identity");
    request.headers_mut().insert("content-encoding", identity);
    let script = inserts(reserved_under(minted(0, 1))).expect("complete", integer(1));
    assert_eq!(send("create-order", request, &script).status, 200);
}
