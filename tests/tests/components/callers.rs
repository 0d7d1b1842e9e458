//! Who may ask for what, in mode `strict`: each route by each kind of caller, what one user may see of another's, and
//! every text that is no token.

use crate::create_order::{BODY, inserts, reserved_under};
use crate::host::{ACCESS_KEYS, CRON, ERP, Instance, PAY, Reply, request, send_with};
use crate::http_rules::function;
use crate::replies::*;
use crate::script::{Answer, Script};
use crate::signatures::signed_by;
use auth::Scope;
use contract::api::route::access::{Access, METHODS, Method, Proof};
use contract::api::route::{ROUTES, Route};
use contract::store::cached_order::CachedOrder;
use domain::{Role, Status};
use http::{HeaderValue, Request};
use tests::grpc::ROLE_HEADER;
use tests::tokens::{self, SCOPE, seconds};

pub const STRICT: &[(&str, &str)] = &[("auth_mode", "strict")];

/// A token of these keys, which are ours.
fn signed(keys: &str, scope: Scope<'_>, subject: &str, role: Role, expires_at: u64) -> String {
    tokens::signed(keys, scope, subject, role, expires_at).unwrap()
}

/// A token that is valid for an hour.
pub fn access(subject: &str, role: Role) -> String {
    signed(ACCESS_KEYS, SCOPE, subject, role, seconds() + 3_600)
}

/// A request as it comes from anywhere, with this `authorization`.
pub fn by(mut request: Request<Vec<u8>>, authorization: Option<&[u8]>) -> Request<Vec<u8>> {
    let headers = request.headers_mut();
    headers.remove(ROLE_HEADER);
    if let Some(line) = authorization {
        let line = HeaderValue::from_bytes(line).unwrap();
        headers.insert("authorization", line);
    }
    request
}

pub fn bearer(request: Request<Vec<u8>>, token: &str) -> Request<Vec<u8>> {
    by(request, Some(format!("Bearer {token}").as_bytes()))
}

/// What a caller shows.
enum Credential {
    Nothing,
    Token(String),
    Key(&'static str),
}

impl Credential {
    fn given_to(&self, request: Request<Vec<u8>>) -> Request<Vec<u8>> {
        match self {
            Credential::Nothing => by(request, None),
            Credential::Token(token) => bearer(request, token),
            Credential::Key(key) => signed_by(key, request),
        }
    }

    /// What one without a role is told to show.
    fn wanted(&self, access: Access) -> &'static str {
        match (self, access) {
            (Credential::Nothing, Access::Signed { .. }) => "HMAC-SHA256 realm=\"flashorder\"",
            (Credential::Nothing, _) => "Bearer realm=\"flashorder\"",
            _ => "Bearer realm=\"flashorder\", error=\"invalid_token\"",
        }
    }
}

/// A name for messages, the role with what shows it, and what is sent.
type Sender = (String, Option<(Role, Proof)>, Credential);

/// Callers by name, with what is known of them; those without are nobody.
fn callers() -> Vec<Sender> {
    let expired = signed(ACCESS_KEYS, SCOPE, "7", Role::Admin, seconds() - 60);
    let no_user = access("7", Role::Provider);
    let mut callers = vec![
        ("nobody".to_owned(), None, Credential::Nothing),
        (
            "an admin of yesterday".to_owned(),
            None,
            Credential::Token(expired),
        ),
        (
            "a provider with a token".to_owned(),
            None,
            Credential::Token(no_user),
        ),
    ];
    for role in Role::OF_USERS {
        let token = Credential::Token(access("7", role));
        callers.push((role.to_string(), Some((role, Proof::Token)), token));
    }
    for (key, role) in [(PAY, Role::Provider), (ERP, Role::Admin), (CRON, Role::Ops)] {
        let known = Some((role, Proof::Signature));
        callers.push((format!("a machine of {role}"), known, Credential::Key(key)));
    }
    callers
}

/// Whether a reply has this status and code; some routes show the status as the code.
fn is(reply: &Reply, status: u16, code: u64) -> bool {
    reply.status == status && [code, u64::from(status)].contains(&reply.code())
}

fn admits(access: Access, known: Option<(Role, Proof)>) -> bool {
    access == Access::Anyone || known.is_some_and(|(role, by)| access.admits(role, by))
}

