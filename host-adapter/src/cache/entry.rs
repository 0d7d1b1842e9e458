//! A stored reply, and how it is served: whole, or as 304 to a client that has it.

use super::directives::{Storable, Wanted};
use super::stamps::{Number, Slot};
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, AGE, CACHE_CONTROL, CONNECTION,
    CONTENT_LOCATION, DATE, ETAG, EXPIRES, GetAll, HeaderName, IF_NONE_MATCH, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VARY,
};
use http::{HeaderMap, HeaderValue, StatusCode, response};
use std::hash::{DefaultHasher, Hasher};
use std::time::{Duration, Instant, SystemTime};

/// Headers of a 304 (RFC 9110, 15.4.5), and those that let a page read what it stands for.
const OF_NOT_MODIFIED: [HeaderName; 8] = [
    CACHE_CONTROL,
    CONTENT_LOCATION,
    DATE,
    ETAG,
    EXPIRES,
    VARY,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
];
/// Headers that concern one connection only, and are not stored.
const OF_CONNECTION: [HeaderName; 4] = [CONNECTION, TRAILER, TRANSFER_ENCODING, UPGRADE];
/// Bytes that an entry takes besides its key, headers and body.
const OVERHEAD_BYTES: usize = 256;
/// Bytes that a header takes besides its text.
const HEADER_BYTES: usize = 64;

/// A stored reply.
#[derive(Debug)]
pub struct Entry {
    /// The index of the component that made it.
    pub component: usize,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    number: Number,
    slots: Box<[Slot]>,
    storable: Storable,
    asked: Instant,
    made: Instant,
}

/// When a component was asked, by number and by time.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// The last invalidation before, see [`super::stamps`].
    pub number: Number,
    /// The age of its reply is counted from here.
    pub at: Instant,
}

impl Entry {
    /// `head` and `body` as the component gave them, without `Host-Cache-Control`. Adds `ETag` and `Date` where
    /// missing.
    pub fn new(
        component: usize,
        mut head: response::Parts,
        body: Bytes,
        storable: Storable,
        slots: Box<[Slot]>,
        asked: Asked,
    ) -> Self {
        let headers = &mut head.headers;
        for name in OF_CONNECTION.iter().chain([&AGE]) {
            headers.remove(name);
        }
        if !headers.contains_key(ETAG)
            && let Ok(tag) = HeaderValue::try_from(format!("\"{:016x}\"", digest(&body)))
        {
            headers.insert(ETAG, tag);
        }
        if !headers.contains_key(DATE)
            && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now()))
        {
            headers.insert(DATE, date);
        }
        Self {
            component,
            status: head.status,
            headers: head.headers,
            body,
            number: asked.number,
            slots,
            storable,
            asked: asked.at,
            made: Instant::now(),
        }
    }

    /// What its validity depends on: the number it was made at, and its slots.
    pub fn stamp(&self) -> (Number, &[Slot]) {
        (self.number, &self.slots)
    }

    /// When it was stored.
    pub fn made(&self) -> Instant {
        self.made
    }

    /// Whether it is fresh.
    pub fn fresh(&self, now: Instant) -> bool {
        self.age(now) < self.storable.lifetime
    }

    /// Whether it is acceptable for such a request.
    pub fn serves(&self, wanted: &Wanted, now: Instant) -> bool {
        let age = self.age(now);
        let left = self.storable.lifetime.saturating_sub(age);
        !wanted.no_cache
            && wanted.accepts(age, left)
            && (self.storable.shared || !wanted.authorized)
    }

    /// Its age, counted from when the component was asked, so that it is never too low.
    fn age(&self, now: Instant) -> Duration {
        self.storable.age + now.saturating_duration_since(self.asked)
    }

    /// Bytes it takes.
    pub fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + HEADER_BYTES);
        OVERHEAD_BYTES + headers.sum::<usize>() + size_of_val(&*self.slots) + self.body.len()
    }

    /// Whether a client that sent `headers` has it already.
    pub fn matches(&self, headers: &HeaderMap) -> bool {
        is_known(self.status, &self.headers, headers)
    }

    /// Status, headers and body as stored.
    pub fn whole(&self) -> (StatusCode, HeaderMap, Bytes) {
        (self.status, self.headers.clone(), self.body.clone())
    }

    /// The headers of a 304 where the client has it.
    pub fn not_modified(&self) -> HeaderMap {
        of_not_modified(&self.headers)
    }

    /// The value of `Age`, in seconds, where it is served from the store.
    pub fn age_value(&self, now: Instant) -> HeaderValue {
        match self.age(now).as_secs() {
            0 => HeaderValue::from_static("0"),
            seconds => HeaderValue::from(seconds),
        }
    }
}

/// Whether a client that sent `asked` has the reply with this status and these headers already.
pub fn is_known(status: StatusCode, headers: &HeaderMap, asked: &HeaderMap) -> bool {
    asked.contains_key(IF_NONE_MATCH)
        && status == StatusCode::OK
        && matches(asked.get_all(IF_NONE_MATCH), headers.get(ETAG))
}

/// Those headers of a reply that its 304 has too.
pub fn of_not_modified(whole: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(OF_NOT_MODIFIED.len() + 1);
    for name in &OF_NOT_MODIFIED {
        for value in whole.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    headers
}

fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    hasher.finish()
}

/// Whether `lines` of If-None-Match name `tag`, by weak comparison.
fn matches(lines: GetAll<'_, HeaderValue>, tag: Option<&HeaderValue>) -> bool {
    let Some(tag) = tag.map(HeaderValue::as_bytes) else {
        return false;
    };
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    lines.iter().any(|line| {
        let line = line.as_bytes().trim_ascii();
        line == b"*" || tags(line).any(|named| named == tag)
    })
}

/// The quoted parts of a list of entity tags, quotes included.
fn tags(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| *byte == b'"')?;
        let length = rest[start + 1..].iter().position(|byte| *byte == b'"')? + 2;
        let tag = &rest[start..start + length];
        rest = &rest[start + length..];
        Some(tag)
    })
}

#[cfg(test)]
mod tests;
