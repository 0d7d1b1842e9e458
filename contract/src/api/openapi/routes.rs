//! What the document shows of a route.

mod table;

use crate::api::order::OrderView;
pub use table::ROUTES;
use utoipa::ToSchema;

/// Reply of one order on `/v1`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "replies splice the cached order in as text")]
pub struct OrderReply {
    code: u32,
    order: OrderView,
}

/// Error on the routes with an envelope; `data` is always null.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "errors are `Envelope<()>`, whose data has no type to show"
)]
pub struct EnvelopeFailure {
    /// The HTTP status.
    code: u32,
    message: String,
    data: Option<String>,
}

pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    /// Name of the operation, unique.
    pub id: &'static str,
    pub tag: &'static str,
    pub summary: &'static str,
    /// Of query and headers: name and meaning.
    pub parameters: &'static [(&'static str, &'static str)],
    pub body: Option<Body>,
    pub status: u16,
    pub reply: Reply,
    /// It may also be accepted for later, with a reply of the same schema: what that means.
    pub accepted: Option<&'static str>,
    /// It may also be answered 503 with a reply of the same schema: what that means.
    pub unwell: Option<&'static str>,
}

pub struct Body {
    pub schema: &'static str,
    pub required: bool,
}

#[derive(Clone, Copy)]
pub struct Reply {
    pub schema: &'static str,
    pub text: &'static str,
}

impl Route {
    /// Whether errors come as `{code, message, data}` too.
    pub fn enveloped(&self) -> bool {
        self.path.starts_with("/orders") || self.path.starts_with("/products")
    }

    /// Whether a client may ask whether the reply it has is still true.
    pub fn revalidates(&self) -> bool {
        self.method == "GET" && matches!(self.tag, table::ORDERS | table::PRODUCTS)
    }

    /// Whether something is there afterwards that was not before.
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
