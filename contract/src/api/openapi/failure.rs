//! The bodies of errors, as the document shows them.

use utoipa::ToSchema;

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
    /// What to match on; each reply lists its own codes. 10001 bad request, 10003 internal error, 10004 too many
    /// requests, 10005 unavailable, 10006 a page of another origin, 10007 no such path; from 20001 on orders, from
    /// 30001 on products and stock, from 40001 on flash sales, from 50001 on failures, from 60001 on users.
    #[schema(example = 10001)]
    code: u32,
    /// For people: `[code] text`.
    #[schema(example = "[10001] page must be a whole number from 1")]
    message: String,
    /// The same as `message`.
    #[schema(example = "[10001] page must be a whole number from 1")]
    error: String,
    /// Trace id of the request, 32 hex digits: from its header `traceparent`, else a new one. It is in the logs too.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
}

/// Error on any route where `Accept` names `application/problem+json` (RFC 9457), and does not prefer
/// `application/json`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "errors are written by `http_rules::error`")]
pub struct ProblemDetails {
    /// Always `about:blank`: `status` says what is wrong, and `code` says it in more detail.
    #[schema(example = "about:blank")]
    r#type: String,
    /// The phrase of the status.
    #[schema(example = "Bad Request")]
    title: String,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// For people.
    #[schema(example = "page must be a whole number from 1")]
    detail: String,
    /// The path of the request; missing where that could not be read.
    #[schema(example = "/v1/order/list")]
    instance: Option<String>,
    /// As in the other form of errors.
    #[schema(example = 10001)]
    code: u32,
    /// As in the other form of errors.
    #[schema(example = "4bf92f3577b34da6a3ce929d0e0e4736")]
    trace_id: String,
}
