//! The headers a component sees beside the client's: the names and values Spin's HTTP trigger sets, and `traceparent`.

use crate::router::{Route, RouteMatch, Router};
use crate::trace::TraceParent;
use http::Uri;
use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue};
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
