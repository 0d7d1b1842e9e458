//! Which resource a request is for: its host and its path, each in one spelling (RFC 9110, 7.1; RFC 9112, 3.2).

use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{StatusCode, Uri, Version};
use http_rules::path::{self, BadPath};
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// Why it is not known which resource a request is for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// HTTP/1.1 requires one.
    #[error("no Host header")]
    NoHost,
    /// It is no host with a port.
    #[error("the Host header is not a host")]
    Host,
    /// The header occurs more than once.
    #[error("more than one Host header")]
    SeveralHosts,
    /// In HTTP/2 the target names another; in HTTP/1.1 the target wins.
    #[error("the Host header differs from the host of the request target")]
    Ambiguous,
    /// It is no host with a port, or the scheme is not HTTP.
    #[error("the request target is not an HTTP address")]
    Address,
    /// A percent sign without two hexadecimal digits.
    #[error("path has a percent sign without two hexadecimal digits")]
    Escape,
    /// Another spelling of a path.
    #[error("nothing is served under this path")]
    NotCanonical,
}

impl BadTarget {
    /// The status of the refusal.
    pub fn status(&self) -> StatusCode {
        match self {
            BadTarget::NotCanonical => StatusCode::NOT_FOUND,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The Host header, of which there may be one.
///
/// # Errors
/// Where there are several.
pub fn host(headers: &HeaderMap) -> Result<Option<&HeaderValue>, BadTarget> {
    let mut named = headers.get_all(HOST).iter();
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(BadTarget::SeveralHosts),
        (named, None) => Ok(named),
    }
}

/// The absolute URI of a request: its target completed from the Host header and the connection's scheme.
///
/// # Errors
/// Where target and headers name no resource, or it is not clear which.
pub fn absolute(
    uri: &Uri,
    version: Version,
    headers: &HeaderMap,
    scheme: &Scheme,
) -> Result<Uri, BadTarget> {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority(uri, version, headers)?);
    parts.path_and_query = Some(path_and_query(uri)?);
    Uri::from_parts(parts).map_err(|_| BadTarget::Address)
}

fn authority(uri: &Uri, version: Version, headers: &HeaderMap) -> Result<Authority, BadTarget> {
    let named = host(headers)?
        .map(|host| Authority::try_from(host.as_bytes()).map_err(|_| BadTarget::Host))
        .transpose()?;
    if named.as_ref().is_some_and(|named| !is_host(named.as_str())) {
        return Err(BadTarget::Host);
    }
    let is_http = |scheme: &Scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS;
    match (uri.authority(), named) {
        (None, Some(named)) => Ok(named),
        (_, None) if version == Version::HTTP_11 => Err(BadTarget::NoHost),
        (None, None) if version < Version::HTTP_11 => Ok(Authority::from_static("localhost")),
        (None, None) => Err(BadTarget::NoHost),
        (Some(target), _) if !is_host(target.as_str()) || !uri.scheme().is_none_or(is_http) => {
            Err(BadTarget::Address)
        }
        (Some(target), Some(named)) if version >= Version::HTTP_2 && *target != named => {
            Err(BadTarget::Ambiguous)
        }
        (Some(target), _) => Ok(target.clone()),
    }
}

fn path_and_query(uri: &Uri) -> Result<PathAndQuery, BadTarget> {
    let whole = uri.path_and_query().ok_or(BadTarget::Address)?;
    let path = path::canonical(whole.path()).map_err(|bad| match bad {
        BadPath::NotCanonical => BadTarget::NotCanonical,
        BadPath::Escape => BadTarget::Escape,
    })?;
    match path {
        Cow::Borrowed(_) => Ok(whole.clone()),
        Cow::Owned(path) => {
            let query = whole.query().map(|query| format!("?{query}"));
            let text = path + &query.unwrap_or_default();
            PathAndQuery::try_from(text).map_err(|_| BadTarget::Escape)
        }
    }
}

/// Whether a text is a name or an address, and maybe a port. No user, which some clients put before an `@`.
fn is_host(text: &str) -> bool {
    let (host, rest) = match text.strip_prefix('[') {
        Some(text) => match text.split_once(']') {
            Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => ("", rest),
            _ => return false,
        },
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_named = text.starts_with('[') || !host.is_empty();
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let port = match rest {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    };
    let is_port = |port: &str| {
        port.is_empty()
            || port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
    };
    is_named && host.bytes().all(is_letter) && port.is_some_and(is_port)
}

#[cfg(test)]
mod tests;
