//! How long a call may take: what its `grpc-timeout` says, within the bound that every call has.

use guest::clock;
use http::HeaderMap;
use http_rules::grpc;
use std::pin::Pin;
use std::time::Duration;
use tonic::Status;

/// The longest call: a stream that idles ends with it.
const CALL_MAX: Duration = Duration::from_secs(30);

/// A future that ends at the deadline.
pub type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The time that a call with these headers may take.
///
/// # Errors
/// Where they ask for one that cannot be read, or for none.
pub fn of(headers: &HeaderMap) -> Result<Duration, Status> {
    let mut lines = headers.get_all("grpc-timeout").iter();
    let Some(line) = lines.next() else {
        return Ok(CALL_MAX);
    };
    let timeout = match lines.next() {
        None => grpc::timeout(line.as_bytes()),
        Some(_) => None,
    };
    match timeout {
        None => Err(Status::invalid_argument("grpc-timeout cannot be read")),
        // Before anything is changed.
        Some(Duration::ZERO) => Err(exceeded()),
        Some(timeout) => Ok(timeout.min(CALL_MAX)),
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
    fn every_call_has_a_bound() {
        let of = |lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("grpc-timeout", HeaderValue::from_static(line));
            }
            super::of(&headers).map_err(|status| status.code())
        };
        assert_eq!(of(&[]), Ok(CALL_MAX));
        assert_eq!(of(&["250m"]), Ok(Duration::from_millis(250)));
        assert_eq!(of(&["99999999H"]), Ok(CALL_MAX));
        assert_eq!(of(&["0S"]), Err(Code::DeadlineExceeded));
        assert_eq!(of(&["1s"]), Err(Code::InvalidArgument));
        assert_eq!(of(&["1S", "2S"]), Err(Code::InvalidArgument));
    }
}
