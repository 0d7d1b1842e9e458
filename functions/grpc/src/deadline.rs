//! How long a call may take: what its `grpc-timeout` says, within a bound. A call without one is bounded as requests
//! over HTTP are, by each wait for a store; a stream, which may wait for its client, by the same bound.

use guest::clock;
use http::HeaderMap;
use http_rules::grpc;
use std::pin::Pin;
use std::time::Duration;
use tonic::Status;

/// The longest stream: one that idles ends with it.
pub const CALL_MAX: Duration = Duration::from_secs(30);

/// A future that ends at the deadline.
pub type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The time that a call with these headers may take; `None` where they do not say.
///
/// # Errors
/// Where they ask for one that cannot be read, or for none.
pub fn of(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let mut lines = headers.get_all("grpc-timeout").iter();
    let Some(line) = lines.next() else {
        return Ok(None);
    };
    let timeout = match lines.next() {
        None => grpc::timeout(line.as_bytes()),
        Some(_) => None,
    };
    match timeout {
        None => Err(Status::invalid_argument("grpc-timeout cannot be read")),
        // Before anything is changed.
        Some(Duration::ZERO) => Err(exceeded()),
        Some(timeout) => Ok(Some(timeout.min(CALL_MAX))),
    }
}

/// A timer that ends after `limit`.
pub fn timer(limit: Duration) -> Timer {
    Box::pin(clock::sleep(limit))
}

/// The status of a call that took too long.
pub fn exceeded() -> Status {
    Status::deadline_exceeded("the call took too long")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use tonic::Code;

    #[test]
    fn deadlines_are_bounded() {
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("grpc-timeout", HeaderValue::from_static(line));
            }
            super::of(&headers).map_err(|status| status.code())
        };
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&["250m"]), Ok(Some(Duration::from_millis(250))));
        assert_eq!(of(&["99999999H"]), Ok(Some(CALL_MAX)));
        assert_eq!(of(&["0S"]), Err(Code::DeadlineExceeded));
        assert_eq!(of(&["1s"]), Err(Code::InvalidArgument));
        assert_eq!(of(&["1S", "2S"]), Err(Code::InvalidArgument));
    }
}
