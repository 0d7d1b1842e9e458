//! Tests of `mysql`.

use super::*;
use crate::breaker::Breakers;
use crate::config;

#[test]
fn addresses_are_checked_before_anything_is_opened() {
    let metrics = Arc::new(Metrics::register(&prometheus::Registry::new()).unwrap());
    let breakers = Breakers::new(&config::CircuitBreaker::default());
    let limits = Limits::of_thread(&config::Mysql::default(), 2, &breakers);
    assert_eq!(limits.connections_max, 16);
    let access = Access::new(Arc::new(Pools::new(limits, metrics)), true);
    let allowed = AllowedHosts::parse(&["mysql://db:3306"]).unwrap();
    assert!(
        access
            .open("mysql://root:secret@db/orders", &allowed)
            .is_ok()
    );
    for (address, want) in [
        ("nonsense", "invalid address: relative URL without a base"),
        (
            "http://db/",
            "invalid address: the scheme is \"http\", not \"mysql\"",
        ),
        (
            "mysql://root:secret@other/orders",
            "address mysql://other:3306/orders is not permitted",
        ),
        (
            "mysql://db/orders?ssl-mode=REQUIRED",
            "mysql://db:3306/orders: TLS to MySQL (ssl-mode) is not supported",
        ),
        (
            "mysql://db/orders?socket=/run/other.sock",
            "mysql://db:3306/orders: the parameter \"socket\" is not supported in an address",
        ),
        (
            "mysql://db/orders?require_ssl=true",
            "mysql://db:3306/orders: the parameter \"require_ssl\" is not supported in an address",
        ),
        (
            "mysql://db/orders?stmt_cache_size=100000",
            "mysql://db:3306/orders: the parameter \"stmt_cache_size\" is not supported in an address",
        ),
    ] {
        let error = access.open(address, &allowed).unwrap_err();
        assert_eq!(error, Error::ConnectionFailed(want.to_owned()));
    }
    assert!(
        access
            .open("mysql://db/orders?ssl-mode=DISABLED", &allowed)
            .is_ok()
    );
}
