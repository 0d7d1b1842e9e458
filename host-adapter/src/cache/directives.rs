//! What requests and replies say about caching (RFC 9111), for a shared cache that neither guesses how long a reply is
//! fresh nor serves a stale one. `Host-Cache-Control`, a targeted field (RFC 9213), is for this host alone,
//! `Cache-Control` for every cache.

use super::structured::{Item, dictionary};
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, DATE, EXPIRES, PRAGMA, RANGE, SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderName, StatusCode};
use std::time::Duration;

/// For the host that runs the component, and no cache behind it; removed from the reply.
pub const HOST_CACHE_CONTROL: HeaderName = HeaderName::from_static("host-cache-control");

/// The largest number of seconds; larger ones count as this (RFC 9111, 1.2.2).
const SECONDS_MAX: u64 = 1 << 31;

/// What a request asks of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Neither served from the store nor stored: `no-store`, or a range.
    pub bypass: bool,
    /// Not served from the store.
    pub no_cache: bool,
    /// The largest age allowed, in seconds.
    pub max_age: Option<u64>,
    /// How many seconds longer the reply must be fresh.
    pub min_fresh: u64,
    /// Served from the store or not at all.
    pub only_if_cached: bool,
    /// The request has credentials: it is served from the store, and its reply stored, only where the reply allows
    /// that.
    pub authorized: bool,
}

impl Wanted {
    /// What `headers` of a GET ask for.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut wanted = Self {
            bypass: headers.contains_key(RANGE),
            authorized: headers.contains_key(AUTHORIZATION),
            ..Self::default()
        };
        if !headers.contains_key(CACHE_CONTROL) {
            wanted.no_cache = headers
                .get(PRAGMA)
                .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"no-cache"));
            return wanted;
        }
        each(headers, &CACHE_CONTROL, |name, value| match name {
            _ if is(name, "no-store") => wanted.bypass = true,
            _ if is(name, "no-cache") => wanted.no_cache = true,
            _ if is(name, "only-if-cached") => wanted.only_if_cached = true,
            _ if is(name, "max-age") => wanted.max_age = Some(seconds(value)),
            // A value that is no number asks for more than any reply has.
            _ if is(name, "min-fresh") => {
                wanted.min_fresh = value.map_or(SECONDS_MAX, |_| seconds(value));
            }
            _ => {}
        });
        wanted
    }

    /// Whether a reply of this age, fresh for `left` more, is acceptable.
    pub fn accepts(&self, age: Duration, left: Duration) -> bool {
        self.max_age
            .is_none_or(|max| age.as_secs() <= max && max > 0)
            && left >= Duration::from_secs(self.min_fresh)
    }
}

/// How long, and to whom, a reply may be served from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storable {
    /// How long it is fresh, counted from its creation.
    pub lifetime: Duration,
    /// Its age when it came: the header `Age`.
    pub age: Duration,
    /// Whether requests with credentials may get it, too.
    pub shared: bool,
}

/// The directives of a reply that matter here.
#[derive(Debug, Default)]
struct Directives {
    forbidden: bool,
    shared: bool,
    max_age: Option<u64>,
    s_maxage: Option<u64>,
}

/// How long a reply may be stored; `None` where it may not. `authorized`: its request had credentials.
pub fn storable(status: StatusCode, headers: &HeaderMap, authorized: bool) -> Option<Storable> {
    let vary_all = || {
        let mut lines = headers.get_all(VARY).iter();
        lines.any(|line| line.as_bytes().contains(&b'*'))
    };
    if !cacheable(status) || headers.contains_key(SET_COOKIE) || vary_all() {
        return None;
    }
    let targeted = targeted(headers);
    let expires = targeted.is_none();
    let said = targeted.unwrap_or_else(|| general(headers));
    if said.forbidden || (authorized && !said.shared) {
        return None;
    }
    let explicit = said.s_maxage.or(said.max_age);
    let lifetime = match explicit {
        Some(seconds) => Duration::from_secs(seconds),
        None if expires => expiry(headers)?,
        None => return None,
    };
    let age = Duration::from_secs(headers.get(AGE).map_or(0, |age| {
        age.to_str().map_or(SECONDS_MAX, |age| seconds(Some(age)))
    }));
    (age < lifetime).then_some(Storable {
        lifetime,
        age,
        shared: said.shared,
    })
}

/// Statuses of replies that may be stored: cacheable by default, and not partial.
fn cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// `Host-Cache-Control`, where it is well formed and not empty. Values of an unexpected type are ignored.
fn targeted(headers: &HeaderMap) -> Option<Directives> {
    if !headers.contains_key(HOST_CACHE_CONTROL) {
        return None;
    }
    let members = dictionary(headers, &HOST_CACHE_CONTROL).filter(|all| !all.is_empty())?;
    let mut said = Directives::default();
    for (name, item) in members {
        match (name.as_str(), item) {
            ("no-store" | "no-cache" | "private", Item::Boolean(true) | Item::Text(_)) => {
                said.forbidden = true;
            }
            ("public" | "must-revalidate", Item::Boolean(true)) => said.shared = true,
            ("max-age", Item::Integer(age)) => said.max_age = Some(u64::try_from(age).unwrap_or(0)),
            ("s-maxage", Item::Integer(age)) => {
                said.s_maxage = Some(u64::try_from(age).unwrap_or(0));
                said.shared = true;
            }
            _ => {}
        }
    }
    Some(said)
}

/// `Cache-Control`. Of repeated ages the shortest counts.
fn general(headers: &HeaderMap) -> Directives {
    let mut said = Directives::default();
    let shorter = |known: Option<u64>, value| {
        let age = seconds(value);
        Some(known.map_or(age, |known| known.min(age)))
    };
    each(headers, &CACHE_CONTROL, |name, value| match name {
        _ if is(name, "no-store") || is(name, "no-cache") || is(name, "private") => {
            said.forbidden = true;
        }
        _ if is(name, "public") || is(name, "must-revalidate") => said.shared = true,
        _ if is(name, "max-age") => said.max_age = shorter(said.max_age, value),
        _ if is(name, "s-maxage") => {
            said.s_maxage = shorter(said.s_maxage, value);
            said.shared = true;
        }
        _ => {}
    });
    said
}

/// `Expires`, counted from `Date`; `None` where either is no date, or `Expires` is the earlier one.
fn expiry(headers: &HeaderMap) -> Option<Duration> {
    let date = |name| {
        let text = headers.get(name)?.to_str().ok()?;
        httpdate::parse_http_date(text).ok()
    };
    date(EXPIRES)?.duration_since(date(DATE)?).ok()
}

fn is(name: &str, directive: &str) -> bool {
    name.eq_ignore_ascii_case(directive)
}

/// Seconds; 0 where the value is no number.
fn seconds(value: Option<&str>) -> u64 {
    let digits = value.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    digits.map_or(0, |text| {
        text.parse().unwrap_or(SECONDS_MAX).min(SECONDS_MAX)
    })
}

/// Every directive with its value, unquoted. Commas within quotes do not separate.
fn each<'a>(
    headers: &'a HeaderMap,
    field: &HeaderName,
    mut told: impl FnMut(&'a str, Option<&'a str>),
) {
    for line in headers.get_all(field) {
        let Ok(line) = line.to_str() else { continue };
        let mut quoted = false;
        let parts = line.split(move |letter| {
            quoted ^= letter == '"';
            letter == ',' && !quoted
        });
        for part in parts {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value.trim().trim_matches('"'))),
                None => (part, None),
            };
            told(name.trim(), value);
        }
    }
}

#[cfg(test)]
mod tests;
