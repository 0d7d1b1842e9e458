//! gRPC components: the same calls to the servers as their HTTP routes make, and statuses in trailers whatever is wrong
//! with a call.

use crate::create_order::{inserts, reserved_under};
use crate::host::{Instance, TRACE_ID, request, send};
use crate::replies::*;
use crate::script::{Answer, Script};
use bytes::Bytes;
use domain::Status;
use domain::limits::BODY_BYTES_MAX;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message;
use proto::grpc::health::v1 as health;
use proto::order::v1 as pb;

/// How a call was answered.
#[derive(Debug)]
struct Called {
    headers: HeaderMap,
    trailers: HeaderMap,
    body: Bytes,
}

impl Called {
    fn told<'a>(&self, of: &'a HeaderMap, name: &str) -> &'a str {
        let value = of.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }

    /// `grpc-status` and the contract's code.
    fn status(&self) -> (&str, &str) {
        let trailers = &self.trailers;
        (
            self.told(trailers, "grpc-status"),
            self.told(trailers, "x-error-code"),
        )
    }

    fn message<T: Message + Default>(&self) -> T {
        assert_eq!(self.status(), ("0", ""), "{self:?}");
        T::decode(&self.body[5..]).unwrap()
    }
}

fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0], &length[..], message].concat()
}

