//! Limits on requests: who is counted, by what and where, before a function does anything; what a client learns that is
//! refused; and that nobody is where Redis is away.

use crate::bindings::redis::RedisResult;
use crate::callers::{access, bearer, by};
use crate::create_order::{BODY, inserts};
use crate::host::{ERP, Instance, Reply, request, send_with};
use crate::replies::*;
use crate::script::{Answer, Script};
use crate::signatures::signed_by;
use auth::RefreshToken;
use domain::Role;
use http::{HeaderValue, Request};
use tests::grpc::ROLE_HEADER;

type Variables = &'static [(&'static str, &'static str)];

/// The defaults of each mode.
const STRICT: Variables = &[
    ("auth_mode", "strict"),
    ("user_orders_per_minute_max", ""),
    ("address_requests_per_second_max", ""),
];
const COMPAT: Variables = &[
    ("auth_mode", "compat"),
    ("user_orders_per_minute_max", ""),
    ("address_requests_per_second_max", ""),
];
/// Limits that are set.
const SET: Variables = &[
    ("auth_mode", "compat"),
    ("user_orders_per_minute_max", "12"),
    ("address_requests_per_second_max", "5"),
];

const CREATE: &str = "/v1/order/create";
const WINDOW: &str = "window {u7}";
const BUCKET: &str = "bucket requests:network:127.0.0.1";

/// The window takes the request, and so many more until it ends.
fn takes(more: i64, ms: i64) -> Answer {
    Answer::Redis([1, more, ms].map(RedisResult::Int64).into())
}

/// It is full until it ends.
fn full(ms: i64) -> Answer {
    Answer::Redis([0, 0, ms].map(RedisResult::Int64).into())
}

/// The bucket has a token, or not for so many ms.
fn wait(ms: i64) -> Answer {
    integer(ms)
}

/// Every limit refuses.
fn refusing() -> Script {
    Script::default()
        .always("window", full(41_001))
        .always("bucket", wait(7))
        .always("SET", stored())
}

fn shopper(request: Request<Vec<u8>>) -> Request<Vec<u8>> {
    bearer(request, &access("user_7", Role::User))
}

/// An order of user 7 is placed, whatever is counted before.
fn placing(script: Script) -> Script {
    let id = minted(0, 1);
    let script = script
        .expect("admit {u7}", admitted(id))
        .expect("reserve {p1}", reserved(9999));
    inserts(script).expect("complete {u7}", integer(1))
}

fn limit_of(reply: &Reply) -> [Option<&str>; 3] {
    ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| reply.header(name))
}

#[test]
fn an_order_is_counted_by_its_user_and_its_address_first() {
    let script = placing(Script::default())
        .expect(WINDOW, takes(9, 59_001))
        .expect(BUCKET, wait(0));
    let request = shopper(request("POST", CREATE, BODY));
    let reply = send_with("create-order", request, &script, STRICT);
    assert_eq!(reply.status, 200, "{reply:?}");
    let wanted = [Some("\"user\";q=10;w=60"), Some("\"user\";r=9;t=60"), None];
    assert_eq!(limit_of(&reply), wanted);
    let mut first = script.steps()[..2].to_vec();
    first.sort();
    assert_eq!(first, [BUCKET, WINDOW]);
    assert_eq!(
        script.values(WINDOW)[2..],
        ["{u7}:rate_limit:7", "10", "60000"]
    );
    assert_eq!(
        script.values(BUCKET)[2..],
        ["requests:network:127.0.0.1", "100", "10"]
    );
    assert_eq!(script.values("admit")[8], "0", "it is counted once");
}

