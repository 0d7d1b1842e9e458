//! The reply of `/health` and `/ready`.

use serde::Serialize;
use std::collections::BTreeMap;

/// State of the platform and of each server it needs.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Health {
    /// `ok`, or `unavailable` where any check is.
    pub status: &'static str,
    /// By server: `redis`, `inventory`, `order_0`, `order_1` and so on; empty for `/ready`.
    pub checks: BTreeMap<String, Check>,
}

/// State of one server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// `ok`, or `unavailable` where the server failed or did not answer in time.
    pub status: &'static str,
    /// Time to the answer, or to giving up, in milliseconds.
    pub latency_ms: u64,
}

/// `status` of a server that answers.
pub const OK: &str = "ok";
/// `status` of a server that failed or did not answer in time.
pub const UNAVAILABLE: &str = "unavailable";

impl Health {
    /// The reply to these checks, by name of the server; `ok` where there are none.
    pub fn of(checks: impl IntoIterator<Item = (String, Check)>) -> Health {
        let checks: BTreeMap<String, Check> = checks.into_iter().collect();
        let all_ok = checks.values().all(|check| check.status == OK);
        Health {
            status: if all_ok { OK } else { UNAVAILABLE },
            checks,
        }
    }

    /// 200 where all is `ok`, else 503.
    pub fn http_status(&self) -> u16 {
        if self.status == OK { 200 } else { 503 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_away_is_unavailable() {
        let check = |status| Check {
            status,
            latency_ms: 1,
        };
        let good = Health::of([("redis".into(), check(OK))]);
        assert_eq!((good.status, good.http_status()), (OK, 200));
        let bad = Health::of([
            ("redis".into(), check(OK)),
            ("order_0".into(), check(UNAVAILABLE)),
        ]);
        assert_eq!((bad.status, bad.http_status()), (UNAVAILABLE, 503));
    }
}
