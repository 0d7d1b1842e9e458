//! A request as functions see it, on either host.

use crate::host::http::Incoming;
use bytes::Bytes;
use domain::Rejection;
use domain::hex::hex;
use domain::limits::BODY_BYTES_MAX;

/// One request, its body not read yet.
pub struct Call {
    pub(crate) incoming: Incoming,
    /// 32 hexadecimal digits: from the header `traceparent`, else random.
    pub trace_id: String,
}

impl Call {
    pub(crate) fn new(incoming: Incoming) -> Call {
        let trace_id = first_text(&incoming, "traceparent")
            .as_deref()
            .and_then(trace_id)
            .map_or_else(fresh_trace_id, str::to_owned);
        Call { incoming, trace_id }
    }

    /// As the caller sent it: `GET`.
    pub fn method(&self) -> &str {
        self.incoming.method()
    }

    /// Checks method and path segments, for a component with one route.
    ///
    /// # Errors
    /// `NoRoute` or `MethodNotAllowed`.
    pub fn must_be(&self, method: &str, path: &[&str]) -> Result<(), Rejection> {
        if self.segments() != path {
            return Err(Rejection::NoRoute);
        }
        match self.method() == method {
            true => Ok(()),
            false => Err(Rejection::MethodNotAllowed),
        }
    }

    /// Without the query, not decoded.
    pub fn path(&self) -> &str {
        let target = self.incoming.path_and_query();
        target.split('?').next().unwrap_or_default()
    }

    /// Refuses a path or query that is no UTF-8: with replaced bytes it would name another thing.
    pub(crate) fn readable(&self) -> Result<(), Rejection> {
        let target = self.incoming.path_and_query();
        match target.contains('%') && String::from_utf8(bytes(target, Plus::Itself)).is_err() {
            true => Err(Rejection::invalid("path or query", "is no UTF-8")),
            false => Ok(()),
        }
    }

    /// Path segments, percent-decoded, without empty ones.
    pub fn segments(&self) -> Vec<String> {
        self.path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| decode(segment, Plus::Itself))
            .collect()
    }

    /// First line of a header; `None` where it is absent or no UTF-8. Not for headers that decide who asks for what.
    pub fn header(&self, name: &str) -> Option<String> {
        first_text(&self.incoming, name)
    }

    /// Every line of a header as it came, UTF-8 or not.
    pub fn header_lines(&self, name: &str) -> Vec<Vec<u8>> {
        self.incoming.header_lines(name)
    }

    /// Every line of a header that is UTF-8. For headers that may be ignored.
    pub fn header_all(&self, name: &str) -> Vec<String> {
        let lines = self.header_lines(name).into_iter();
        lines
            .filter_map(|line| String::from_utf8(line).ok())
            .collect()
    }

    /// First value of a query parameter that is not empty, decoded.
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
            .filter(|(key, _)| decode(key, Plus::Space) == name)
            .map(|(_, value)| decode(value, Plus::Space))
            .collect()
    }

    /// Refuses a request that gives one of these query parameters several values: only one would count.
    ///
    /// # Errors
    /// Where a parameter has values that differ.
    pub fn once(&self, names: &[&str]) -> Result<(), Rejection> {
        for name in names {
            let values = self.query_all(name);
            if values.windows(2).any(|pair| pair[0] != pair[1]) {
                return Err(Rejection::invalid(*name, "has several values"));
            }
        }
        Ok(())
    }

    /// Reads a JSON body of at most 64 KB. The content type may be absent, and under `/orders` the one that the demo's
    /// clients send by default.
    ///
    /// # Errors
    /// Where the content type is another, or as [`body`](Self::body).
    pub async fn json_body(&mut self) -> Result<Bytes, Rejection> {
        let lines = self.header_lines("content-type");
        if lines.len() > 1 {
            return Err(Rejection::UnsupportedMediaType);
        }
        if let Some(line) = lines.into_iter().next() {
            let content_type =
                String::from_utf8(line).map_err(|_| Rejection::UnsupportedMediaType)?;
            let essence = content_type
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            // What `curl -d` and `hey` send by default.
            let unlabelled = matches!(
                essence.as_str(),
                "" | "application/x-www-form-urlencoded" | "text/html"
            );
            let below = self.path().strip_prefix("/orders");
            let is_demo = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let compat = unlabelled && is_demo;
            if essence != "application/json" && !essence.ends_with("+json") && !compat {
                return Err(Rejection::UnsupportedMediaType);
            }
        }
        self.body().await
    }

    /// The body's length by `content-length`; `None` where that is absent or no number.
    pub(crate) fn declared(&self) -> Option<u64> {
        let length = self.header("content-length")?;
        length.parse().ok()
    }
}

/// Refusal of a longer body.
pub(crate) const TOO_LARGE: Rejection = Rejection::BodyTooLarge {
    bytes_max: BODY_BYTES_MAX,
};

fn first_text(incoming: &Incoming, name: &str) -> Option<String> {
    let line = incoming.header_lines(name).into_iter().next()?;
    String::from_utf8(line).ok()
}

/// What a plus stands for: a space in a query, as forms write it; itself in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Itself,
    Space,
}

fn decode(text: &str, plus: Plus) -> String {
    String::from_utf8_lossy(&bytes(text, plus)).into_owned()
}

fn bytes(text: &str, plus: Plus) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = match bytes[at] {
            b'%' => digit(at + 1).zip(digit(at + 2)),
            _ => None,
        };
        match (escaped, bytes[at]) {
            (Some((high, low)), _) => {
                decoded.push((high * 16 + low) as u8);
                at += 2;
            }
            (None, b'+') if plus == Plus::Space => decoded.push(b' '),
            (None, byte) => decoded.push(byte),
        }
        at += 1;
    }
    decoded
}

/// The trace id of a W3C `traceparent`, where it is valid.
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
        assert_eq!(decode("a%20b+c%E4%B8%AD", Plus::Space), "a b c中");
        assert_eq!(decode("a%20b+c%2B", Plus::Itself), "a b+c+");
        for other in ["%zz%2", "%+d", "%", "%é"] {
            assert_eq!(decode(other, Plus::Itself), other);
        }
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