/// On every route that places orders, in the form of its errors, and nothing else is asked.
#[test]
fn one_order_too_many_is_refused() {
    for (function, path) in [
        ("create-order", CREATE),
        ("create-order", "/api/v1/orders"),
        ("create-order", "/orders"),
        ("seckill-buy", "/api/v1/seckill/buy"),
    ] {
        let script = Script::default()
            .expect(WINDOW, full(41_001))
            .expect(BUCKET, wait(0));
        let request = shopper(request("POST", path, "no JSON"));
        let reply = send_with(function, request, &script, STRICT);
        let code = if path == "/orders" { 429 } else { 10004 };
        assert_eq!((reply.status, reply.code()), (429, code), "{path}");
        let message = reply.body["message"].as_str().unwrap();
        assert!(message.ends_with("请求过于频繁"), "{message}");
        let wanted = [
            Some("\"user\";q=10;w=60"),
            Some("\"user\";r=0;t=42"),
            Some("42"),
        ];
        assert_eq!(limit_of(&reply), wanted, "{path}");
        let exposed = reply.header("access-control-expose-headers").unwrap();
        for name in ["ratelimit", "ratelimit-policy", "retry-after"] {
            assert!(exposed.split(", ").any(|one| one == name), "{exposed}");
        }
        assert_eq!(script.steps().len(), 2, "{path}");
    }
}

#[test]
fn the_user_is_refused_before_the_address() {
    let by_address = [
        Some("\"address\";q=100;w=1"),
        Some("\"address\";r=0;t=1"),
        Some("1"),
    ];
    let by_user = [
        Some("\"user\";q=10;w=60"),
        Some("\"user\";r=0;t=3"),
        Some("3"),
    ];
    for (window, bucket, wanted) in [
        (full(2_001), wait(7), by_user),
        (full(2_001), redis_away(), by_user),
        (takes(3, 2_001), wait(7), by_address),
        (redis_away(), wait(7), by_address),
    ] {
        let script = Script::default()
            .expect(WINDOW, window)
            .expect(BUCKET, bucket);
        let request = shopper(request("POST", CREATE, BODY));
        let reply = send_with("create-order", request, &script, STRICT);
        assert_eq!((reply.status, reply.code()), (429, 10004), "{reply:?}");
        assert_eq!(limit_of(&reply), wanted);
    }
}

/// Who is refused where every limit refuses: as often as it was counted.
#[test]
fn who_is_counted_by_what() {
    let role = |role, request| bearer(request, &access("1", role));
    let admin = |request| role(Role::Admin, request);
    let unnamed = |mut request: Request<Vec<u8>>| {
        request.headers_mut().remove("spin-client-addr");
        request
    };
    let post = |path| request("POST", path, "[]");
    for (function, request, wanted) in [
        ("create-order", shopper(post(CREATE)), (1, 1)),
        ("create-order", unnamed(shopper(post(CREATE))), (1, 0)),
        ("create-order", admin(post(CREATE)), (0, 1)),
        ("create-order", role(Role::Ops, post("/orders")), (0, 1)),
        ("create-order", signed_by(ERP, post(CREATE)), (0, 0)),
        ("create-order", by(post(CREATE), None), (0, 0)),
        (
            "create-order",
            shopper(request("GET", "/orders?page=0", "")),
            (0, 0),
        ),
        ("cancel-order", shopper(post("/v1/order/7/cancel")), (0, 1)),
        (
            "cancel-order",
            shopper(request("PUT", "/orders/7/cancel", "")),
            (0, 1),
        ),
        ("pay-order", shopper(post("/v1/order/7/pay")), (0, 1)),
        (
            "order-status",
            admin(request("PUT", "/v1/order/7/status", "[]")),
            (0, 1),
        ),
        (
            "product-catalog",
            admin(request("PATCH", "/api/v1/products/1", "[]")),
            (0, 1),
        ),
        (
            "product-catalog",
            admin(post("/api/v1/products/1/stock")),
            (0, 1),
        ),
        (
            "seckill-activities",
            admin(post("/api/v1/seckill/preheat")),
            (0, 1),
        ),
        (
            "seckill-token",
            shopper(post("/api/v1/seckill/token")),
            (0, 1),
        ),
        (
            "order-failures",
            role(Role::Ops, post("/api/v1/failures/7/retry")),
            (0, 1),
        ),
        ("login", by(post("/v1/auth/refresh"), None), (0, 1)),
        ("query-order", shopper(post("/v1/order/list")), (0, 0)),
        (
            "query-order",
            shopper(request("GET", "/v1/order/list?page=0", "")),
            (0, 0),
        ),
        ("create-order", request("OPTIONS", CREATE, ""), (0, 0)),
    ] {
        let case = format!("{function} {} {}", request.method(), request.uri());
        let script = refusing();
        let reply = Instance::new(function, &script, STRICT)
            .send_together(vec![request])
            .remove(0);
        let counted = (script.count("window"), script.count("bucket"));
        assert_eq!(counted, wanted, "{case}: {reply:?}");
        assert_eq!(reply.status == 429, wanted != (0, 0), "{case}: {reply:?}");
    }
}

