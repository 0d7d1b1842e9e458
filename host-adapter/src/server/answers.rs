//! The host's own answers: every request that no component answers gets one of these, in the form of the application's
//! errors, and readable by the same web pages.

use super::body::Contents;
use super::call;
use super::slots::Crowded;
use crate::admission::NoRoom;
use crate::application::Application;
use crate::trace::TraceParent;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CONNECTION,
    CONTENT_TYPE, HeaderName, ORIGIN, RETRY_AFTER, VARY,
};
use http::{HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_rules::error::{Failure, Form};
use http_rules::grpc;
use http_rules::limit::{LEFT_HEADER, Limit, POLICY_HEADER};
use http_rules::origin::{self, Origins};
use http_rules::path;
use wasmtime_wasi_http::handler::ExpirationError;

/// Reason of a 404.
pub const NOTHING_HERE: &str = "nothing is served under this path";
/// Reason of a 503, of which the metrics say more.
pub const TOO_MANY: &str = "too many requests at a time";
/// What clients learn where too many requests came, took too long or failed.
const BUSY: &str = "系统繁忙，请稍后重试";

/// What the host's own answer to a request depends on, kept while a component has the request. Nothing of it is read
/// unless there is an error.
pub struct Asker<'a> {
    origins: Option<&'a Origins>,
    trace: TraceParent,
    uri: Uri,
    accept: Vec<HeaderValue>,
    /// It is a gRPC call, whose client reads no body.
    is_call: bool,
    origin: Option<HeaderValue>,
}

impl<'a> Asker<'a> {
    /// Who sends this request.
    pub fn of<B>(application: &'a Application, request: &Request<B>) -> Self {
        let headers = request.headers();
        let mut origin = headers.get_all(ORIGIN).iter();
        Self {
            origins: application.origins.as_ref(),
            trace: TraceParent::accept(headers.get("traceparent")),
            uri: request.uri().clone(),
            accept: headers.get_all(ACCEPT).iter().cloned().collect(),
            is_call: call::is_call(headers) && request.version() >= Version::HTTP_2,
            origin: origin.next().filter(|_| origin.next().is_none()).cloned(),
        }
    }

    /// The request's trace context, or the new one that it has got.
    pub fn trace(&self) -> &TraceParent {
        &self.trace
    }

    /// A refusal.
    pub fn refuse(&self, status: StatusCode, reason: &str) -> Response<Contents> {
        if self.is_call {
            return call_refused(status, reason);
        }
        let path = path::canonical(self.uri.path()).unwrap_or_else(|_| self.uri.path().into());
        let form = Form::of(&path, self.accept.iter().map(HeaderValue::as_bytes));
        let failure = failure(status, reason, self.trace.trace_id(), &path);
        let mut response = own(status, failure.body(form).into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(form.content_type()));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        if may_help(status) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        for (name, value) in self.shown() {
            headers.append(name, value);
        }
        response
    }

    /// A refusal after which its connection is closed.
    pub fn last(&self, status: StatusCode, reason: &str) -> Response<Contents> {
        closing(self.refuse(status, reason))
    }

    /// The refusal of a method on a path of the host itself.
    pub fn wrong_method(&self) -> Response<Contents> {
        let mut response = self.refuse(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        let methods = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, methods);
        response
    }

