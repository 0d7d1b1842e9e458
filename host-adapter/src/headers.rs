//! The headers a component sees beside the client's: the names and values Spin's HTTP trigger sets, and `traceparent`.

use crate::router::{Route, RouteMatch, Router};
use crate::trace::TraceParent;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Uri, Version};
use std::collections::HashMap;

const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Header values that depend on nothing but the route, made once.
#[derive(Debug)]
pub struct RouteHeaders {
    base: HeaderValue,
    by_route: HashMap<String, [HeaderValue; 3]>,
}

impl RouteHeaders {
    /// The values for every route of `router`. The error names the route that cannot stand in a header.
    pub fn new(base: &str, router: &Router) -> Result<Self, String> {
        let value = |text: &str| {
            HeaderValue::from_str(text).map_err(|_| format!("{text:?} cannot stand in a header"))
        };
        let by_route = router
            .routes()
            .map(|route| {
                let values = [
                    value(&route.based)?,
                    value(&route.raw)?,
                    value(route.prefix())?,
                ];
                Ok((route.based.clone(), values))
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            base: value(base)?,
            by_route,
        })
    }

    fn of(&self, route: &Route) -> Option<&[HeaderValue; 3]> {
        self.by_route.get(&route.based)
    }
}

/// Why nobody can tell which host a request is for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// HTTP/1.1 demands one.
    #[error("no Host header")]
    Missing,
    /// It is no host.
    #[error("the Host header is not a host")]
    Invalid,
    /// Two answers to one question.
    #[error("the Host header differs from the host of the request target")]
    Ambiguous,
    /// The same, each in a line of its own.
    #[error("more than one Host header")]
    Several,
}

/// The Host header, of which there may be one.
pub fn host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, BadHost> {
    let mut named = headers.get_all(HOST).iter();
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(BadHost::Several),
        (named, None) => Ok(named),
    }
}

/// The absolute URI of a request: its target completed from the Host header and the scheme it came by.
pub fn absolute(
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
    scheme: &Scheme,
) -> Result<Uri, BadHost> {
    let named = host(headers)?
        .map(|host| Authority::try_from(host.as_bytes()).map_err(|_| BadHost::Invalid))
        .transpose()?;
    let authority = match (uri.authority(), named) {
        (Some(target), Some(named)) if *target != named => return Err(BadHost::Ambiguous),
        (Some(target), _) => target.clone(),
        (None, Some(named)) => named,
        (None, None) if version < Version::HTTP_11 => Authority::from_static("localhost"),
        (None, None) => return Err(BadHost::Missing),
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority);
    parts.path_and_query = uri.path_and_query().cloned();
    Uri::from_parts(parts).map_err(|_| BadHost::Invalid)
}

/// Replaces what a client has no say in by what the host knows. `uri` is absolute.
pub fn complete(
    headers: &mut HeaderMap,
    uri: &Uri,
    found: &RouteMatch<'_, '_>,
    routes: &RouteHeaders,
    client: &HeaderValue,
    trace: &TraceParent,
) {
    strip(headers);
    if let Some([matched, raw, prefix]) = routes.of(found.route) {
        headers.insert(MATCHED_ROUTE, matched.clone());
        headers.insert(RAW_COMPONENT_ROUTE, raw.clone());
        headers.insert(COMPONENT_ROUTE, prefix.clone());
    }
    headers.insert(BASE_PATH, routes.base.clone());
    headers.insert(CLIENT_ADDR, client.clone());
    headers.insert(TRACEPARENT, trace.header().clone());
    let info = found.path_info();
    let info = match info.as_ref() {
        "" => Some(HeaderValue::from_static("")),
        text => HeaderValue::from_str(text).ok(),
    };
    insert(headers, PATH_INFO, info);
    insert(
        headers,
        FULL_URL,
        HeaderValue::try_from(uri.to_string()).ok(),
    );
    if found.route.has_params() {
        for (name, value) in found.params() {
            let name = format!("spin-path-match-{}", name.to_ascii_lowercase());
            if let Ok(name) = HeaderName::try_from(name) {
                insert(headers, name, HeaderValue::from_str(value).ok());
            }
        }
    }
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

/// `Connection` concerns the host alone, and a client must not pose as it.
fn strip(headers: &mut HeaderMap) {
    headers.remove(CONNECTION);
    let is_ours = |name: &HeaderName| name.as_str().starts_with("spin-");
    if headers.keys().any(is_ours) {
        let ours: Vec<HeaderName> = headers
            .keys()
            .filter(|name| is_ours(name))
            .cloned()
            .collect();
        for name in ours {
            headers.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(route: &str, target: &str, sent: &[(&'static str, &'static str)]) -> HeaderMap {
        let router = Router::build("/", [(route, 0)]).unwrap();
        let routes = RouteHeaders::new("/", &router).unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        let target: Uri = target.parse().unwrap();
        let uri = absolute(&target, Version::HTTP_11, &headers, &Scheme::HTTP).unwrap();
        let found = router.route(uri.path()).unwrap();
        let client = HeaderValue::from_static("127.0.0.1:8777");
        complete(
            &mut headers,
            &uri,
            &found,
            &routes,
            &client,
            &TraceParent::accept(None),
        );
        headers
    }

    #[test]
    fn the_headers_of_spin() {
        let headers = served(
            "/foo/:userid/...",
            "/foo/42/bar?a=1",
            &[
                ("host", "shop.example"),
                ("connection", "keep-alive"),
                ("spin-path-match-x", "forged"),
            ],
        );
        for (name, want) in [
            ("spin-path-info", "/bar"),
            ("spin-full-url", "http://shop.example/foo/42/bar?a=1"),
            ("spin-matched-route", "/foo/:userid/..."),
            ("spin-base-path", "/"),
            ("spin-raw-component-route", "/foo/:userid/..."),
            ("spin-component-route", "/foo/:userid"),
            ("spin-client-addr", "127.0.0.1:8777"),
            ("spin-path-match-userid", "42"),
        ] {
            assert_eq!(headers[name], want, "{name}");
        }
        assert!(headers.get("connection").is_none());
        assert!(headers.get("spin-path-match-x").is_none());
        assert!(headers.contains_key("traceparent"));
    }

    #[test]
    fn the_host_must_be_one() {
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let host =
            |text: &'static str| HeaderMap::from_iter([(HOST, HeaderValue::from_static(text))]);
        let got = |target: &str, version, headers: HeaderMap| {
            absolute(&uri(target), version, &headers, &Scheme::HTTP)
        };
        assert_eq!(
            got("/", Version::HTTP_11, HeaderMap::new()),
            Err(BadHost::Missing)
        );
        assert_eq!(
            got("/", Version::HTTP_11, host("a b")),
            Err(BadHost::Invalid)
        );
        assert_eq!(
            got("http://a/", Version::HTTP_11, host("b")),
            Err(BadHost::Ambiguous)
        );
        let mut two = host("a");
        two.append(HOST, HeaderValue::from_static("a"));
        assert_eq!(
            got("/", Version::HTTP_11, two.clone()),
            Err(BadHost::Several)
        );
        assert_eq!(
            got("http://a/", Version::HTTP_11, two),
            Err(BadHost::Several)
        );
        assert_eq!(
            got("/x", Version::HTTP_10, HeaderMap::new()).unwrap(),
            "http://localhost/x"
        );
    }
}