fn call_raw(
    function: &str,
    method: &str,
    body: Vec<u8>,
    metadata: &[(&'static str, &'static str)],
    script: &Script,
) -> Called {
    let mut request = request("POST", &format!("/{method}"), body);
    let grpc = [("content-type", "application/grpc")];
    for (name, value) in grpc.iter().chain(metadata) {
        let name = HeaderName::from_static(name);
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    let (head, body) = Instance::new(function, script, &[]).exchange(request);
    script.check();
    assert_eq!(head.status, 200, "{head:?}");
    assert_eq!(head.headers["content-type"], "application/grpc");
    Called {
        headers: head.headers,
        trailers: body.trailers().cloned().unwrap_or_default(),
        body: body.to_bytes(),
    }
}

fn call(
    method: &str,
    message: &impl Message,
    metadata: &[(&'static str, &'static str)],
    script: &Script,
) -> Called {
    let method = format!("order.v1.OrderService/{method}");
    let body = framed(&message.encode_to_vec());
    call_raw("order-grpc", &method, body, metadata, script)
}

const KEY: [(&str, &str); 1] = [("idempotency-key", "k-1")];

fn wanted() -> pb::CreateOrderRequest {
    let line = pb::OrderItem {
        product_id: 1,
        quantity: 2,
        price: 99.99,
        ..pb::OrderItem::default()
    };
    pb::CreateOrderRequest {
        user_id: 7,
        items: vec![line],
        ..pb::CreateOrderRequest::default()
    }
}

#[test]
fn an_order_is_placed_by_the_steps_of_http() {
    let id = minted(0, 1);
    let script = inserts(reserved_under(id)).expect("complete {u7}", integer(1));
    let called = call("CreateOrder", &wanted(), &KEY, &script);
    let made: pb::CreateOrderResponse = called.message();
    assert_eq!(made.order_id, i64::try_from(id.get()).unwrap());
    assert_eq!((made.order_no, made.actual_amount), (id.order_no(), 199.98));
    assert_eq!(made.status, "pending");
    let stale = called.told(&called.headers, "cache-group-invalidation");
    assert_eq!(stale, r#""user-7", "orders""#);
    let over_grpc = (script.steps(), script.values("admit"));
    let event: serde_json::Value =
        serde_json::from_str(&script.values("order_1 INSERT t_local_message")[4]).unwrap();
    assert_eq!(event["trace_id"], TRACE_ID);

    // The same key and payload over HTTP are the same admission.
    let script = inserts(reserved_under(id)).expect("complete {u7}", integer(1));
    let body = r#"{"user_id":7,"items":[{"product_id":1,"quantity":2,"price":99.99}]}"#;
    let mut over_http = request("POST", "/v1/order/create", body);
    over_http
        .headers_mut()
        .insert("idempotency-key", HeaderValue::from_static("k-1"));
    assert_eq!(send("create-order", over_http, &script).status, 200);
    assert_eq!(over_grpc, (script.steps(), script.values("admit")));
}

#[test]
fn a_repeat_gets_the_first_response() {
    let id = minted(60_000, 9);
    let first = contract::api::order::OrderView::from(&order(id, Status::Pending, 1));
    let stored = first.json().unwrap();
    let script = Script::default().expect("admit", held("completed", id, true, &stored));
    let called = call("CreateOrder", &wanted(), &KEY, &script);
    let made: pb::CreateOrderResponse = called.message();
    assert_eq!(made.order_no, id.order_no());
    assert_eq!(called.told(&called.headers, "idempotent-replayed"), "true");
}

#[test]
fn an_error_has_its_code_and_field() {
    let script = Script::default();
    let none = pb::CreateOrderRequest {
        items: Vec::new(),
        ..wanted()
    };
    let called = call("CreateOrder", &none, &[], &script);
    assert_eq!(called.status(), ("3", "10001"));
    assert!(called.body.is_empty() && !called.headers.contains_key("grpc-status"));
    let shown = called.told(&called.trailers, "grpc-message");
    assert!(shown.starts_with("[10001]"), "{shown}");
    assert!(
        called.trailers.contains_key("grpc-status-details-bin"),
        "{called:?}"
    );

    let id = minted(0, 1);
    let script = Script::default()
        .expect("admit", admitted(id))
        .expect("reserve", refused(&["short", "0"]))
        .expect("release", integer(0))
        .expect("order_1 SELECT", nothing())
        .expect("free", integer(1));
    let called = call("CreateOrder", &wanted(), &KEY, &script);
    assert_eq!(called.status(), ("9", "30001"), "{called:?}");
}

#[test]
fn another_users_order_is_unknown() {
    let id = minted(5_000, 1);
    let order_id = i64::try_from(id.get()).unwrap();
    let asked = |user_id| pb::GetOrderDetailRequest { user_id, order_id };
    // Another gene: known without asking anybody.
    let called = call("GetOrderDetail", &asked(8), &[], &Script::default());
    assert_eq!(called.status(), ("5", "20001"));
    // The same gene.
    let mine = order(id, Status::Paid, 2);
    let cached = contract::store::cached_order::CachedOrder::render(&mine).unwrap();
    let of_cache = || Script::default().expect("GET {u7}", Answer::Redis(vec![text(&cached)]));
    let called = call("GetOrderDetail", &asked(7 + 1024), &[], &of_cache());
    assert_eq!(called.status(), ("5", "20001"));
    let called = call("GetOrderDetail", &asked(7), &[], &of_cache());
    let found: pb::GetOrderDetailResponse = called.message();
    let found = found.order.unwrap();
    assert_eq!(
        (found.id, found.user_id, &*found.status),
        (order_id, 7, "paid")
    );
    assert_eq!(found.items[0].price, 99.99);
}

#[test]
fn a_call_that_is_none_is_refused_and_changes_nothing() {
    let script = Script::default();
    let create = "order.v1.OrderService/CreateOrder";
    let refused = |body: Vec<u8>, metadata: &[(&'static str, &'static str)]| {
        let called = call_raw("order-grpc", create, body, metadata, &script);
        let (status, code) = called.status();
        (status.to_owned(), code.to_owned())
    };
    let is = |status: &str, code: &str| (status.to_owned(), code.to_owned());
    let good = framed(&wanted().encode_to_vec());
    assert_eq!(
        refused(framed(&[0xff; 9]), &[]),
        is("3", "10001"),
        "no protobuf"
    );
    assert_eq!(
        refused(framed(&[0; 70_000]), &[]),
        is("8", "10001"),
        "too large"
    );
    assert_eq!(
        refused(framed(&[0xff; BODY_BYTES_MAX]), &[]),
        is("3", "10001"),
        "as large as may be"
    );
    assert_eq!(
        refused(framed(&[0xff; BODY_BYTES_MAX + 1]), &[]),
        is("8", "10001"),
        "a byte more"
    );
    assert_eq!(
        refused(good[..9].to_vec(), &[]),
        is("3", "10001"),
        "cut short"
    );
    assert_eq!(refused(Vec::new(), &[]), is("3", "10001"), "no message");
    assert_eq!(
        refused(good.clone(), &[("grpc-timeout", "0n")]),
        is("4", "10005")
    );
    assert_eq!(
        refused(good.clone(), &[("grpc-timeout", "soon")]),
        is("3", "10001")
    );
    assert_eq!(
        refused(good.clone(), &[("grpc-encoding", "gzip")]),
        is("12", "10007")
    );
    let unknown = "order.v1.OrderService/Nothing";
    let called = call_raw("order-grpc", unknown, good.clone(), &[], &script);
    assert_eq!(called.status(), ("12", "10007"));
    // What a page of an origin that is not listed sends, whose reply it could not read.
    let mut foreign = request("POST", &format!("/{create}"), good.clone());
    for (name, value) in [
        ("content-type", "application/grpc"),
        ("origin", "http://evil.example"),
    ] {
        let value = HeaderValue::from_static(value);
        foreign.headers_mut().insert(name, value);
    }
    let listed = [("cors_origins", "https://shop.example")];
    let (_, body) = Instance::new("order-grpc", &script, &listed).exchange(foreign);
    assert_eq!(body.trailers().unwrap()["grpc-status"], "7");
    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "BREW"] {
        let mut call = request(method, &format!("/{create}"), good.clone());
        let grpc = HeaderValue::from_static("application/grpc");
        call.headers_mut().insert("content-type", grpc);
        let (head, _) = Instance::new("order-grpc", &script, &[]).exchange(call);
        assert_eq!(head.status, 405, "{method}");
        assert_eq!(head.headers["allow"], "POST, OPTIONS", "{method}");
    }
    // A call of a route of HTTP, and HTTP on a route of calls.
    let called = call_raw(
        "create-order",
        "v1/order/create",
        good.clone(),
        &[],
        &script,
    );
    assert_eq!(called.status(), ("12", "10001"));
    let reply = send(
        "order-grpc",
        request("POST", &format!("/{create}"), good),
        &script,
    );
    assert_eq!((reply.status, reply.code()), (415, 10001));
    assert_eq!(script.steps(), Vec::<String>::new());
}

/// Of several messages, the first is the call.
#[test]
fn other_messages_are_not_read() {
    let id = minted(0, 1);
    let first = framed(&wanted().encode_to_vec());
    for second in [
        first.clone(),
        framed(&[0xff; 9]),
        vec![1, 0, 0, 0, 9],
        vec![0],
    ] {
        let script = inserts(reserved_under(id)).expect("complete {u7}", integer(1));
        let body = [first.clone(), second].concat();
        let method = "order.v1.OrderService/CreateOrder";
        let key = [("idempotency-key", "k-1")];
        let called = call_raw("order-grpc", method, body, &key, &script);
        assert_eq!(called.status().0, "0", "{called:?}");
    }
}

#[test]
fn a_call_that_is_late_is_cut_off() {
    let id = minted(5_000, 1);
    let asked = pb::GetOrderDetailRequest {
        user_id: 7,
        order_id: i64::try_from(id.get()).unwrap(),
    };
    let script = Script::default()
        .expect("GET {u7}", no_key())
        .expect("GET {u7}", no_key())
        .expect("order_1 SELECT t_order", Answer::Never);
    let called = call(
        "GetOrderDetail",
        &asked,
        &[("grpc-timeout", "300m")],
        &script,
    );
    assert_eq!(called.status(), ("4", "10005"), "{called:?}");
}

#[test]
fn health_is_readiness() {
    let check = |service: &str| {
        let asked = health::HealthCheckRequest {
            service: service.to_owned(),
        };
        let body = framed(&asked.encode_to_vec());
        let method = "grpc.health.v1.Health/Check";
        call_raw("grpc-standard", method, body, &[], &Script::default())
    };
    for service in ["", "order.v1.OrderService", "inventory.v1.InventoryService"] {
        let answer: health::HealthCheckResponse = check(service).message();
        assert_eq!(
            answer.status(),
            health::health_check_response::ServingStatus::Serving
        );
    }
    assert_eq!(check("order.v1.Nothing").status().0, "5");
}