/// In mode `compat` only what is set, also by its token where there is one.
#[test]
fn the_limits_are_those_of_the_variables() {
    let with = |request, variables| {
        let script = refusing();
        let reply = Instance::new("create-order", &script, variables)
            .send_together(vec![request])
            .remove(0);
        let values = |what| match script.count(what) {
            0 => Vec::new(),
            _ => script.values(what)[3..].to_vec(),
        };
        (reply.status, values("window"), values("bucket"))
    };
    let post = || request("POST", CREATE, "[]");
    let none = Vec::<String>::new;
    assert_eq!(with(shopper(post()), COMPAT), (400, none(), none()));
    let off: Variables = &[("auth_mode", "strict")];
    assert_eq!(
        with(shopper(post()), off),
        (400, none(), none()),
        "0 is off"
    );
    let own = |values: [&str; 2]| values.map(str::to_owned).to_vec();
    let (window, bucket) = (own(["12", "60000"]), own(["5", "200"]));
    let by_both = (429, window, bucket.clone());
    assert_eq!(with(shopper(post()), SET), by_both);
    assert_eq!(with(by(post(), None), SET), (429, none(), bucket));
    for (name, value) in [
        ("user_orders_per_minute_max", "many"),
        ("address_requests_per_second_max", "-1"),
        ("trusted_proxies", "10.0.0.0/33"),
    ] {
        let variables = [STRICT, &[(name, value)]].concat();
        let request = shopper(post());
        let reply = send_with("create-order", request, &Script::default(), &variables);
        assert_eq!((reply.status, reply.code()), (500, 10003), "{name}");
        assert!(reply.log.contains(name), "{}", reply.log);
    }
}

/// Whom a request only names, its function knows: the order's admission counts it.
#[test]
fn a_user_that_is_only_named_is_counted_where_its_order_is_admitted() {
    let variables = [SET, &[("address_requests_per_second_max", "0")]].concat();
    let script = Script::default().expect("admit {u7}", limited(1_200));
    let create = || by(request("POST", CREATE, BODY), None);
    let reply = send_with("create-order", create(), &script, &variables);
    assert_eq!((reply.status, reply.code()), (429, 10004), "{reply:?}");
    assert_eq!(limit_of(&reply), [None, None, Some("2")]);
    assert_eq!(script.values("admit")[8], "12");
    let mut staff = create();
    let role = HeaderValue::from_static("admin");
    staff.headers_mut().insert(ROLE_HEADER, role);
    let script = placing(Script::default());
    let reply = send_with("create-order", staff, &script, &variables);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(script.values("admit")[8], "0", "the staff order for many");
}

