//! What requests and replies say about caching (RFC 9111), for a shared cache that neither guesses how long a reply is
//! fresh nor serves a stale one. A reply speaks to this host by `Host-Cache-Control`, a targeted field (RFC 9213), and
//! to everybody by `Cache-Control`.

use super::structured::{Item, dictionary};
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, DATE, EXPIRES, PRAGMA, RANGE, SET_COOKIE, VARY,
};
use http::{HeaderMap, HeaderName, StatusCode};
use std::time::Duration;

/// For the host that runs the component, and nobody behind it.
pub const HOST_CACHE_CONTROL: HeaderName = HeaderName::from_static("host-cache-control");

/// RFC 9111, 1.2.2: what is larger is this.
const SECONDS_MAX: u64 = 1 << 31;

/// What a request asks of the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Neither told from the store nor stored.
    pub bypass: bool,
    /// Not told from the store.
    pub no_cache: bool,
    /// Nothing older, in seconds.
    pub max_age: Option<u64>,
    /// Fresh for so many seconds more.
    pub min_fresh: u64,
    /// From the store or not at all.
    pub only_if_cached: bool,
    /// With credentials: told and stored only where the reply allows it.
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
            // What is no number asks for more than any reply has.
            _ if is(name, "min-fresh") => {
                wanted.min_fresh = value.map_or(SECONDS_MAX, |_| seconds(value));
            }
            _ => {}
        });
        wanted
    }

    /// Whether a reply of this age, fresh for `left` seconds more, will do.
    pub fn accepts(&self, age: Duration, left: Duration) -> bool {
        self.max_age
            .is_none_or(|max| age.as_secs() <= max && max > 0)
            && left >= Duration::from_secs(self.min_fresh)
    }
}

/// How long a reply may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storable {
    /// How long it is fresh, from its making on.
    pub lifetime: Duration,
    /// How old it already is.
    pub age: Duration,
    /// Also to requests with credentials.
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

/// Whether a reply may be stored, and for how long; `authorized`: its request had credentials.
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

/// Those that may be stored without being partial or about one client.
fn cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// `Host-Cache-Control`, where there is one that can be read and is not empty. Values of another type are ignored.
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

/// `Cache-Control`. Of two ages the shorter counts.
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

/// `Expires`, counted from `Date`. What is no date is in the past.
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

/// Seconds; what is no number is none.
fn seconds(value: Option<&str>) -> u64 {
    let digits = value.filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    digits.map_or(0, |text| {
        text.parse().unwrap_or(SECONDS_MAX).min(SECONDS_MAX)
    })
}

