//! How a reply says which limit it is about, in the headers of the IETF's draft (draft-ietf-httpapi-ratelimit-headers):
//! whoever makes the reply, host or function.

/// The header with the limit.
pub const POLICY_HEADER: &str = "ratelimit-policy";
/// The header with what is left of it.
pub const LEFT_HEADER: &str = "ratelimit";

/// A limit on requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is limited, in letters.
    name: &'static str,
    requests: u32,
    seconds: u32,
}

impl Limit {
    /// Of all requests to one route of a host, a second.
    pub const fn of_path(requests: u32) -> Limit {
        Limit {
            name: "path",
            requests,
            seconds: 1,
        }
    }

    /// Of the orders that one user asks for, a minute.
    pub const fn of_user(requests: u32) -> Limit {
        Limit {
            name: "user",
            requests,
            seconds: 60,
        }
    }

    /// Of the changes that are asked for from one address, a second.
    pub const fn of_address(requests: u32) -> Limit {
        Limit {
            name: "address",
            requests,
            seconds: 1,
        }
    }

    /// The value of [`POLICY_HEADER`].
    pub fn policy(&self) -> String {
        let Limit {
            name,
            requests,
            seconds,
        } = self;
        format!("\"{name}\";q={requests};w={seconds}")
    }

    /// The value of [`LEFT_HEADER`]: `more` requests are taken for so many seconds.
    pub fn left(&self, more: u32, seconds: u64) -> String {
        format!("\"{}\";r={more};t={seconds}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let limit = Limit::of_user(10);
        assert_eq!(limit.policy(), "\"user\";q=10;w=60");
        assert_eq!(limit.left(0, 42), "\"user\";r=0;t=42");
        assert_eq!(Limit::of_address(100).policy(), "\"address\";q=100;w=1");
        assert_eq!(Limit::of_path(20_000).left(0, 1), "\"path\";r=0;t=1");
    }
}
