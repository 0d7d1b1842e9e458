//! One request as functions see it. What they do not ask for stays with the host: each header is a call, and so is
//! the body.

use bytes::Bytes;
use domain::Rejection;
use domain::limits::BODY_BYTES_MAX;
use spin_sdk::wasip3::http::types::{Headers, Method, Request};
use spin_sdk::wasip3::wit_bindgen::StreamResult;
use spin_sdk::wasip3::wit_future;
use std::borrow::Cow;

/// Room for the first piece of a body of unknown length.
const CHUNK_BYTES: usize = 4 * 1024;

/// One request: what can be known before its body is read.
pub struct Call {
    /// Until its body is read.
    request: Option<Request>,
    headers: Headers,
    method: Cow<'static, str>,
    path_and_query: String,
    pub trace_id: String,
}

impl Call {
    pub(super) fn new(request: Request) -> Call {
        let headers = request.get_headers();
        let trace_id = first(&headers, "traceparent")
            .as_deref()
            .and_then(trace_id)
            .map_or_else(fresh_trace_id, str::to_owned);
        Call {
            headers,
            method: method_name(request.get_method()),
            path_and_query: request.get_path_with_query().unwrap_or_default(),
            request: Some(request),
            trace_id,
        }
    }

    pub fn method(&self) -> &str {
        &self.method
    }

    pub fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    /// Path segments, percent-decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect()
    }

    /// First value of a header; `None` where it is absent or no text.
    pub fn header(&self, name: &str) -> Option<String> {
        first(&self.headers, name)
    }

    /// Every value of a header that may be repeated.
    pub fn header_all(&self, name: &str) -> Vec<String> {
        let values = self.headers.get(name).into_iter();
        values
            .filter_map(|value| String::from_utf8(value).ok())
            .collect()
    }

    /// First value of a query parameter, decoded; `None` where absent or empty.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_all(name)
            .into_iter()
            .find(|value| !value.is_empty())
    }

    /// Every value of a query parameter, decoded, in order.
    pub fn query_all(&self, name: &str) -> Vec<String> {
        let query = self
            .path_and_query
            .split_once('?')
            .map_or("", |(_, query)| query);
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

    /// Reads a body of at most 64 KB. Empty when it was read before.
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
        let declared = declared.map(|length| length as usize);
        let Some(request) = self.request.take().filter(|_| declared != Some(0)) else {
            return Ok(Bytes::new());
        };
        let (_handled, handling) = wit_future::new(|| Ok(()));
        let (mut stream, ended) = Request::consume_body(request, handling);
        let mut body = Vec::with_capacity(declared.unwrap_or(CHUNK_BYTES));
        // A body of known length ends with its last byte; the end of another is a word of its own.
        while declared != Some(body.len()) {
            body.reserve(if body.len() == body.capacity() {
                CHUNK_BYTES
            } else {
                0
            });
            let (result, read) = stream.read(body).await;
            body = read;
            if body.len() > BODY_BYTES_MAX {
                return Err(too_large);
            }
            if result == StreamResult::Dropped {
                let whole = declared.is_none() && ended.await.is_ok();
                return match whole {
                    true => Ok(Bytes::from(body)),
                    false => Err(Rejection::invalid("body", "ended before it was complete")),
                };
            }
        }
        Ok(Bytes::from(body))
    }
}

fn first(headers: &Headers, name: &str) -> Option<String> {
    let value = headers.get(name).into_iter().next()?;
    String::from_utf8(value).ok()
}

fn method_name(method: Method) -> Cow<'static, str> {
    Cow::Borrowed(match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other(name) => return Cow::Owned(name),
    })
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
