//! Which web pages may read replies (CORS) and change something: by the origins that the variable `cors_origins` lists.
//! Callers authenticate by header, never by cookie, so that no origin has credentials of its own.

/// Request headers that a page may send.
pub const ALLOWED_HEADERS: &str = "accept, authorization, cache-control, content-type, idempotency-key, if-match, if-none-match, \
                                   prefer, traceparent, tracestate, x-requested-with";
/// Reply headers that a page may read, besides those that every page may.
pub const EXPOSED_HEADERS: &str = "age, allow, etag, idempotent-replayed, location, preference-applied, ratelimit, \
                                   ratelimit-policy, retry-after";
/// Seconds for which a browser may remember what a preflight said.
pub const MAX_AGE_SECONDS: &str = "3600";
/// The name of the variable with the origins.
pub const VARIABLE: &str = "cors_origins";

/// The origins that may read replies and send unsafe requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every one: replies do not depend on it.
    Any,
    /// These, as browsers write them; there may be none.
    Listed(Vec<String>),
}

impl Origins {
    /// Reads `*`, or origins such as `https://shop.example:8443` between commas. Nothing means none.
    ///
    /// # Errors
    /// Where an entry is no origin; the text names it.
    pub fn parse(text: &str) -> Result<Origins, String> {
        let entries = text.split(',').map(str::trim);
        let entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
        if entries == ["*"] {
            return Ok(Origins::Any);
        }
        let read = |entry: &&str| {
            written(entry)
                .ok_or_else(|| format!("{entry:?} is no origin such as https://shop.example"))
        };
        entries
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map(Origins::Listed)
    }

    /// Whether this origin may; `origin` as the header `Origin` has it.
    pub fn admits(&self, origin: &str) -> bool {
        match self {
            Origins::Any => true,
            Origins::Listed(origins) => origins.iter().any(|listed| listed == origin),
        }
    }

    /// Whether replies depend on the header `Origin`, which `Vary` must then name.
    pub fn vary(&self) -> bool {
        matches!(self, Origins::Listed(origins) if !origins.is_empty())
    }

    /// The value of `Access-Control-Allow-Origin` for a request with this `Origin`, if it has one; `None`: no such
    /// header.
    pub fn allowed<'a>(&self, origin: Option<&'a str>) -> Option<&'a str> {
        match self {
            // On every reply, so that one that was stored is right for everybody.
            Origins::Any => Some("*"),
            Origins::Listed(_) => origin.filter(|origin| self.admits(origin)),
        }
    }
}

/// Whether `origin` is that of `authority`, which the request was sent to. The scheme is not compared: it is that of
/// the client's connection, which may end at a proxy.
pub fn is_own(origin: &str, authority: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else {
        return false;
    };
    let authority = authority.to_ascii_lowercase();
    !authority.is_empty() && without_port(scheme, rest) == without_port(scheme, &authority)
}

/// An origin as browsers write it: in lower case, without the scheme's own port.
fn written(entry: &str) -> Option<String> {
    let entry = entry.to_ascii_lowercase();
    let (scheme, authority) = entry.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let is_authority = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:[]".contains(&byte);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = port.is_none_or(|port| !port.starts_with('+') && port.parse::<u16>().is_ok());
    let is_host = !host.is_empty() && host.bytes().all(is_authority);
    (is_scheme && is_host && is_port)
        .then(|| format!("{scheme}://{}", without_port(scheme, authority)))
}

fn without_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let own = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return authority,
    };
    authority.strip_suffix(own).unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(Origins::parse(" * "), Ok(Origins::Any));
        assert_eq!(Origins::parse(" , "), Ok(Origins::Listed(Vec::new())));
        let listed =
            Origins::parse("https://Shop.example:443, http://localhost:5173,app://x").unwrap();
        for (origin, admitted) in [
            ("https://shop.example", true),
            ("http://localhost:5173", true),
            ("app://x", true),
            ("http://shop.example", false),
            ("https://shop.example:8443", false),
            ("https://shop.example.evil.example", false),
            ("http://localhost", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(listed.admits(origin), admitted, "{origin}");
            assert_eq!(listed.allowed(Some(origin)), admitted.then_some(origin));
        }
        assert!(listed.vary() && listed.allowed(None).is_none());
        assert!(!Origins::Any.vary() && Origins::Any.allowed(None) == Some("*"));
        for bad in [
            "shop.example",
            "https://",
            "https://a/b",
            "https://a/",
            "*, https://a",
            "null",
            "https://a b",
            "https://u@a",
            "https://a:99999",
            "https://a:+1",
            "://a",
            "https://*.shop.example",
        ] {
            assert!(Origins::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn own_pages() {
        for (origin, authority, own) in [
            ("http://127.0.0.1:8081", "127.0.0.1:8081", true),
            ("https://shop.example", "Shop.example", true),
            ("https://shop.example", "shop.example:443", true),
            ("http://shop.example", "shop.example:443", false),
            ("http://shop.example:8080", "shop.example", false),
            ("http://evil.example", "shop.example", false),
            ("null", "null", false),
            ("http://", "", false),
        ] {
            assert_eq!(is_own(origin, authority), own, "{origin} {authority}");
        }
    }
}
