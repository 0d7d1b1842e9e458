//! The twin's limits equal the host's.

#[path = "../src/limits.rs"]
mod limits;

use host_adapter::limits as host;
use std::time::Duration;

#[test]
fn bounds_are_the_hosts() {
    assert_eq!(limits::CONNECTIONS_MAX, host::CONNECTIONS_MAX);
    assert_eq!(limits::REQUESTS_MAX, host::REQUESTS_MAX);
    assert_eq!(limits::REQUEST_TIMEOUT, host::REQUEST_TIMEOUT);
    assert_eq!(limits::BODY_BYTES_MAX, host::BODY_BYTES_MAX);
    assert_eq!(limits::HEAD_BYTES_MAX, host::HEAD_BYTES_MAX);
    assert_eq!(limits::HEADERS_MAX, host::HEADERS_MAX);
    assert_eq!(limits::ACCEPT_BACKLOG, host::ACCEPT_BACKLOG);
    let as_flag = |time: Duration| format!("{}s", time.as_secs());
    let times = [
        (limits::HEADER_READ_TIMEOUT, host::HEADER_READ_TIMEOUT),
        (limits::BODY_READ_TIMEOUT, host::BODY_READ_TIMEOUT),
        (limits::DRAIN_TIMEOUT, host::DRAIN_TIMEOUT),
    ];
    for (own, hosts) in times {
        assert_eq!(as_flag(own), hosts);
    }
}