/// Every directive with its value, unquoted. Commas within quotes part nothing.
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
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_static(name);
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn requests() {
        let none = Wanted::default();
        let max_age = Some;
        for (lines, want) in [
            (&[][..], none),
            (
                &[("pragma", "no-cache")][..],
                Wanted {
                    no_cache: true,
                    ..none
                },
            ),
            (
                &[("pragma", "no-cache"), ("cache-control", "max-age=5")][..],
                Wanted {
                    max_age: max_age(5),
                    ..none
                },
            ),
            (
                &[("cache-control", "No-Store")][..],
                Wanted {
                    bypass: true,
                    ..none
                },
            ),
            (
                &[("range", "bytes=0-1")][..],
                Wanted {
                    bypass: true,
                    ..none
                },
            ),
            (
                &[("cache-control", "no-cache, max-age=\"7\"")][..],
                Wanted {
                    no_cache: true,
                    max_age: max_age(7),
                    ..none
                },
            ),
            (
                &[("cache-control", "max-age=x")][..],
                Wanted {
                    max_age: max_age(0),
                    ..none
                },
            ),
            (
                &[
                    ("cache-control", "min-fresh=3"),
                    ("cache-control", "only-if-cached"),
                ][..],
                Wanted {
                    min_fresh: 3,
                    only_if_cached: true,
                    ..none
                },
            ),
            (&[("cache-control", "x=\"a,no-store\"")][..], none),
            (
                &[("authorization", "Basic x")][..],
                Wanted {
                    authorized: true,
                    ..none
                },
            ),
        ] {
            assert_eq!(Wanted::read(&headers(lines)), want, "{lines:?}");
        }
    }

    #[test]
    fn ages_that_will_do() {
        let seconds = Duration::from_secs;
        let wanted = |max_age, min_fresh| Wanted {
            max_age,
            min_fresh,
            ..Wanted::default()
        };
        assert!(wanted(None, 0).accepts(seconds(900), seconds(0)));
        assert!(wanted(Some(5), 0).accepts(seconds(5), seconds(1)));
        assert!(!wanted(Some(5), 0).accepts(seconds(6), seconds(1)));
        assert!(!wanted(Some(0), 0).accepts(seconds(0), seconds(1)));
        assert!(wanted(None, 2).accepts(seconds(0), seconds(2)));
        assert!(!wanted(None, 2).accepts(seconds(0), seconds(1)));
    }

    #[test]
    fn replies() {
        let kept = |lines: &[(&'static str, &'static str)]| {
            storable(StatusCode::OK, &headers(lines), false).map(|kept| kept.lifetime.as_secs())
        };
        for (lines, want) in [
            (&[][..], None),
            (&[("cache-control", "public")][..], None),
            (&[("cache-control", "max-age=5")][..], Some(5)),
            (&[("cache-control", "max-age=5, s-maxage=9")][..], Some(9)),
            (
                &[
                    ("cache-control", "max-age=5"),
                    ("cache-control", "max-age=3"),
                ][..],
                Some(3),
            ),
            (
                &[("cache-control", "max-age=99999999999999999999")][..],
                Some(SECONDS_MAX),
            ),
            (&[("cache-control", "max-age=-1")][..], None),
            (&[("cache-control", "max-age=5, no-store")][..], None),
            (&[("cache-control", "max-age=5, private=\"x\"")][..], None),
            (&[("cache-control", "max-age=5, no-cache")][..], None),
            (
                &[("cache-control", "max-age=5"), ("set-cookie", "a=b")][..],
                None,
            ),
            (
                &[("cache-control", "max-age=5"), ("vary", "accept, *")][..],
                None,
            ),
            (&[("cache-control", "max-age=5"), ("age", "4")][..], Some(5)),
            (&[("cache-control", "max-age=5"), ("age", "5")][..], None),
            (
                &[
                    ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
                    ("expires", "Sun, 06 Nov 1994 08:49:40 GMT"),
                ][..],
                Some(3),
            ),
            (
                &[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "0")][..],
                None,
            ),
            // The targeted field alone counts where it can be read.
            (
                &[
                    ("host-cache-control", "max-age=1"),
                    ("cache-control", "no-cache"),
                ][..],
                Some(1),
            ),
            (
                &[
                    ("host-cache-control", "no-store"),
                    ("cache-control", "max-age=5"),
                ][..],
                None,
            ),
            (
                &[
                    ("host-cache-control", "max-age=\"1\""),
                    ("cache-control", "max-age=5"),
                ][..],
                None,
            ),
            (
                &[
                    ("host-cache-control", "max-age=1,"),
                    ("cache-control", "max-age=5"),
                ][..],
                Some(5),
            ),
            (
                &[("host-cache-control", ""), ("cache-control", "max-age=5")][..],
                Some(5),
            ),
        ] {
            assert_eq!(kept(lines), want, "{lines:?}");
        }
    }

    #[test]
    fn statuses_and_credentials() {
        let fresh = headers(&[("cache-control", "max-age=5")]);
        for (status, want) in [
            (200, true),
            (404, true),
            (301, true),
            (410, true),
            (206, false),
            (302, false),
            (304, false),
            (500, false),
            (202, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(storable(status, &fresh, false).is_some(), want, "{status}");
        }
        let shared = |control: &'static str| {
            let kept = storable(
                StatusCode::OK,
                &headers(&[("cache-control", control)]),
                true,
            );
            kept.map(|kept| kept.shared)
        };
        assert_eq!(shared("max-age=5"), None);
        assert_eq!(shared("max-age=5, public"), Some(true));
        assert_eq!(shared("s-maxage=5"), Some(true));
        assert_eq!(shared("max-age=5, must-revalidate"), Some(true));
    }
}
