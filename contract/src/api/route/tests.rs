//! Tests of `route`.

use super::parameter::Place;
use super::*;
use domain::Role;
use std::collections::BTreeSet;

#[test]
fn the_methods_of_a_path() {
    for (path, methods) in [
        ("/v1/order/create", Some("POST, OPTIONS")),
        ("/v1/order/list", Some("GET, HEAD, OPTIONS")),
        ("/v1/order/7", Some("GET, HEAD, OPTIONS")),
        ("/v1/order/create/cancel", Some("POST, PUT, OPTIONS")),
        ("/orders", Some("POST, GET, HEAD, OPTIONS")),
        ("/products/recommend", Some("GET, HEAD, OPTIONS")),
        ("/health", Some("GET, HEAD, OPTIONS")),
        ("/v1/order", None),
        ("/v1/order/", None),
        ("/orders/1/cancel/", None),
        ("/", None),
        ("", None),
    ] {
        assert_eq!(allow(path).as_deref(), methods, "{path}");
    }
}

#[test]
fn who_may_ask() {
    use access::{Access, BACK_OFFICE, BUYERS, CALLERS, OPERATORS, PROVIDERS};
    for (method, path, wanted) in [
        ("POST", "/v1/order/create", Some(CALLERS)),
        ("GET", "/v1/order/7", Some(CALLERS)),
        ("POST", "/v1/order/7/pay", Some(BUYERS)),
        ("PUT", "/orders/7/cancel", Some(BUYERS)),
        ("PUT", "/v1/order/7/status", Some(BACK_OFFICE)),
        ("GET", "/api/v1/products", Some(Access::Anyone)),
        ("POST", "/api/v1/products", Some(BACK_OFFICE)),
        ("POST", "/api/v1/failures/7/retry", Some(OPERATORS)),
        ("POST", "/v1/payment/callback", Some(PROVIDERS)),
        ("DELETE", "/v1/order/7", None),
        ("get", "/v1/order/7", None),
        ("POST", "/v1/order/create/", None),
        ("GET", "//v1/order/7", None),
        ("GET", "/", None),
    ] {
        assert_eq!(super::access(method, path), wanted, "{method} {path}");
    }
    assert_eq!(
        access::of_method("/order.v1.OrderService/CreateOrder"),
        Some(CALLERS)
    );
    assert_eq!(access::of_method("/order.v1.OrderService/Nothing"), None);
}

/// What operators do is written down here, as the names of groups of roles say nothing.
#[test]
fn operators_neither_pay_nor_cancel() {
    use access::Proof;
    for (method, path) in [
        ("POST", "/v1/order/7/pay"),
        ("POST", "/v1/order/7/cancel"),
        ("PUT", "/orders/7/cancel"),
        ("POST", "/api/v1/orders/7/cancel"),
    ] {
        let access = super::access(method, path).unwrap();
        for (role, may) in [(Role::User, true), (Role::Admin, true), (Role::Ops, false)] {
            assert_eq!(
                access.admits(role, Proof::Token),
                may,
                "{method} {path} {role:?}"
            );
        }
    }
    let cancel = access::of_method("/order.v1.OrderService/CancelOrder").unwrap();
    assert!(!cancel.admits(Role::Ops, Proof::Token));
}

/// By a signature, and nowhere else; in mode `compat` by its word.
#[test]
fn a_payment_provider_reports_payments_and_nothing_else() {
    use access::{Access, METHODS, Proof};
    let routes = ROUTES.iter().map(|route| (route.id, route.access));
    let methods = METHODS.iter().map(|method| (method.path, method.access));
    for (name, access) in routes.chain(methods) {
        let admits = [Proof::Token, Proof::Signature, Proof::Trust]
            .map(|by| access.admits(Role::Provider, by));
        let wanted = match name {
            "reportPayment" => [false, true, true],
            _ => [access == Access::Anyone; 3],
        };
        assert_eq!(admits, wanted, "{name}");
    }
    let admits = |role| {
        let by = [Proof::Token, Proof::Signature, Proof::Trust];
        by.map(|by| access::PROVIDERS.admits(role, by))
    };
    assert_eq!(admits(Role::Admin), [false, false, true]);
    assert_eq!(admits(Role::Ops), [false; 3]);
    assert_eq!(admits(Role::User), [false; 3]);
}

