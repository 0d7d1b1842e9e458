//! Which operations are limited, and by what (docs/decisions/0026). Each route and each gRPC method says it in its
//! table; how often is the operator's choice.

/// By what an operation is limited, besides what the host bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// Nothing: it only reads.
    No,
    /// The client's address: it changes something.
    ByAddress,
    /// The user, and the client's address: it places an order.
    ByUser,
}

impl Limited {
    /// By the method of a route.
    pub(super) const fn of_method(method: &str) -> Limited {
        match method.as_bytes() {
            b"GET" => Limited::No,
            _ => Limited::ByAddress,
        }
    }
}
