//! `allowed_outbound_hosts`: which network addresses a component may reach. An address that no entry names is refused.

use ipnet::IpNet;
use std::net::IpAddr;
use std::ops::Range;
use url::{Host, Url};

/// The entries of one component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    /// `None` is any scheme.
    scheme: Option<String>,
    host: HostRule,
    /// `None` is any port; the end is exclusive.
    ports: Option<Range<u32>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostRule {
    Any,
    /// Holds the suffix with its leading dot.
    Subdomain(String),
    Literal(Host),
    Network(IpNet),
}

impl AllowedHosts {
    /// Parses entries of the form `<scheme>://<host>[:<port>]`, `*` allowed in each place. An entry whose template
    /// rendered to nothing is skipped, so that an optional endpoint may stay empty.
    ///
    /// # Errors
    /// What is wrong with the first malformed entry.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, String> {
        entries
            .iter()
            .map(|entry| entry.as_ref().trim())
            .filter(|entry| !matches!(*entry, "" | "http://" | "https://"))
            .map(|entry| Entry::parse(entry).map_err(|reason| format!("{entry:?}: {reason}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether a connection to `scheme`, `host` and `port` is allowed. Without a `port`, the scheme's well-known one
    /// counts.
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let Ok(host) = Host::parse(host) else {
            return false;
        };
        let Some(port) = port.or_else(|| well_known_port(scheme)) else {
            return false;
        };
        self.0.iter().any(|entry| entry.allows(scheme, &host, port))
    }

    /// Whether `url` is allowed. A URL without a host never is.
    pub fn allows_url(&self, url: &Url) -> bool {
        url.host_str()
            .is_some_and(|host| self.allows(url.scheme(), host, url.port()))
    }
}

impl Entry {
    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("hosts have the form <scheme>://<host>[:<port>], with '*' allowed for each")?;
        let scheme = match scheme {
            "*" => None,
            name if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic()) => {
                Some(name.to_owned())
            }
            name => return Err(format!("invalid scheme {name:?}")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        // `[::1]:80` has its last colon before the port, `[::1]` within the brackets.
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (rest, None),
        };
        Ok(Self {
            host: HostRule::parse(host)?,
            ports: parse_ports(port, scheme.as_deref())?,
            scheme,
        })
    }

    fn allows(&self, scheme: &str, host: &Host<String>, port: u16) -> bool {
        self.scheme.as_deref().is_none_or(|own| own == scheme)
            && self
                .ports
                .as_ref()
                .is_none_or(|ports| ports.contains(&u32::from(port)))
            && self.host.allows(host)
    }
}

impl HostRule {
    fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if matches!(text, "self" | "self.alt") || text.ends_with(".spin.internal") {
            return Err("requests from component to component are not supported here".to_owned());
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Ok(Self::Network(network));
        }
        if text.contains('/') {
            return Err("must not include a path".to_owned());
        }
        let (domain, wildcard) = match text.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (text, false),
        };
        if domain.contains('*') {
            return Err("'*' may only stand for all hosts or be the first label".to_owned());
        }
        match (Host::parse(domain), wildcard) {
            (Ok(Host::Domain(domain)), true) => Ok(Self::Subdomain(format!(".{domain}"))),
            (Ok(host), false) => Ok(Self::Literal(host)),
            (Ok(_), true) => Err("'*.' must be followed by a domain".to_owned()),
            (Err(reason), _) => Err(format!("invalid host {domain:?}: {reason}")),
        }
    }

    fn allows(&self, host: &Host<String>) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Subdomain(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Literal(own), host) => own == host,
            (Self::Network(network), Host::Ipv4(ip)) => network.contains(&IpAddr::V4(*ip)),
            (Self::Network(network), Host::Ipv6(ip)) => network.contains(&IpAddr::V6(*ip)),
            (Self::Subdomain(_) | Self::Network(_), _) => false,
        }
    }
}

fn parse_ports(text: Option<&str>, scheme: Option<&str>) -> Result<Option<Range<u32>>, String> {
    let number = |text: &str| {
        text.parse::<u16>()
            .map(u32::from)
            .map_err(|_| format!("port {text:?} is not a number up to 65535"))
    };
    match text {
        Some("*") => Ok(None),
        Some(range) if range.contains("..") => {
            let (start, end) = range.split_once("..").unwrap_or((range, ""));
            Ok(Some(number(start)?..number(end)?))
        }
        Some(port) if !port.is_empty() => number(port).map(|port| Some(port..port + 1)),
        _ => match scheme.map(well_known_port) {
            Some(Some(port)) => Ok(Some(u32::from(port)..u32::from(port) + 1)),
            Some(None) => Err("this scheme has no well-known port: give one".to_owned()),
            None => Err("a '*' scheme needs a port".to_owned()),
        },
    }
}

/// The port a URL of this scheme means when it names none.
pub fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "mysql" => Some(3306),
        "redis" | "rediss" => Some(6379),
        "postgres" => Some(5432),
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// `url` without its user, password and query, for logs and errors.
pub fn redacted(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    let port = url.port().or_else(|| well_known_port(url.scheme()));
    match port {
        Some(port) => format!("{}://{host}:{port}{}", url.scheme(), url.path()),
        None => format!("{}://{host}{}", url.scheme(), url.path()),
    }
}

#[cfg(test)]
mod tests;