/// Whatever changes something is limited, and what places orders by their user too.
#[test]
fn what_is_limited() {
    use limited::Limited;
    let mut by_user = Vec::new();
    for route in ROUTES {
        let wanted = match (route.method, route.limited) {
            ("GET", _) => Limited::No,
            (_, Limited::ByUser) => {
                by_user.push(route.id);
                continue;
            }
            _ => Limited::ByAddress,
        };
        assert_eq!(route.limited, wanted, "{}", route.id);
    }
    assert_eq!(
        by_user,
        [
            "createOrder",
            "createApiOrder",
            "createEnvelopeOrder",
            "buySeckill"
        ]
    );
    let of = |path| served("POST", path).map(|served| served.limited);
    assert_eq!(of("/orders"), Some(Limited::ByUser));
    assert_eq!(of("/orders/7/cancel"), Some(Limited::ByAddress));
    assert_eq!(of("/orders/7"), None);
    for method in access::METHODS {
        let name = method.path.rsplit('/').next().unwrap_or_default();
        let wanted = match name {
            "CreateOrder" => Limited::ByUser,
            "CancelOrder" | "UpdateOrderStatus" | "PreDeductStock" | "ConfirmDeductStock"
            | "RollbackStock" => Limited::ByAddress,
            _ => Limited::No,
        };
        assert_eq!(method.limited, wanted, "{name}");
    }
}

/// A route that the table forgot would admit nobody.
#[test]
fn every_operation_admits_somebody() {
    let accesses = ROUTES.iter().map(|route| (route.id, route.access));
    let methods = access::METHODS.iter();
    let methods = methods.map(|method| (method.path, method.access));
    for (name, access) in accesses.chain(methods) {
        assert_ne!(access, Access::Roles(&[]), "{name}");
    }
}

#[test]
fn operations_are_named_once() {
    let names: BTreeSet<&str> = ROUTES.iter().map(|route| route.id).collect();
    assert_eq!(names.len(), ROUTES.len());
    let routes: BTreeSet<_> = SERVED
        .iter()
        .map(|served| (served.method, served.path))
        .collect();
    assert_eq!(routes.len(), ROUTES.len());
    let tags: BTreeSet<&str> = TAGS.iter().map(|tag| tag.name).collect();
    for route in ROUTES {
        assert!(tags.contains(route.tag), "{}", route.id);
        assert!(!route.summary.is_empty(), "{}", route.id);
        let lengths = route.summary.len() <= 80 && !route.summary.ends_with('.');
        assert!(lengths, "{}: {}", route.id, route.summary);
    }
}

#[test]
fn parameters_of_a_path_are_those_in_its_braces() {
    for route in ROUTES {
        let braces = route.path.split('/').filter_map(|segment| {
            segment
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
        });
        let described = route
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Path)
            .map(|parameter| parameter.name);
        assert!(braces.eq(described), "{}", route.id);
    }
}

#[test]
fn a_reply_and_a_refusal_stand_once() {
    for route in ROUTES {
        let statuses: BTreeSet<u16> = route.replies.iter().map(|reply| reply.status).collect();
        assert_eq!(statuses.len(), route.replies.len(), "{}", route.id);
        assert!(!statuses.is_empty(), "{}", route.id);
        let refusals = route.refusals.iter();
        let codes: BTreeSet<_> = refusals
            .map(|refusal| (refusal.status, refusal.code.number(), refusal.text))
            .collect();
        assert_eq!(codes.len(), route.refusals.len(), "{}", route.id);
    }
}