#[test]
fn each_route_by_each_caller() {
    for Route {
        method,
        path,
        access,
        ..
    } in ROUTES.iter().filter(|route| route.tag != "documents")
    {
        let sent = path.replace("{id}", "0").replace("{file}", "0");
        for (name, known, credential) in callers() {
            let request = request(method, &sent, if *method == "GET" { "" } else { "[]" });
            let script = Script::default().always("SET", stored());
            let mut instance = Instance::new(function(path), &script, STRICT);
            let request = credential.given_to(request);
            let reply = instance.send_together(vec![request]).remove(0);
            let case = format!("{method} {path} by {name}: {reply:?}");
            match known {
                _ if admits(*access, known) => {
                    assert!(![401, 403].contains(&reply.status), "{case}");
                }
                Some(_) => assert!(is(&reply, 403, 10006), "{case}"),
                None => {
                    assert!(is(&reply, 401, 10002), "{case}");
                    let wanted = Some(credential.wanted(*access));
                    assert_eq!(reply.header("www-authenticate"), wanted, "{case}");
                }
            }
            if !admits(*access, known) {
                assert_eq!(script.steps(), Vec::<String>::new(), "{case}");
            }
        }
    }
}

/// A signature is none over gRPC.
#[test]
fn each_method_by_each_caller() {
    for Method { path, access, .. } in METHODS {
        let function = match path.split('.').next() {
            Some("/order") => "order-grpc",
            Some("/inventory") => "inventory-grpc",
            // Everybody's.
            _ => continue,
        };
        // Its field 1 has a wrong wire type, so that no server is asked.
        let body = [&[0, 0, 0, 0, 5][..], b"\x0d\0\0\0\0"].concat();
        for (name, known, credential) in callers() {
            let mut request = credential.given_to(request("POST", path, body.clone()));
            let grpc = HeaderValue::from_static("application/grpc");
            request.headers_mut().insert("content-type", grpc);
            let script = Script::default();
            let mut instance = Instance::new(function, &script, STRICT);
            let (head, body) = instance.exchange(request);
            let trailers = body.trailers().cloned().unwrap_or_default();
            let status = trailers["grpc-status"].to_str().unwrap();
            let code = trailers
                .get("x-error-code")
                .map(|code| code.to_str().unwrap());
            let case = format!("{path} by {name}: {head:?} {trailers:?}");
            let known = known.filter(|(_, by)| *by == Proof::Token);
            match known {
                _ if admits(*access, known) => assert!(!["7", "16"].contains(&status), "{case}"),
                Some(_) => assert_eq!((status, code), ("7", Some("10006")), "{case}"),
                None => assert_eq!((status, code), ("16", Some("10002")), "{case}"),
            }
            assert_eq!(script.steps(), Vec::<String>::new(), "{case}");
        }
    }
}

/// The order of user 7 by every form of its id, for its owner, for another user, and for the staff.
#[test]
fn another_users_order_is_unknown() {
    let id = minted(5_000, 1);
    let order = order(id, Status::Pending, 1);
    for path in [
        format!("/v1/order/{id}"),
        format!("/v1/order/{}", id.order_no()),
        format!("/api/v1/orders/{}", id.uuid()),
        format!("/orders/{id}"),
    ] {
        let read = |subject: &str, role| {
            let cached = Answer::Redis(vec![text(CachedOrder::render(&order).unwrap())]);
            // Whose an order can be, its id says.
            let script = match (role, subject) {
                (Role::User, "8") => Script::default(),
                _ => Script::default().expect("GET {u7}", cached),
            };
            let request = bearer(request("GET", &path, ""), &access(subject, role));
            send_with("query-order", request, &script, STRICT)
        };
        let own = read("user_7", Role::User);
        assert_eq!(own.status, 200, "{path}: {own:?}");
        assert_eq!(own.header("host-cache-control"), Some("public, max-age=1"));
        let vary = own.headers.get_all("vary").iter();
        assert!(
            vary.into_iter().any(|line| line == "authorization"),
            "{own:?}"
        );
        for role in [Role::Admin, Role::Ops] {
            assert_eq!(read("1", role).status, 200, "{path} {role}");
        }
        let other = read("8", Role::User);
        assert!(is(&other, 404, 20001), "{path}: {other:?}");
    }
    for (function, method, path, body) in [
        ("cancel-order", "POST", format!("/v1/order/{id}/cancel"), ""),
        (
            "cancel-order",
            "PUT",
            format!("/api/v1/orders/{id}/cancel"),
            r#"{"reason":"x"}"#,
        ),
        (
            "pay-order",
            "POST",
            format!("/v1/order/{id}/pay"),
            r#"{"payment_id":"p"}"#,
        ),
    ] {
        let script = Script::default().expect("order_1 SELECT t_order", loaded(&order));
        // A payment looks at the order first, and asks nobody for another's.
        let script = match function {
            "cancel-order" => script.expect("DEL {u7}", integer(1)),
            _ => script,
        };
        let request = bearer(request(method, &path, body), &access("8", Role::User));
        let reply = send_with(function, request, &script, STRICT);
        assert_eq!(
            (reply.status, reply.code()),
            (404, 20001),
            "{path}: {reply:?}"
        );
    }
}

