//! A request as functions see it, on either host.

use super::query;
use crate::Caller;
use crate::host::http::{Body, Head};
use bytes::Bytes;
use domain::Rejection;
use domain::hex::hex;
use domain::limits::BODY_BYTES_MAX;
use http_rules::path::{self, BadPath};
use http_rules::percent::{Plus, decode, is_utf8};
use std::borrow::Cow;
use std::sync::Arc;

/// One request, its body not read yet.
pub struct Call {
    pub(crate) head: Arc<Head>,
    pub(crate) content: Body,
    /// The body, where its signature was verified.
    kept: Option<Bytes>,
    /// The canonical path, where it was sent in another spelling.
    path: Option<String>,
    /// Who calls; nobody is asked where the operation is everybody's.
    pub caller: Caller,
    /// 32 hexadecimal digits: from the header `traceparent`, else random.
    pub trace_id: String,
}

impl Call {
    /// With the reason why the target is refused, where it is.
    pub(crate) fn new(head: Arc<Head>, content: Body) -> (Call, Result<(), Rejection>) {
        let trace_id = trace_id_of(first_text(&head, "traceparent").as_deref());
        let (path, checked) = match canonical(&head) {
            Ok(Cow::Borrowed(_)) => (None, Ok(())),
            Ok(Cow::Owned(path)) => (Some(path), Ok(())),
            Err(rejection) => (None, Err(rejection)),
        };
        let checked = checked.and_then(|()| query::check(head.path_and_query()));
        let call = Call {
            head,
            content,
            kept: None,
            path,
            caller: Caller::Anyone,
            trace_id,
        };
        (call, checked)
    }

    /// As the caller sent it; `HEAD` is a `GET` whose body the host leaves out.
    pub fn method(&self) -> &str {
        match self.head.method() {
            "HEAD" => "GET",
            method => method,
        }
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

    /// Without the query, in its canonical spelling, not decoded.
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_else(|| raw_path(&self.head))
    }

