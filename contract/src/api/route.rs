//! Every route and its method. The OpenAPI document has an operation for each of these, checked when it is compiled,
//! and `Allow` is made from them; tests send every method to every route.

/// Method and path, with parameters in braces.
pub const ROUTES: &[(&str, &str)] = &[
    ("POST", "/v1/order/create"),
    ("GET", "/v1/order/list"),
    ("GET", "/v1/order/search"),
    ("GET", "/v1/order/{id}"),
    ("POST", "/v1/order/{id}/cancel"),
    ("PUT", "/v1/order/{id}/cancel"),
    ("POST", "/v1/order/{id}/pay"),
    ("PUT", "/v1/order/{id}/status"),
    ("POST", "/v1/payment/callback"),
    ("POST", "/api/v1/orders"),
    ("GET", "/api/v1/orders"),
    ("GET", "/api/v1/orders/{id}"),
    ("POST", "/api/v1/orders/{id}/cancel"),
    ("PUT", "/api/v1/orders/{id}/cancel"),
    ("PUT", "/api/v1/orders/{id}/status"),
    ("GET", "/api/v1/users/{id}/orders"),
    ("POST", "/orders"),
    ("GET", "/orders"),
    ("GET", "/orders/{id}"),
    ("POST", "/orders/{id}/cancel"),
    ("PUT", "/orders/{id}/cancel"),
    ("GET", "/api/v1/products"),
    ("POST", "/api/v1/products"),
    ("GET", "/api/v1/products/{id}"),
    ("PATCH", "/api/v1/products/{id}"),
    ("POST", "/api/v1/products/{id}/stock"),
    ("GET", "/api/v1/products/{id}/stock/changes"),
    ("GET", "/v1/inventory"),
    ("GET", "/v1/inventory/{id}"),
    ("GET", "/products"),
    ("GET", "/products/recommend"),
    ("GET", "/products/{id}"),
    ("GET", "/products/{id}/stock"),
    ("POST", "/api/v1/seckill/activities"),
    ("GET", "/api/v1/seckill/activities"),
    ("GET", "/api/v1/seckill/activities/{id}"),
    ("POST", "/api/v1/seckill/preheat"),
    ("POST", "/api/v1/seckill/token"),
    ("POST", "/api/v1/seckill/buy"),
    ("GET", "/api/v1/failures"),
    ("GET", "/api/v1/failures/{id}"),
    ("POST", "/api/v1/failures/{id}/retry"),
    ("GET", "/api/v1/stats/orders"),
    ("GET", "/api/v1/users/{id}/stats"),
    ("GET", "/v1/dashboard/stats"),
    ("GET", "/health"),
    ("GET", "/ready"),
];

/// The methods that a path takes, as `Allow` lists them: those of its routes, `HEAD` where there is `GET`, and
/// `OPTIONS`; `None` where no route has this path. Searches all routes, so it is for `OPTIONS` and errors.
pub fn allow(path: &str) -> Option<String> {
    // A literal segment wins over a parameter.
    let route = ROUTES
        .iter()
        .map(|(_, route)| *route)
        .filter(|route| matches(route, path))
        .min_by_key(|route| route.matches('{').count())?;
    let mut methods = Vec::new();
    for (method, _) in ROUTES.iter().filter(|(_, path)| *path == route) {
        methods.push(*method);
        if *method == "GET" {
            methods.push("HEAD");
        }
    }
    methods.push("OPTIONS");
    Some(methods.join(", "))
}

fn matches(route: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let all = route.split('/').all(|wanted| {
        segments
            .next()
            .is_some_and(|segment| match wanted.starts_with('{') {
                true => !segment.is_empty(),
                false => segment == wanted,
            })
    });
    all && segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