    /// The refusal of a request to a route that has had as many as it takes in a second.
    pub fn limited(&self, limit: &Limit) -> Response<Contents> {
        let mut response = self.refuse(StatusCode::TOO_MANY_REQUESTS, BUSY);
        let lines = [
            (POLICY_HEADER, limit.policy()),
            (LEFT_HEADER, limit.left(0, 1)),
        ];
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::try_from(value) {
                let name = HeaderName::from_static(name);
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// The refusal of a request that a circuit breaker keeps from its component, or that took it too long.
    pub fn busy(&self) -> Response<Contents> {
        self.refuse(StatusCode::SERVICE_UNAVAILABLE, BUSY)
    }

    /// The refusal of a body over the bound; the rest of it is not read.
    pub fn too_large(&self, bytes_max: u64) -> Response<Contents> {
        let reason = format!("the body is larger than {bytes_max} bytes");
        self.last(StatusCode::PAYLOAD_TOO_LARGE, &reason)
    }

    /// The answer where the component gave none. The reason is only logged, unless it was not asked.
    pub fn failed(&self, error: &wasmtime::Error, component: &str) -> Response<Contents> {
        if error.is::<Crowded>() {
            return self.refuse(StatusCode::SERVICE_UNAVAILABLE, TOO_MANY);
        }
        tracing::error!(
            trace_id = self.trace.trace_id(),
            component,
            error = format!("{error:#}"),
            "the component gave no answer"
        );
        let (status, reason) = if error.downcast_ref::<ExpirationError>().is_some() {
            (StatusCode::GATEWAY_TIMEOUT, "the answer took too long")
        } else if error.is::<NoRoom>() {
            (StatusCode::SERVICE_UNAVAILABLE, "too busy to begin")
        } else {
            (StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        };
        self.refuse(status, reason)
    }

    /// The headers that let a page of an admitted origin read the answer.
    fn shown(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let named = self.origin.as_ref().and_then(|origin| origin.to_str().ok());
        let vary = self.origins.is_some_and(Origins::vary);
        let allowed = self.origins.and_then(|origins| origins.allowed(named));
        let allowed = allowed.and_then(|allowed| HeaderValue::from_str(allowed).ok());
        let exposed = allowed
            .as_ref()
            .map(|_| HeaderValue::from_static(origin::EXPOSED_HEADERS));
        [
            (VARY, vary.then(|| HeaderValue::from_static("origin"))),
            (ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
            (ACCESS_CONTROL_EXPOSE_HEADERS, exposed),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

/// The refusal of a gRPC call: headers and nothing else.
fn call_refused(status: StatusCode, reason: &str) -> Response<Contents> {
    let mut response = own(StatusCode::OK, Bytes::new());
    let grpc_status = grpc::status_of(status.as_u16());
    *response.headers_mut() = call::refusal(grpc_status, code(status), reason);
    let grpc = HeaderValue::from_static(grpc::CONTENT_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, grpc);
    response
}

/// An answer that is no refusal.
pub fn own(status: StatusCode, text: Bytes) -> Response<Contents> {
    let mut response = Response::new(Contents::Whole(text));
    *response.status_mut() = status;
    response
}

/// The same response, after which its connection is closed.
pub fn closing(mut response: Response<Contents>) -> Response<Contents> {
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// An answer in JSON.
pub fn json(text: Bytes) -> Response<Contents> {
    let mut response = own(StatusCode::OK, text);
    let json = HeaderValue::from_static(Form::House.content_type());
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

/// A refusal as the bytes of an HTTP/1.1 response, where there is no request that could be read. A page can read it
/// where all may.
pub fn wire(status: StatusCode, reason: &str, origins: Option<&Origins>) -> Bytes {
    let trace = TraceParent::accept(None);
    let body = failure(status, reason, trace.trace_id(), "").body(Form::House);
    let phrase = status.canonical_reason().unwrap_or_default();
    let retry = match may_help(status) {
        true => "retry-after: 1\r\n",
        false => "",
    };
    let shown = match origins {
        Some(Origins::Any) => "access-control-allow-origin: *\r\n",
        _ => "",
    };
    let head = format!(
        "HTTP/1.1 {} {phrase}\r\nconnection: close\r\n{retry}{shown}content-type: {}\r\ncontent-length: {}\r\n\r\n",
        status.as_u16(),
        Form::House.content_type(),
        body.len()
    );
    [head.as_bytes(), &body].concat().into()
}

/// The application's codes, which clients match on.
fn code(status: StatusCode) -> u32 {
    match status.as_u16() {
        404 => 10007,
        429 => 10004,
        503 | 504 => 10005,
        500 | 502 => 10003,
        _ => 10001,
    }
}

fn failure<'a>(
    status: StatusCode,
    message: &'a str,
    trace_id: &'a str,
    path: &'a str,
) -> Failure<'a> {
    Failure {
        status: status.as_u16(),
        code: code(status),
        message,
        trace_id,
        path,
    }
}

/// Whether the same request may succeed a moment later.
fn may_help(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_refused_in_headers_alone() {
        let response = call_refused(StatusCode::SERVICE_UNAVAILABLE, "too many at a time");
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers["content-type"], "application/grpc");
        assert_eq!(headers["grpc-status"], "14");
        assert_eq!(headers["grpc-message"], "[10005] too many at a time");
        assert_eq!(headers["x-error-code"], "10005");
        assert!(matches!(response.body(), Contents::Whole(body) if body.is_empty()));
        let limited = call_refused(StatusCode::TOO_MANY_REQUESTS, BUSY);
        assert_eq!(limited.headers()["grpc-status"], "8");
        assert_eq!(limited.headers()["x-error-code"], "10004");
    }

    #[test]
    fn a_refusal_on_the_wire_is_json_with_a_length() {
        let wire = wire(
            StatusCode::URI_TOO_LONG,
            "the \"target\" is too long",
            Some(&Origins::Any),
        );
        let text = std::str::from_utf8(&wire).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        assert!(head.contains("access-control-allow-origin: *"), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], 10001);
        assert_eq!(body["message"], "[10001] the \"target\" is too long");
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
    }
}
