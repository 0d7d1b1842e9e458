//! Every bound of the pools. Some are the defaults of [`config`](crate::config); the rest are fixed.

use std::time::Duration;

/// Distinct addresses per thread, so that addresses made of user input cannot fill the memory.
pub const ADDRESSES_MAX: usize = 256;
/// Connections per database address and process.
pub const MYSQL_CONNECTIONS_MAX: usize = 32;
/// The part of a pool that one component leaves to the others, where there are any: 4 is a quarter.
pub const MYSQL_CONNECTIONS_FOR_OTHERS_SHARE: usize = 4;
/// How long a statement waits for a free connection.
pub const MYSQL_WAIT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long connecting and logging in may take.
pub const MYSQL_CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long one statement may take up to its first rows, and between further ones.
pub const MYSQL_QUERY_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How long the server lets a transaction wait for its next statement: longer than a thread stalls, so that only a
/// frozen program loses its locks.
pub const MYSQL_IDLE_TRANSACTION_SECONDS: u32 = 2;
/// How long a statement waits for a lock of another: less than [`MYSQL_QUERY_TIMEOUT`].
pub const MYSQL_LOCK_WAIT_SECONDS: u32 = 1;
/// How long cleaning a session for the next request may take before it is closed instead.
pub const MYSQL_CLEAN_TIMEOUT: Duration = Duration::from_millis(500);
/// A session that was idle for longer is pinged before reuse.
pub const MYSQL_PING_AFTER: Duration = Duration::from_secs(1);
/// How long a ping, a change of `autocommit` or closing statements may take. None needs the server's disk; a session
/// that fails is replaced.
pub const MYSQL_PING_TIMEOUT: Duration = Duration::from_millis(300);
/// Prepared statements of this process at one server, over all its connections; a server allows 16,382 by default, to
/// all its clients together.
pub const MYSQL_STATEMENTS_MAX: usize = 4_096;
/// Prepared statements of one connection, at most.
pub const MYSQL_STATEMENTS_CACHED: usize = 256;
/// Prepared statements that each connection must have room for; connections that would get fewer are refused.
pub const MYSQL_STATEMENTS_MIN: usize = 8;
/// Where the server has no room for a statement: the wait before the second attempt; each further wait is longer by as
/// much.
pub const MYSQL_MAKE_ROOM_PAUSE: Duration = Duration::from_millis(20);
/// How long an unused connection is kept.
pub const MYSQL_IDLE_MAX: Duration = Duration::from_secs(60);
/// How often a thread looks for connections unused for [`MYSQL_IDLE_MAX`].
pub const MYSQL_REAP_EVERY: Duration = Duration::from_secs(5);
/// Rows handed to the guest in one piece; a result that fits in one needs no further wake-up.
pub const ROWS_BUFFERED_MAX: usize = 256;
/// Bytes after which a piece of rows takes no further row.
pub const ROWS_BUFFERED_BYTES_MAX: usize = 256 * 1024;
/// Pieces of rows queued for a slow guest.
pub const ROW_PIECES_QUEUED_MAX: usize = 2;
/// How long a guest may leave rows unread before the session is taken back.
pub const ROWS_UNREAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Commands in flight per Redis address and thread; one more is refused.
pub const REDIS_IN_FLIGHT_MAX: usize = 4096;
/// How long a Redis reply may take.
pub const REDIS_REPLY_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long connecting to Redis may take.
pub const REDIS_CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// After a failed connect, how long callers are refused at once instead of trying again.
pub const REDIS_RETRY_AFTER: Duration = Duration::from_millis(100);
/// Private connections for guests that use stateful commands (MULTI, WATCH, BLPOP …), per address and process.
pub const REDIS_PRIVATE_CONNECTIONS_MAX: usize = 16;
/// How long a reply on a private connection may take, where commands may block (BLPOP …).
pub const REDIS_BLOCKING_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a circuit breaker counts calls, from a failure on.
pub const BREAKER_INTERVAL: Duration = Duration::from_secs(10);
/// With fewer calls in that time it stays closed.
pub const BREAKER_REQUESTS_MIN: u64 = 10;
/// It opens where this part of a hundred has failed.
pub const BREAKER_ERRORS_PERCENT: u64 = 50;
/// It opens where so many have failed in a row.
pub const BREAKER_CONSECUTIVE_ERRORS_MAX: u64 = 10;
/// How long it stays open where its server does not answer before.
pub const BREAKER_OPEN: Duration = Duration::from_secs(30);
/// Calls that are tried before it closes again.
pub const BREAKER_HALF_OPEN_REQUESTS_MAX: u64 = 100;
/// How often a server is asked whether it answers while its breaker is open.
pub const BREAKER_PROBE_EVERY: Duration = Duration::from_millis(250);

const _: () = assert!(BREAKER_PROBE_EVERY.as_millis() < BREAKER_OPEN.as_millis());
const _: () = assert!(REDIS_RETRY_AFTER.as_millis() < REDIS_CONNECT_TIMEOUT.as_millis());