/// What could be served is served, and a line of the log says what was not counted.
#[test]
fn nobody_is_refused_for_a_limit_that_cannot_be_counted() {
    for (away, lines) in [
        (vec![("open redis", redis_away())], 1),
        (vec![(WINDOW, redis_away()), (BUCKET, redis_away())], 2),
        (vec![(WINDOW, integer(5)), (BUCKET, no_key())], 2),
        (vec![(WINDOW, redis_away()), (BUCKET, wait(0))], 1),
    ] {
        let case = format!("{away:?}");
        let script = away
            .into_iter()
            .fold(placing(Script::default()), |script, (what, answer)| {
                script.expect(what, answer)
            });
        let request = shopper(request("POST", CREATE, BODY));
        let reply = send_with("create-order", request, &script, STRICT);
        assert_eq!(reply.status, 200, "{case}: {reply:?}");
        assert_eq!(limit_of(&reply), [None; 3], "{case}");
        let said = reply.log.matches("a limit is not counted").count();
        assert_eq!(said, lines, "{case}: {}", reply.log);
    }
    // What needs no Redis is served without it.
    let token = RefreshToken::first([1; 16], [2; 32]).text();
    let body = format!(r#"{{"refresh_token":"{token}"}}"#);
    let script = Script::default()
        .expect("open redis", redis_away())
        .expect("users DELETE t_session", Answer::Done);
    let users = ("users_url", "mysql://u:not-to-be-logged@db/users");
    let out = by(request("POST", "/v1/auth/logout", body), None);
    let reply = send_with("login", out, &script, &[STRICT, &[users]].concat());
    assert_eq!(reply.status, 200, "{reply:?}");
}

#[test]
fn a_client_is_known_by_its_network() {
    let of = |peer: &'static str, forwarded: Option<&'static str>, proxies: &'static str| {
        let mut sent = shopper(request("POST", "/v1/order/7/cancel", ""));
        let headers = sent.headers_mut();
        headers.insert("spin-client-addr", HeaderValue::from_static(peer));
        if let Some(line) = forwarded {
            headers.insert("x-forwarded-for", HeaderValue::from_static(line));
        }
        let script = Script::default().expect("bucket", wait(1));
        let variables = [STRICT, &[("trusted_proxies", proxies)]].concat();
        assert_eq!(
            send_with("cancel-order", sent, &script, &variables).status,
            429
        );
        script.steps()[0].replace("bucket requests:network:", "")
    };
    assert_eq!(of("203.0.113.9:80", None, ""), "203.0.113.9");
    assert_eq!(
        of("203.0.113.9:80", Some("1.1.1.1"), "10.0.0.0/8"),
        "203.0.113.9",
        "nobody trusts it"
    );
    assert_eq!(
        of("10.0.0.1:80", Some("9.9.9.9, 1.1.1.1"), "10.0.0.0/8"),
        "1.1.1.1"
    );
    assert_eq!(of("[2001:db8:1:2:3::4]:80", None, ""), "2001:db8:1:2::");
}

/// Calls are counted as requests are, and only those that change something.
#[test]
fn calls_are_counted_too() {
    let call = |function: &str, method: &str, role| {
        // Its field 1 has a wrong wire type, so that no server is asked.
        let body = [&[0, 0, 0, 0, 5][..], b"\x0d\0\0\0\0"].concat();
        let mut request = request("POST", &format!("/{method}"), body);
        let grpc = HeaderValue::from_static("application/grpc");
        request.headers_mut().insert("content-type", grpc);
        let script = refusing();
        let mut instance = Instance::new(function, &script, STRICT);
        let request = bearer(request, &access("7", role));
        let (_, body) = instance.exchange(request);
        let trailers = body.trailers().cloned().unwrap_or_default();
        let text = |name: &str| trailers.get(name).map(|value| value.to_str().unwrap());
        let counted = (script.count("window"), script.count("bucket"));
        if text("grpc-status") == Some("8") {
            assert_eq!(text("x-error-code"), Some("10004"), "{trailers:?}");
            assert!(trailers.contains_key("grpc-status-details-bin"));
            return (counted, true);
        }
        (counted, false)
    };
    let orders = "order.v1.OrderService";
    let stock = "inventory.v1.InventoryService";
    for (function, service, method, role, wanted) in [
        ("order-grpc", orders, "CreateOrder", Role::User, (1, 1)),
        ("order-grpc", orders, "CreateOrder", Role::Admin, (0, 1)),
        ("order-grpc", orders, "CancelOrder", Role::User, (0, 1)),
        ("order-grpc", orders, "GetOrderDetail", Role::User, (0, 0)),
        (
            "inventory-grpc",
            stock,
            "PreDeductStock",
            Role::Admin,
            (0, 1),
        ),
        ("inventory-grpc", stock, "GetStock", Role::User, (0, 0)),
    ] {
        let refused = wanted != (0, 0);
        let got = call(function, &format!("{service}/{method}"), role);
        assert_eq!(got, (wanted, refused), "{method} by {role}");
    }
}
