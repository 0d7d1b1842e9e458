//! The shape of a path's replies: that of the systems whose clients use it.

/// Shape of orders and lists in replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `/v1`: `{code, order}` and `{code, orders, total}`.
    V1,
    /// `/api/v1`: the order itself, with its UUID.
    Api,
    /// `/orders`, `/products`: `{code, message, data}`, as the demo's clients read it.
    Envelope,
}

impl Shape {
    /// By the beginning of the path; [`V1`](Shape::V1) for all others.
    pub fn of(path: &str) -> Shape {
        if http_rules::error::is_enveloped(path) {
            Shape::Envelope
        } else if path == "/api/v1" || path.starts_with("/api/v1/") {
            Shape::Api
        } else {
            Shape::V1
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_path_has_one() {
        for (path, shape) in [
            ("/v1/order/create", Shape::V1),
            ("/health", Shape::V1),
            ("/api/v1/orders", Shape::Api),
            ("/orders", Shape::Envelope),
            ("/orders/1", Shape::Envelope),
            ("/products", Shape::Envelope),
            ("/ordersx", Shape::V1),
        ] {
            assert_eq!(Shape::of(path), shape, "{path}");
        }
    }
}