    /// Path segments, percent-decoded.
    pub fn segments(&self) -> Vec<String> {
        self.path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| decode(segment, Plus::Itself))
            .collect()
    }

    /// First line of a header; `None` where it is absent or no UTF-8. Not for headers that decide who asks for what.
    pub fn header(&self, name: &str) -> Option<String> {
        first_text(&self.head, name)
    }

    /// Every line of a header as it came, UTF-8 or not.
    pub fn header_lines(&self, name: &str) -> Vec<Vec<u8>> {
        self.head.header_lines(name)
    }

    /// Every line of a header that is UTF-8. For headers that may be ignored.
    pub fn header_all(&self, name: &str) -> Vec<String> {
        let lines = self.header_lines(name).into_iter();
        lines
            .filter_map(|line| String::from_utf8(line).ok())
            .collect()
    }

    /// First value of a query parameter that is not empty, decoded. `name` in snake case stands for all spellings.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_all(name)
            .into_iter()
            .find(|value| !value.is_empty())
    }

    /// Every value of a query parameter, decoded, in order.
    pub fn query_all(&self, name: &str) -> Vec<String> {
        let pairs = query::pairs(self.head.path_and_query());
        pairs
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value)
            .collect()
    }

    /// The names of all query parameters, in snake case.
    pub fn query_names(&self) -> impl Iterator<Item = String> {
        query::pairs(self.head.path_and_query()).map(|(name, _)| name)
    }

    /// The query as it was sent, without the question mark; empty where there is none.
    pub(crate) fn raw_query(&self) -> &str {
        query::of(self.head.path_and_query())
    }

    /// Reads a body of at most 64 KB. Empty when it was read before.
    ///
    /// # Errors
    /// Where it is longer, or ends too early.
    pub async fn body(&mut self) -> Result<Bytes, Rejection> {
        match self.kept.take() {
            Some(body) => Ok(body),
            None => self.read_body().await,
        }
    }

    /// As [`body`](Self::body), which then gives it once more.
    pub(crate) async fn kept_body(&mut self) -> Result<Bytes, Rejection> {
        let body = self.body().await?;
        self.kept = Some(body.clone());
        Ok(body)
    }

    /// Reads a JSON body of at most 64 KB. The content type may be absent, and under `/orders` the one that the demo's
    /// clients send by default; but not from a web page, which may send those to any server.
    ///
    /// # Errors
    /// Where the content type is another or the content is coded, or as [`body`](Self::body).
    pub async fn json_body(&mut self) -> Result<Bytes, Rejection> {
        let lines = self.header_lines("content-type");
        let (is_json, is_taken) = match &lines[..] {
            [] => (false, true),
            [line] => {
                let is_json = is_json(line) || self.is_patch(line);
                (is_json, is_json || self.is_unlabelled(line))
            }
            _ => (false, false),
        };
        // No body has no type, whatever is said of it. A long one of a wrong type is not read.
        if !is_taken && self.declared().is_some_and(|length| length > 0) {
            return Err(Rejection::UnsupportedMediaType);
        }
        let body = self.body().await?;
        if body.is_empty() {
            return Ok(body);
        }
        if !is_taken {
            return Err(Rejection::UnsupportedMediaType);
        }
        if !is_json && !self.header_lines("origin").is_empty() {
            return Err(Rejection::UnsupportedMediaType);
        }
        match &self.header_lines("content-encoding")[..] {
            [] => Ok(body),
            [coding] if coding.trim_ascii().eq_ignore_ascii_case(b"identity") => Ok(body),
            _ => Err(Rejection::UnsupportedCoding),
        }
    }

    /// Whether the content type is that of merge patches (RFC 7396), in a patch.
    fn is_patch(&self, line: &[u8]) -> bool {
        let essence = essence(line);
        self.method() == "PATCH" && essence.is_some_and(|essence| essence == MERGE_PATCH)
    }

    /// Whether the content type is one that `curl -d` and `hey` send by default, on a route of the demo.
    fn is_unlabelled(&self, line: &[u8]) -> bool {
        let below = self.path().strip_prefix("/orders");
        let is_demo = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let essence = essence(line);
        let known = ["", "application/x-www-form-urlencoded", "text/html"];
        is_demo && essence.is_some_and(|essence| known.contains(&essence.as_str()))
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

/// The path in its canonical spelling, or as it was sent where it has none.
pub(crate) fn path_of(head: &Head) -> Cow<'_, str> {
    path::canonical(raw_path(head)).unwrap_or_else(|_| Cow::Borrowed(raw_path(head)))
}

/// The canonical path. One that is no UTF-8 is refused: with replaced bytes it would name another thing.
fn canonical(head: &Head) -> Result<Cow<'_, str>, Rejection> {
    let path = path::canonical(raw_path(head)).map_err(|bad| match bad {
        BadPath::NotCanonical => Rejection::NoRoute,
        BadPath::Escape => {
            Rejection::invalid("path", "has a percent sign without two hexadecimal digits")
        }
    })?;
    if path::ends_in_slash(&path) {
        return Err(Rejection::NoRoute);
    }
    match is_utf8(head.path_and_query()) {
        true => Ok(path),
        false => Err(Rejection::invalid("path or query", "is no UTF-8")),
    }
}

fn raw_path(head: &Head) -> &str {
    head.path_and_query().split('?').next().unwrap_or_default()
}

const MERGE_PATCH: &str = "application/merge-patch+json";

fn is_json(line: &[u8]) -> bool {
    essence(line).is_some_and(|essence| essence == "application/json")
}

/// A media type without its parameters, in lower case.
fn essence(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let essence = line.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

fn first_text(head: &Head, name: &str) -> Option<String> {
    let line = head.header_lines(name).into_iter().next()?;
    String::from_utf8(line).ok()
}

/// The trace id of a W3C `traceparent`, where there is a valid one, else a random one.
pub fn trace_id_of(traceparent: Option<&str>) -> String {
    let named = traceparent.and_then(trace_id);
    named.map_or_else(fresh_trace_id, str::to_owned)
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
