//! Mode `compat`: what is trusted, of whom, and what counts all the same.

use crate::callers::{access, bearer, by};
use crate::host::{ADDRESS, CRON, PAY, Reply, request, send_with};
use crate::replies::*;
use crate::script::Script;
use crate::signatures::signed_by;
use domain::{Role, Status};
use http::{HeaderName, HeaderValue, Request};
use tests::grpc::ROLE_HEADER;

#[test]
fn compat_trusts_this_machine_alone() {
    let ask = |role: Option<&str>, address: Option<&str>, token: Option<&str>| {
        let mut request = by(request("GET", "/api/v1/failures?page=0", ""), None);
        let headers = request.headers_mut();
        headers.remove(ADDRESS.0);
        for (name, value) in [(ROLE_HEADER, role), (ADDRESS.0, address)] {
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), value.parse().unwrap());
            }
        }
        if let Some(token) = token {
            let line = format!("Bearer {token}").parse().unwrap();
            request.headers_mut().insert("authorization", line);
        }
        let reply = send_with("order-failures", request, &Script::default(), &[]);
        (reply.status, reply.code())
    };
    let own = Some(ADDRESS.1);
    assert_eq!(ask(Some("ops"), own, None), (400, 10001), "the page is 0");
    assert_eq!(ask(Some("ops"), Some("[::1]:9"), None), (400, 10001));
    for (role, address) in [
        (None, own),
        (Some("user"), own),
        (Some("admin"), own),
        (Some("ops"), None),
        (Some("ops"), Some("10.0.0.1:8777")),
        (Some("ops"), Some("localhost:80")),
    ] {
        assert_eq!(
            ask(role, address, None),
            (403, 10006),
            "{role:?} {address:?}"
        );
    }
    for role in ["root", "", "Ops", "ops, ops", "Provider"] {
        assert_eq!(ask(Some(role), own, None), (400, 10001), "{role}");
    }
    // A token counts, wherever it comes from; a text that is none does not.
    let ops = access("1", Role::Ops);
    assert_eq!(ask(None, Some("10.0.0.1:80"), Some(&ops)), (400, 10001));
    let user = access("1", Role::User);
    assert_eq!(ask(Some("ops"), own, Some(&user)), (403, 10006));
    assert_eq!(ask(Some("ops"), own, Some("page-token")), (400, 10001));
}

/// Old gateways report payments as the back office; its users' tokens do not, in this mode either.
#[test]
fn who_reports_payments() {
    let id = minted(5_000, 1);
    let body = format!(r#"{{"order_id":"{id}","payment_id":"pay-1","amount":199.98}}"#);
    let callback = || request("POST", "/v1/payment/callback", body.clone());
    let as_role = |role: &'static str| {
        let mut request = by(callback(), None);
        let role = HeaderValue::from_static(role);
        request.headers_mut().insert(ROLE_HEADER, role);
        request
    };
    let paid = || {
        let order = order(id, Status::Paid, 2);
        Script::default().expect("order_1 SELECT t_order", loaded(&order))
    };
    let ask = |request: Request<Vec<u8>>, script: Script| -> Reply {
        send_with("pay-order", request, &script, &[])
    };
    for role in ["provider", "admin"] {
        let reply = ask(as_role(role), paid());
        assert_eq!(reply.status, 200, "{role}: {reply:?}");
    }
    let reply = ask(signed_by(PAY, callback()), paid().expect("SET", stored()));
    assert_eq!(reply.status, 200, "{reply:?}");
    for refused in [
        by(callback(), None),
        as_role("user"),
        as_role("ops"),
        signed_by(CRON, callback()),
        bearer(callback(), &access("1", Role::Admin)),
    ] {
        let reply = ask(refused, Script::default());
        assert_eq!((reply.status, reply.code()), (403, 10006), "{reply:?}");
    }
    // What is meant as a signature is one, or refused.
    let forged = signed_by(&PAY.replace("pay-1", "pay-2"), callback());
    let reply = ask(forged, Script::default());
    assert_eq!((reply.status, reply.code()), (401, 10002), "{reply:?}");
}
