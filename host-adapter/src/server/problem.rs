//! The host's own refusals, in the shape of the application's errors: `{code, message, error, trace_id}`. Every request
//! that no component answers gets one of these.

use super::body::Contents;
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};

/// The application's code for a status, which clients match on.
fn code(status: StatusCode) -> u32 {
    match status.as_u16() {
        404 => 10007,
        429 => 10004,
        503 | 504 => 10005,
        500..=599 => 10003,
        _ => 10001,
    }
}

/// The body of a refusal. `reason` is for the client.
pub fn body(status: StatusCode, reason: &str, trace_id: &str) -> Bytes {
    let code = code(status);
    let message = format!("[{code}] {reason}");
    let body = serde_json::json!({ "code": code, "message": message, "error": message, "trace_id": trace_id });
    body.to_string().into()
}

/// A refusal.
pub fn reply(status: StatusCode, reason: &str, trace_id: &str) -> Response<Contents> {
    let mut response = Response::new(Contents::Whole(body(status, reason, trace_id)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// A refusal after which its connection is closed.
pub fn last(status: StatusCode, reason: &str, trace_id: &str) -> Response<Contents> {
    let mut response = reply(status, reason, trace_id);
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A refusal as the bytes of an HTTP/1.1 response, where there is no request to answer.
pub fn wire(status: StatusCode, reason: &str) -> Bytes {
    let trace = crate::trace::TraceParent::accept(None);
    let body = body(status, reason, trace.trace_id());
    let phrase = status.canonical_reason().unwrap_or_default();
    let retry = match status {
        StatusCode::SERVICE_UNAVAILABLE => "retry-after: 1\r\n",
        _ => "",
    };
    let head = format!(
        "HTTP/1.1 {} {phrase}\r\nconnection: close\r\n{retry}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        status.as_u16(),
        body.len()
    );
    [head.as_bytes(), &body].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_json_with_a_length() {
        let wire = wire(StatusCode::URI_TOO_LONG, "the \"target\" is too long");
        let text = std::str::from_utf8(&wire).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], 10001);
        assert_eq!(body["message"], "[10001] the \"target\" is too long");
        assert_eq!(body["trace_id"].as_str().unwrap().len(), 32);
    }
}
