//! The host's default limits, so that both servers work under the same conditions; a test compares them.

use std::time::Duration;

/// Open client connections per process.
pub const CONNECTIONS_MAX: usize = 8192;
/// Concurrent requests per process; one more is answered 503.
pub const REQUESTS_MAX: usize = 4096;
/// How long a function may take to answer.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send its request line and headers.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send a body.
pub const BODY_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest request body.
pub const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The largest head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Headers in one request.
pub const HEADERS_MAX: usize = 100;
/// How long requests in flight may go on after SIGTERM.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// Connections that the kernel holds until they are accepted, per thread.
pub const ACCEPT_BACKLOG: i32 = 4096;
