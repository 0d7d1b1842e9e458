//! Every bound of the pools. Those of [`config`](crate::config) are its defaults; the rest are fixed.

use std::time::Duration;

/// Distinct addresses per thread, so that addresses made of user input cannot fill the memory.
pub const ADDRESSES_MAX: usize = 256;
/// Connections per database address and process.
pub const MYSQL_CONNECTIONS_MAX: usize = 32;
/// The share of them that a component leaves to the others, where there are any.
pub const MYSQL_CONNECTIONS_FOR_OTHERS_SHARE: usize = 4;
/// How long a statement waits for a free connection.
pub const MYSQL_WAIT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long connecting and logging in may take.
pub const MYSQL_CONNECT_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long one statement may take up to its first rows, and between further ones.
pub const MYSQL_QUERY_TIMEOUT: Duration = Duration::from_millis(1_500);
/// A transaction waits for its next statement only as long as a stalled thread could take; a frozen program's
/// locks end then.
pub const MYSQL_IDLE_TRANSACTION_SECONDS: u32 = 2;
/// A statement waits for another's lock for less than it may take.
pub const MYSQL_LOCK_WAIT_SECONDS: u32 = 1;
/// How long cleaning a session for the next request may take before it is closed instead.
pub const MYSQL_CLEAN_TIMEOUT: Duration = Duration::from_millis(500);
/// An idle session older than this is asked whether it is alive before it is handed on.
pub const MYSQL_PING_AFTER: Duration = Duration::from_secs(1);
/// How long that question may take. The server owes no disk for it; a new connection is tried next.
pub const MYSQL_PING_TIMEOUT: Duration = Duration::from_millis(300);
/// Prepared statements of this process at one server, over all its connections; servers allow 16,382 by default, to all
/// their clients together.
pub const MYSQL_STATEMENTS_MAX: usize = 4_096;
/// Those of one connection: at most, and at least for the budget to be any use.
pub const MYSQL_STATEMENTS_CACHED: usize = 256;
pub const MYSQL_STATEMENTS_MIN: usize = 8;
/// Where the server has no room for a statement: how much longer each attempt waits for others to make some.
pub const MYSQL_MAKE_ROOM_PAUSE: Duration = Duration::from_millis(20);
/// How long a connection is kept that nobody uses, and how often they are looked at.
pub const MYSQL_IDLE_MAX: Duration = Duration::from_secs(60);
pub const MYSQL_REAP_EVERY: Duration = Duration::from_secs(5);
/// Rows handed to the guest in one piece, and their bytes; a result that fits needs no further wake-up.
pub const ROWS_BUFFERED_MAX: usize = 256;
pub const ROWS_BUFFERED_BYTES_MAX: usize = 256 * 1024;
/// Row pieces waiting for a slow guest.
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
/// Connections of their own for guests that use stateful commands (MULTI, WATCH, BLPOP …), per address and thread.
pub const REDIS_PRIVATE_CONNECTIONS_MAX: usize = 16;
/// How long the reply of a command that may rightly block (BLPOP …) may take.
pub const REDIS_BLOCKING_TIMEOUT: Duration = Duration::from_secs(30);

const _: () = assert!(REDIS_RETRY_AFTER.as_millis() < REDIS_CONNECT_TIMEOUT.as_millis());