/// A user may name itself, in any spelling, and nobody else; the staff may name anybody.
#[test]
fn a_user_names_nobody_else() {
    let named = |text: &str| BODY.replace(r#""user_id":"user_7""#, &format!(r#""user_id":{text}"#));
    assert_ne!(named("8"), BODY);
    for (function, method, path, body) in [
        ("create-order", "POST", "/v1/order/create", named("8")),
        (
            "create-order",
            "POST",
            "/orders?user_id=8",
            BODY.replace(r#""user_id":"user_7","#, ""),
        ),
        (
            "create-order",
            "POST",
            "/api/v1/orders",
            named(r#""user_8""#),
        ),
        (
            "create-order",
            "GET",
            "/api/v1/orders?user_id=8",
            String::new(),
        ),
        (
            "query-order",
            "GET",
            "/v1/order/list?user_id=8",
            String::new(),
        ),
        (
            "query-order",
            "GET",
            "/v1/order/list?userId=alice",
            String::new(),
        ),
        (
            "query-order",
            "GET",
            "/v1/order/search?user_id=8",
            String::new(),
        ),
        (
            "query-order",
            "GET",
            "/v1/order/77?user_id=8",
            String::new(),
        ),
        (
            "query-order",
            "GET",
            "/api/v1/users/8/orders",
            String::new(),
        ),
        ("stats", "GET", "/api/v1/users/8/stats", String::new()),
        (
            "cancel-order",
            "POST",
            "/v1/order/77/cancel",
            r#"{"user_id":8}"#.to_owned(),
        ),
        (
            "cancel-order",
            "POST",
            "/orders/77/cancel?user_id=8",
            String::new(),
        ),
        (
            "pay-order",
            "POST",
            "/v1/order/77/pay",
            r#"{"user_id":"8"}"#.to_owned(),
        ),
        (
            "seckill-token",
            "POST",
            "/api/v1/seckill/token",
            r#"{"seckill_id":"1-1","user_id":8}"#.to_owned(),
        ),
    ] {
        let request = bearer(request(method, path, body), &access("7", Role::User));
        let script = Script::default();
        let reply = send_with(function, request, &script, STRICT);
        assert!(is(&reply, 403, 10006), "{path}: {reply:?}");
        assert_eq!(script.steps(), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn a_caller_orders_for_whom_it_may_name() {
    let named = |text: &str| BODY.replace(r#""user_id":"user_7""#, &format!(r#""user_id":{text}"#));
    let unnamed = BODY.replace(r#""user_id":"user_7","#, "");
    assert_ne!(unnamed, BODY);
    for (body, subject, role) in [
        (unnamed, "7", Role::User),
        (named("7"), "7", Role::User),
        (named(r#""user_7""#), "7", Role::User),
        (named("7"), "1", Role::Admin),
    ] {
        let script = inserts(reserved_under(minted(0, 1)));
        let script = script.expect("complete {u7}", integer(1));
        let request = bearer(
            request("POST", "/v1/order/create", body),
            &access(subject, role),
        );
        let reply = send_with("create-order", request, &script, STRICT);
        assert_eq!(reply.status, 200, "{subject} {role}: {reply:?}");
        assert_eq!(
            reply.body["order"]["user_id"]
                .as_str()
                .unwrap()
                .trim_start_matches("user_"),
            "7",
            "{reply:?}"
        );
    }
}

#[test]
fn what_is_no_token_admits_nobody() {
    let good = access("7", Role::User);
    let (head, rest) = good.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    let of = |scope| signed(ACCESS_KEYS, scope, "7", Role::User, seconds() + 60);
    let foreign = "tests:bm90LW91ci1rZXktYnV0LWFub3RoZXItb25lLW9mLXRoaXJ0eS1zaXg";
    let none = "eyJhbGciOiJub25lIn0";
    let reply_to = |line: &[u8]| -> Reply {
        let script = Script::default();
        let request = by(request("GET", "/v1/order/list", ""), Some(line));
        let reply = send_with("query-order", request, &script, STRICT);
        assert_eq!(script.steps(), Vec::<String>::new());
        reply
    };
    let mut lines: Vec<Vec<u8>> = [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        good.clone(),
        format!("Basic {good}"),
        format!("Bearer {head}.{payload}."),
        format!("Bearer {head}.{payload}"),
        format!("Bearer {none}.{payload}."),
        format!("Bearer {none}.{payload}.{signature}"),
        format!(
            "Bearer {}",
            signed(foreign, SCOPE, "7", Role::User, seconds() + 60)
        ),
        format!(
            "Bearer {}",
            of(Scope {
                issuer: "other",
                ..SCOPE
            })
        ),
        format!(
            "Bearer {}",
            of(Scope {
                audience: "other",
                ..SCOPE
            })
        ),
        format!(
            "Bearer {}",
            signed(ACCESS_KEYS, SCOPE, "", Role::User, seconds() + 60)
        ),
        format!(
            "Bearer {}",
            signed(ACCESS_KEYS, SCOPE, "+7", Role::User, seconds() + 60)
        ),
        format!("Bearer {}", &good[..good.len() - 1]),
        format!("Bearer {}", "x".repeat(7_000)),
        format!("Bearer {good}, Bearer {good}"),
    ]
    .map(String::into_bytes)
    .into();
    lines.push(b"Bearer \xff\xfe".to_vec());
    for line in lines {
        let shown = String::from_utf8_lossy(&line).into_owned();
        let reply = reply_to(&line);
        assert_eq!(
            (reply.status, reply.code()),
            (401, 10002),
            "{shown}: {reply:?}"
        );
        assert!(!reply.log.contains(&signature[..8]), "{}", reply.log);
        assert_eq!(
            reply.body["message"], "[10002] the access token is not valid",
            "{shown}"
        );
    }
    let twice = {
        let mut request = bearer(request("GET", "/v1/order/list", ""), &good);
        let again = HeaderValue::from_str(&format!("Bearer {good}")).unwrap();
        request.headers_mut().append("authorization", again);
        send_with("query-order", request, &Script::default(), STRICT)
    };
    assert_eq!(twice.status, 401);
    let expired = signed(ACCESS_KEYS, SCOPE, "7", Role::User, seconds() - 31);
    let reply = reply_to(format!("Bearer {expired}").as_bytes());
    assert_eq!(
        reply.body["message"],
        "[10002] the access token has expired"
    );
}

#[test]
fn keys_are_replaced_and_never_shown() {
    let old = ACCESS_KEYS.split_once(',').unwrap().1;
    let token = signed(old, SCOPE, "7", Role::User, seconds() + 60);
    let list = || bearer(request("GET", "/v1/order/list?page=0", ""), &token);
    let reply = send_with("query-order", list(), &Script::default(), STRICT);
    assert_eq!(reply.status, 400, "{reply:?}");
    for (variables, shown) in [
        (
            [("auth_mode", "strict"), ("auth_keys", "")],
            "auth_keys lists no key",
        ),
        (
            [("auth_mode", "strict"), ("auth_keys", "a:c2hvcnQtc2VjcmV0")],
            "auth_keys key 1",
        ),
        (
            [("auth_mode", "open"), ("auth_keys", ACCESS_KEYS)],
            "auth_mode is neither",
        ),
    ] {
        let script = Script::default();
        let reply = send_with("query-order", list(), &script, &variables);
        assert_eq!((reply.status, reply.code()), (500, 10003), "{reply:?}");
        assert!(reply.log.contains(shown), "{}", reply.log);
        assert!(!reply.log.contains("c2hvcnQ"), "{}", reply.log);
    }
}
