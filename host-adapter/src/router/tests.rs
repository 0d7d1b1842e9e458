//! Tests of `router`.

use super::*;

fn find(routes: &[&str], path: &str) -> Option<String> {
    let router = Router::build("/", routes.iter().map(|r| (*r, 0))).unwrap();
    router.route(path).map(|found| found.route.raw.clone())
}

#[test]
fn precedence() {
    let routes = [
        "/...",
        "/orders",
        "/orders/:id",
        "/orders/...",
        "/orders/:id/pay",
        "/orders/all",
        "/",
        "/orders/:id/...",
    ];
    for (path, want) in [
        ("/", "/"),
        ("/orders", "/orders"),
        ("/orders/", "/orders/..."),
        ("/orders/all", "/orders/all"),
        ("/orders/7", "/orders/:id"),
        ("/orders/7/pay", "/orders/:id/pay"),
        ("/orders/7/ship", "/orders/:id/..."),
        ("/other/x", "/..."),
    ] {
        assert_eq!(find(&routes, path).as_deref(), Some(want), "{path}");
    }
    assert_eq!(find(&["/a/b"], "/a"), None);
    assert_eq!(find(&["/a"], "/a/b"), None);
    assert_eq!(find(&["/a", "/:b"], "/a/"), None);
    assert_eq!(find(&["/:x"], "/"), None);
}

#[test]
fn what_a_wildcard_and_a_parameter_stand_for() {
    let router = Router::build("/", [("/foo/:user/...", 3), ("/bar/...", 4)]).unwrap();
    for (path, info) in [
        ("/foo/42", ""),
        ("/foo/42/", "/"),
        ("/foo/42/bar", "/bar"),
        ("/foo/42/bar/baz/", "/bar/baz/"),
        ("/bar", ""),
    ] {
        assert_eq!(router.route(path).unwrap().path_info(), info, "{path}");
    }
    let found = router.route("/foo/42/bar").unwrap();
    assert_eq!(found.params().collect::<Vec<_>>(), [("user", "42")]);
    assert_eq!(found.route.prefix(), "/foo/:user");
    assert_eq!(found.route.component, 3);
}

#[test]
fn the_base_stands_before_every_route() {
    let router = Router::build("/api/", [("/orders", 0)]).unwrap();
    assert!(router.route("/orders").is_none());
    assert_eq!(
        router.route("/api/orders").unwrap().route.based,
        "/api/orders"
    );
}

#[test]
fn bad_routes_are_refused() {
    for bad in [
        "orders", "/a/.../b", "/a/:", "/a/b...", "/:id/:id", "/a*", "/:a.b",
    ] {
        let (route, reason) = Router::build("/", [(bad, 0)]).unwrap_err();
        assert_eq!(route, bad, "{reason}");
    }
    assert!(Router::build("/", [("/a", 0), ("/a/", 1)]).is_err());
    assert!(Router::build("/", [("/:a", 0), ("/:b", 1)]).is_err());
}
