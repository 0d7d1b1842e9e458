//! The headers a component sees beside the client's: the names and values Spin's HTTP trigger sets, and `traceparent`.

use crate::router::{Route, RouteMatch, Router};
use crate::trace::TraceParent;
use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, Scheme};
use http::{Uri, Version};
use std::collections::HashMap;

/// The part of the path that a trailing wildcard matched.
const PATH_INFO: HeaderName = HeaderName::from_static("spin-path-info");
/// The absolute URI of the request.
const FULL_URL: HeaderName = HeaderName::from_static("spin-full-url");
/// The route with the application's base before it.
const MATCHED_ROUTE: HeaderName = HeaderName::from_static("spin-matched-route");
/// The application's base.
const BASE_PATH: HeaderName = HeaderName::from_static("spin-base-path");
/// The route as written in the manifest.
const RAW_COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-raw-component-route");
/// The route without its trailing wildcard.
const COMPONENT_ROUTE: HeaderName = HeaderName::from_static("spin-component-route");
/// The client's address and port.
const CLIENT_ADDR: HeaderName = HeaderName::from_static("spin-client-addr");
/// W3C trace context, see [`TraceParent`].
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Header values that depend only on the route, made once.
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

/// Why it is not known which host a request is for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHost {
    /// HTTP/1.1 requires one.
    #[error("no Host header")]
    Missing,
    /// It is not a valid authority.
    #[error("the Host header is not a host")]
    Invalid,
    /// The request target names another.
    #[error("the Host header differs from the host of the request target")]
    Ambiguous,
    /// The header occurs more than once.
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

/// The absolute URI of a request: its target completed from the Host header and the connection's scheme.
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

/// Replaces the headers that are the host's to set. `uri` is absolute.
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

/// Removes `Connection`, which is for the host alone, and headers that only the host may set.
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
mod tests;
