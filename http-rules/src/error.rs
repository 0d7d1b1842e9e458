//! The body of every error reply, whoever makes it: in the house's form, as an envelope on the routes of the demo, or
//! as problem details (RFC 9457) for clients that ask for them. This is the one place that decides the form.

use crate::accept;
use http::StatusCode;
use serde::Serialize;

/// How an error is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{code, message, error, trace_id}`.
    House,
    /// `{code, message, data: null}`, where `code` is the status: what the demo's clients read.
    Envelope,
    /// `application/problem+json`.
    Problem,
}

impl Form {
    /// The form for a request to `path` with these lines of `Accept`.
    pub fn of<'a>(path: &str, accept: impl Iterator<Item = &'a [u8]>) -> Form {
        if accept::prefers_problem_details(accept) {
            Form::Problem
        } else if is_enveloped(path) {
            Form::Envelope
        } else {
            Form::House
        }
    }

    /// The value of `content-type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Form::House | Form::Envelope => "application/json",
            Form::Problem => "application/problem+json",
        }
    }
}

/// Whether replies below this path are `{code, message, data}`.
pub fn is_enveloped(path: &str) -> bool {
    ["/orders", "/products"].iter().any(|root| {
        path.strip_prefix(root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// An error to be written.
#[derive(Clone, Copy, Debug)]
pub struct Failure<'a> {
    /// HTTP status.
    pub status: u16,
    /// Stable code that clients match on.
    pub code: u32,
    /// For people, without the code.
    pub message: &'a str,
    /// 32 hexadecimal digits.
    pub trace_id: &'a str,
    /// Path of the request, canonical; empty where there was none that could be read.
    pub path: &'a str,
}

#[derive(Serialize)]
struct House<'a> {
    code: u32,
    message: &'a str,
    error: &'a str,
    trace_id: &'a str,
}

#[derive(Serialize)]
struct Envelope<'a> {
    code: u16,
    message: &'a str,
    data: (),
}

#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instance: &'a str,
    code: u32,
    trace_id: &'a str,
}

impl Failure<'_> {
    /// The JSON body in this form.
    pub fn body(&self, form: Form) -> Vec<u8> {
        let Failure {
            status,
            code,
            message,
            trace_id,
            path,
        } = *self;
        let written = match form {
            Form::House => {
                let message = &format!("[{code}] {message}");
                serde_json::to_vec(&House {
                    code,
                    message,
                    error: message,
                    trace_id,
                })
            }
            Form::Envelope => serde_json::to_vec(&Envelope {
                code: status,
                message,
                data: (),
            }),
            Form::Problem => serde_json::to_vec(&Problem {
                // The status says all that the type would; `code` says which of its errors it is.
                r#type: "about:blank",
                title: title(status),
                status,
                detail: message,
                instance: path,
                code,
                trace_id,
            }),
        };
        // Text and numbers can always be written.
        written.unwrap_or_default()
    }
}

fn title(status: u16) -> &'static str {
    let status = StatusCode::from_u16(status).ok();
    status
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: Failure<'_> = Failure {
        status: 404,
        code: 20001,
        message: "order \"9\" does not exist",
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
        path: "/orders/9",
    };

    fn text(form: Form) -> String {
        String::from_utf8(FAILURE.body(form)).unwrap()
    }

    #[test]
    fn each_form() {
        assert_eq!(
            text(Form::House),
            concat!(
                r#"{"code":20001,"message":"[20001] order \"9\" does not exist","error":"[20001] order \"9\" does not exist","#,
                r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#
            )
        );
        assert_eq!(
            text(Form::Envelope),
            r#"{"code":404,"message":"order \"9\" does not exist","data":null}"#
        );
        assert_eq!(
            text(Form::Problem),
            concat!(
                r#"{"type":"about:blank","title":"Not Found","status":404,"detail":"order \"9\" does not exist","#,
                r#""instance":"/orders/9","code":20001,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#
            )
        );
    }

    #[test]
    fn the_path_and_the_client_decide() {
        let of = |path: &str, accept: &str| Form::of(path, [accept.as_bytes()].into_iter());
        for path in ["/orders", "/orders/1", "/products", "/products/1/stock"] {
            assert_eq!(of(path, "*/*"), Form::Envelope, "{path}");
            assert_eq!(
                of(path, "application/problem+json"),
                Form::Problem,
                "{path}"
            );
        }
        for path in ["/", "/ordersx", "/v1/order/1", "/api/v1/orders", ""] {
            assert_eq!(of(path, "application/json"), Form::House, "{path}");
        }
    }
}
