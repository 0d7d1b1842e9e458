//! What host and functions must both know about how callers are known. The decision itself is the functions'.

use crate::address::address;

/// The name of the variable with the [`Mode`].
pub const VARIABLE: &str = "auth_mode";
/// Request header with the role of a caller, in mode `compat`.
pub const ROLE_HEADER: &str = "x-flashorder-role";
/// Request header with the client's address and port, which the host sets whatever the client sends.
pub const ADDRESS_HEADER: &str = "spin-client-addr";

/// How a caller is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By its access token alone.
    Strict,
    /// By its access token if it has one, else the user that the request names is trusted; on loopback only.
    Compat,
}

impl Mode {
    /// The value of the variable; strict where it is empty.
    pub fn parse(text: &str) -> Option<Mode> {
        match text.trim() {
            "" | "strict" => Some(Mode::Strict),
            "compat" => Some(Mode::Compat),
            _ => None,
        }
    }
}

/// Whether the value of [`ADDRESS_HEADER`] is an address of the same machine.
pub fn is_loopback(text: &str) -> bool {
    address(text).is_some_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for (text, mode) in [
            ("", Some(Mode::Strict)),
            ("strict", Some(Mode::Strict)),
            (" compat ", Some(Mode::Compat)),
            ("Compat", None),
            ("off", None),
        ] {
            assert_eq!(Mode::parse(text), mode, "{text}");
        }
    }

    #[test]
    fn addresses_of_the_same_machine() {
        for own in [
            "127.0.0.1:8777",
            "127.9.9.9",
            "[::1]:80",
            "::1",
            "[::ffff:127.0.0.1]:5",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "",
            "10.0.0.1:80",
            "localhost:80",
            "[::2]:80",
            "127.0.0.1:x",
            "8.8.8.8",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
