//! From which address a request comes: the peer of the connection, or behind proxies that the operator trusts, the
//! address that they report. What anybody else reports counts for nothing.

use ipnet::{IpNet, Ipv6Net};
use std::net::{IpAddr, SocketAddr};

/// Request header in which each proxy adds the address of its client at the end.
pub const FORWARDED_HEADER: &str = "x-forwarded-for";

/// Networks of proxies whose word counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

/// A part of the list that is no address and no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address or network, such as 10.0.0.0/8")]
pub struct BadNetwork(String);

impl Proxies {
    /// From addresses and networks, comma-separated; empty: none.
    ///
    /// # Errors
    /// Names the first that is none.
    pub fn parse(text: &str) -> Result<Proxies, BadNetwork> {
        let parts = text.split(',').map(str::trim);
        let networks = parts.filter(|part| !part.is_empty()).map(|part| {
            let network = part.parse::<IpNet>().ok();
            let network = network.or_else(|| part.parse::<IpAddr>().ok().map(IpNet::from));
            network.ok_or_else(|| BadNetwork(part.to_owned()))
        });
        networks.collect::<Result<_, _>>().map(Proxies)
    }

    fn have(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The address of the client: the last one in `forwarded`, the lines of [`FORWARDED_HEADER`], that is not a
    /// trusted proxy's, as long as only such proxies stand between. What cannot be read ends the search.
    pub fn client(&self, peer: IpAddr, forwarded: &[Vec<u8>]) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = forwarded.iter().rev();
        let parts = lines.flat_map(|line| line.rsplit(|byte| *byte == b','));
        for part in parts {
            if !self.have(client) {
                break;
            }
            match std::str::from_utf8(part).ok().and_then(address) {
                Some(next) => client = next,
                None => break,
            }
        }
        client
    }
}

/// The address in `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7` or `[2001:db8::7]:80`.
pub fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let ip = match text.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => bare.unwrap_or(text).parse().ok()?,
    };
    Some(ip.to_canonical())
}

/// The network that one client has to itself: its IPv4 address, or the 64 bits of an IPv6 network.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => match Ipv6Net::new(address, 64) {
            Ok(network) => network.network().into(),
            Err(_) => address.into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        address(text).unwrap()
    }

    #[test]
    fn addresses() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            (" 192.0.2.7:80 ", "192.0.2.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:80", "2001:db8::7"),
            ("[::ffff:192.0.2.7]:80", "192.0.2.7"),
        ] {
            assert_eq!(
                address(text).map(|ip| ip.to_string()).as_deref(),
                Some(shown),
                "{text}"
            );
        }
        for text in [
            "",
            "unknown",
            "192.0.2",
            "192.0.2.7:x",
            "[192.0.2.7",
            "_hidden",
            "host:80",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
        assert_eq!(network(ip("192.0.2.7")), ip("192.0.2.7"));
        assert_eq!(network(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = Proxies::parse("10.0.0.0/8, 192.0.2.1,2001:db8::/32").unwrap();
        let client = |peer: &str, lines: &[&str]| {
            let lines: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
            proxies.client(ip(peer), &lines).to_string()
        };
        assert_eq!(
            client("203.0.113.9", &["198.51.100.1"]),
            "203.0.113.9",
            "no proxy"
        );
        assert_eq!(client("10.1.2.3", &[]), "10.1.2.3");
        assert_eq!(client("10.1.2.3", &["198.51.100.1"]), "198.51.100.1");
        // What a client invents stands before what the proxies add.
        assert_eq!(
            client("10.1.2.3", &["1.1.1.1, 198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.1.2.3", &["1.1.1.1", "198.51.100.1, 192.0.2.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.1.2.3", &["1.1.1.1, nobody, 192.0.2.1"]),
            "192.0.2.1"
        );
        assert_eq!(
            client("::ffff:10.1.2.3", &["198.51.100.1:4711"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.1.2.3", &["10.9.9.9"]),
            "10.9.9.9",
            "all are proxies"
        );
        let none = Proxies::parse(" ").unwrap();
        assert_eq!(
            none.client(ip("10.1.2.3"), &[b"1.1.1.1".to_vec()]),
            ip("10.1.2.3")
        );
        assert_eq!(
            none.client(ip("10.1.2.3"), &[b"\xff".to_vec()]),
            ip("10.1.2.3")
        );
        for wrong in ["10.0.0.0/33", "all", "10.0.0.1;10.0.0.2"] {
            assert!(Proxies::parse(wrong).is_err(), "{wrong}");
        }
    }
}
