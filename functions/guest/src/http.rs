//! The request as functions see it, the reply they give, and the way between both and the host.

use crate::Fault;
use crate::shape::Shape;
use bytes::Bytes;
use contract::order::Envelope;
use contract::problem::Problem;
use domain::Rejection;
use domain::limits::BODY_BYTES_MAX;
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use serde::Serialize;
use spin_sdk::http::Request;
use std::future::Future;

/// One request: what can be known before its body is read.
pub struct Call {
    request: Request,
    pub trace_id: String,
}

/// A whole reply.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(status: u16, body: Vec<u8>) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body,
        }
    }

    /// A value as JSON.
    pub fn of(status: u16, value: &impl Serialize) -> Result<Reply, Fault> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Fault::Internal(format!("reply: {error}")))?;
        Ok(Reply::json(status, body))
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Reply {
        self.headers.push((name, value.into()));
        self
    }

    /// The error body of a problem.
    pub fn problem(problem: &Problem, trace_id: &str) -> Reply {
        let body = serde_json::to_vec(&problem.body(trace_id)).unwrap_or_default();
        let reply = Reply::json(problem.status, body);
        match problem.retry_after_ms {
            Some(ms) => reply.with("retry-after", ms.div_ceil(1_000).to_string()),
            None => reply,
        }
    }
}

impl Call {
    fn new(request: Request) -> Call {
        let trace_id = request
            .headers()
            .get("traceparent")
            .and_then(|value| value.to_str().ok())
            .and_then(trace_id)
            .map_or_else(fresh_trace_id, str::to_owned);
        Call { request, trace_id }
    }

    pub fn method(&self) -> &str {
        self.request.method().as_str()
    }

    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// Path segments, percent-decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    }

    /// Every value of a header that may be repeated.
    pub fn header_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let values = self.request.headers().get_all(name).into_iter();
        values.filter_map(|value| value.to_str().ok())
    }

    /// First value of a query parameter, decoded; `None` where absent or empty.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_all(name)
            .into_iter()
            .find(|value| !value.is_empty())
    }

    /// Every value of a query parameter, decoded, in order.
    pub fn query_all(&self, name: &str) -> Vec<String> {
        let query = self.request.uri().query().unwrap_or_default();
        let pairs = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs
            .filter(|(key, _)| decode(key) == name)
            .map(|(_, value)| decode(value))
            .collect()
    }

    /// Reads a JSON body of at most 64 KB. An absent content type passes (`curl` clients of 000 send none), another type does not.
    pub async fn json_body(&mut self) -> Result<Bytes, Rejection> {
        if let Some(content_type) = self.header("content-type") {
            let essence = content_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            // What `curl -d` and `hey` send when told nothing.
            let unlabelled = matches!(
                essence.as_str(),
                "" | "application/x-www-form-urlencoded" | "text/html"
            );
            let compat = unlabelled && self.path().starts_with("/orders");
            if essence != "application/json" && !essence.ends_with("+json") && !compat {
                return Err(Rejection::UnsupportedMediaType);
            }
        }
        self.body().await
    }

    /// Reads a body of at most 64 KB.
    pub async fn body(&mut self) -> Result<Bytes, Rejection> {
        let too_large = Rejection::BodyTooLarge {
            bytes_max: BODY_BYTES_MAX,
        };
        let declared = self
            .header("content-length")
            .and_then(|length| length.parse::<u64>().ok());
        if declared.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
            return Err(too_large);
        }
        let mut collected = Vec::with_capacity(declared.unwrap_or(0) as usize);
        let body = self.request.body_mut();
        while !body.is_end_stream() {
            let Some(frame) = body.frame().await else {
                break;
            };
            let frame =
                frame.map_err(|_| Rejection::invalid("body", "ended before it was complete"))?;
            if let Ok(data) = frame.into_data() {
                if collected.len() + data.len() > BODY_BYTES_MAX {
                    return Err(too_large);
                }
                collected.extend_from_slice(&data);
            }
        }
        Ok(Bytes::from(collected))
    }
}

/// Runs a handler and turns what it gives, or why it failed, into the host's response.
/// Errors take the common shape, on the routes of 000 theirs.
pub async fn serve<H, F>(request: Request, handler: H) -> http::Response<Full<Bytes>>
where
    H: FnOnce(Call) -> F,
    F: Future<Output = Result<Reply, Fault>>,
{
    let call = Call::new(request);
    let trace_id = call.trace_id.clone();
    let shape = Shape::of(call.path());
    let reply = match handler(call).await {
        Ok(reply) => reply,
        Err(fault) => {
            log(&fault, &trace_id);
            let problem = fault.problem();
            let reply = Reply::problem(&problem, &trace_id);
            if shape == Shape::Envelope {
                enveloped(&problem, reply)
            } else {
                reply
            }
        }
    };
    let length = http::HeaderValue::from(reply.body.len());
    let mut response = http::Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() =
        http::StatusCode::from_u16(reply.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/json"),
    );
    // The body is a stream to the host: told its length, it need not be sent in chunks.
    headers.insert(http::header::CONTENT_LENGTH, length);
    for (name, value) in reply.headers {
        if let Ok(value) = http::HeaderValue::from_str(&value) {
            headers.insert(http::HeaderName::from_static(name), value);
        }
    }
    response
}

/// 000's clients read `{code, message, data}`, with code = HTTP status.
fn enveloped(problem: &Problem, reply: Reply) -> Reply {
    let body = serde_json::to_vec(&Envelope::failure(problem)).unwrap_or_default();
    Reply { body, ..reply }
}

/// What is the caller's own doing is not logged here; what is not, is, once.
pub fn log(fault: &Fault, trace_id: &str) {
    let level = match fault {
        Fault::Rejected(_) => return,
        Fault::Unavailable { .. } => "WARN",
        Fault::Internal(_) => "ERROR",
    };
    let line = serde_json::json!({
        "timestamp": domain::calendar::rfc3339(crate::clock::now()),
        "level": level,
        "trace_id": trace_id,
        "message": fault.to_string(),
    });
    eprintln!("{line}");
}

fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten();
        let value = escaped
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (value, bytes[at]) {
            (Some(byte), _) => {
                decoded.push(byte);
                at += 2;
            }
            (None, b'+') => decoded.push(b' '),
            (None, byte) => decoded.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// The trace id of a W3C `traceparent`.
fn trace_id(traceparent: &str) -> Option<&str> {
    let id = traceparent.split('-').nth(1)?;
    (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()) && id.bytes().any(|b| b != b'0'))
        .then_some(id)
}

fn fresh_trace_id() -> String {
    use std::hash::{BuildHasher, Hasher};
    let part = || {
        std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish()
    };
    format!("{:016x}{:016x}", part() ^ crate::clock::now(), part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_and_plus() {
        assert_eq!(decode("a%20b+c%E4%B8%AD"), "a b c中");
        assert_eq!(decode("%zz%2"), "%zz%2");
    }

    #[test]
    fn traces() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(trace_id(good), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(
            trace_id("00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
            None
        );
        assert_eq!(trace_id("junk"), None);
    }
}
