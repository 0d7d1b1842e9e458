//! One request as functions see it, however it comes in.

use super::Incoming;
use bytes::Bytes;
use domain::Rejection;
use domain::hex::hex;
use domain::limits::BODY_BYTES_MAX;

/// One request: what can be known before its body is read.
pub struct Call {
    pub(super) incoming: Incoming,
    pub trace_id: String,
}

impl Call {
    pub(super) fn new(incoming: Incoming) -> Call {
        let trace_id = incoming
            .header("traceparent")
            .as_deref()
            .and_then(trace_id)
            .map_or_else(fresh_trace_id, str::to_owned);
        Call { incoming, trace_id }
    }

    pub fn method(&self) -> &str {
        self.incoming.method()
    }

    pub fn path(&self) -> &str {
        let target = self.incoming.path_and_query();
        target.split('?').next().unwrap_or_default()
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
        self.incoming.header(name)
    }

    /// Every value of a header that may be repeated.
    pub fn header_all(&self, name: &str) -> Vec<String> {
        self.incoming.headers(name)
    }

    /// First value of a query parameter, decoded; `None` where absent or empty.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_all(name)
            .into_iter()
            .find(|value| !value.is_empty())
    }

    /// Every value of a query parameter, decoded, in order.
    pub fn query_all(&self, name: &str) -> Vec<String> {
        let target = self.incoming.path_and_query();
        let query = target.split_once('?').map_or("", |(_, query)| query);
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

    /// The length a body is declared to have, where one is.
    pub(super) fn declared(&self) -> Option<u64> {
        let length = self.header("content-length")?;
        length.parse().ok()
    }
}

/// The answer to a longer body.
pub(super) const TOO_LARGE: Rejection = Rejection::BodyTooLarge {
    bytes_max: BODY_BYTES_MAX,
};

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
    let high = part() ^ crate::clock::now();
    hex(&((u128::from(high) << 64) | u128::from(part())).to_be_bytes())
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
