//! What the document shows of a route.

mod table;

use crate::api::order::OrderView;
use crate::api::route;
pub use table::ROUTES;
use utoipa::ToSchema;

// The document shows the routes that are served, in their order.
const _: () = {
    assert!(ROUTES.len() == route::ROUTES.len());
    let mut at = 0;
    while at < ROUTES.len() {
        let (method, path) = route::ROUTES[at];
        assert!(is_same(ROUTES[at].method, method) && is_same(ROUTES[at].path, path));
        at += 1;
    }
};

const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

/// Reply of one order on `/v1`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "replies splice the cached order in as text")]
pub struct OrderReply {
    /// Always 10000.
    code: u32,
    /// The whole order.
    order: OrderView,
}

/// Error on the routes under `/orders` and `/products`.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "errors are `Envelope<()>`, whose data has no type to show"
)]
pub struct EnvelopeFailure {
    /// The HTTP status.
    code: u32,
    /// For people.
    message: String,
    /// Always null.
    data: Option<String>,
}

/// Error on all other routes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "errors are written by `http_rules::error`")]
pub struct ProblemBody {
    /// 10001 bad request, 10003 internal, 10004 rate limit, 10005 unavailable, 10006 a page of another origin, 10007 no
    /// such path; 20001 and up: orders; 30001 and up: products and stock; 40001 and up: flash sales; 50001 and up:
    /// failures.
    code: u32,
    /// `[code] text`.
    message: String,
    /// The same as `message`.
    error: String,
    /// Trace id of the request, 32 hex digits: from its header `traceparent`, else a new one.
    trace_id: String,
}

/// Error on any route where `Accept` names `application/problem+json` (RFC 9457), and does not prefer
/// `application/json`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "errors are written by `http_rules::error`")]
pub struct ProblemDetails {
    /// Always `about:blank`: `status` says what is wrong, and `code` says it in more detail.
    r#type: String,
    /// The phrase of the status.
    title: String,
    /// The HTTP status.
    status: u16,
    /// For people.
    detail: String,
    /// The path of the request; missing where that could not be read.
    instance: Option<String>,
    /// As in the other form of errors.
    code: u32,
    /// As in the other form of errors.
    trace_id: String,
}

/// One operation.
pub struct Route {
    /// `GET`, `POST`, `PUT` or `PATCH`.
    pub method: &'static str,
    /// With parameters in braces.
    pub path: &'static str,
    /// Name of the operation, unique.
    pub id: &'static str,
    /// Groups operations in the document.
    pub tag: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Name and meaning of query parameters and headers; those of the path are found by their braces.
    pub parameters: &'static [(&'static str, &'static str)],
    /// `None` where the route takes none.
    pub body: Option<Body>,
    /// HTTP status of a successful reply.
    pub status: u16,
    /// Of success.
    pub reply: Reply,
    /// Meaning of 202, with a reply of the same schema; `None` where it is not answered.
    pub accepted: Option<&'static str>,
    /// Meaning of 503 with a reply of the same schema; `None` where it is not answered.
    pub unwell: Option<&'static str>,
}

/// Body of a request, as JSON.
pub struct Body {
    /// Its name in the components.
    pub schema: &'static str,
    /// False where the body may be missing.
    pub required: bool,
}

/// Body of a reply, as JSON.
#[derive(Clone, Copy)]
pub struct Reply {
    /// Its name in the components.
    pub schema: &'static str,
    /// Its description.
    pub text: &'static str,
}

impl Route {
    /// Whether errors may also come as `{code, message, data}`.
    pub fn enveloped(&self) -> bool {
        self.path.starts_with("/orders") || self.path.starts_with("/products")
    }

    /// Whether a client may ask with `If-None-Match` whether its copy of the reply is current.
    pub fn revalidates(&self) -> bool {
        self.method == "GET" && matches!(self.tag, table::ORDERS | table::PRODUCTS)
    }

    /// Whether success creates something, to be read at `Location`.
    pub fn makes(&self) -> bool {
        self.accepted.is_some() || matches!(self.status, 201 | 202)
    }

    const fn get(
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Route {
        Route {
            method: "GET",
            path,
            id,
            tag,
            summary,
            parameters: &[],
            body: None,
            status: 200,
            reply: Reply {
                schema: "ProblemBody",
                text: "",
            },
            accepted: None,
            unwell: None,
        }
    }

    const fn post(
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Route {
        Route {
            method: "POST",
            ..Route::get(path, id, tag, summary)
        }
    }

    const fn put(
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Route {
        Route {
            method: "PUT",
            ..Route::get(path, id, tag, summary)
        }
    }

    const fn patch(
        path: &'static str,
        id: &'static str,
        tag: &'static str,
        summary: &'static str,
    ) -> Route {
        Route {
            method: "PATCH",
            ..Route::get(path, id, tag, summary)
        }
    }

    const fn with(self, parameters: &'static [(&'static str, &'static str)]) -> Route {
        Route { parameters, ..self }
    }

    const fn takes(self, schema: &'static str) -> Route {
        let body = Some(Body {
            schema,
            required: true,
        });
        Route { body, ..self }
    }

    const fn may_take(self, schema: &'static str) -> Route {
        let body = Some(Body {
            schema,
            required: false,
        });
        Route { body, ..self }
    }

    const fn gives(self, schema: &'static str, text: &'static str) -> Route {
        Route {
            reply: Reply { schema, text },
            ..self
        }
    }

    const fn may_accept(self, text: &'static str) -> Route {
        Route {
            accepted: Some(text),
            ..self
        }
    }

    const fn may_be_unwell(self, text: &'static str) -> Route {
        Route {
            unwell: Some(text),
            ..self
        }
    }

    const fn with_status(self, status: u16) -> Route {
        Route { status, ..self }
    }
}
