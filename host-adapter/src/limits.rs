//! Every bound of the host in one place, with the relations between them checked at compile time; those of connections
//! to databases and Redis are in [`pools::limits`]. Some are defaults of flags in `config.rs` (their times are text, as
//! a flag takes them); the rest are fixed.

use pools::limits::{
    MYSQL_QUERY_TIMEOUT, MYSQL_WAIT_TIMEOUT, REDIS_BLOCKING_TIMEOUT, ROWS_UNREAD_TIMEOUT,
};
use std::time::Duration;

/// Open client connections per process. One more evicts idle ones, see [`EVICTED_AFTER_MS`], or is answered 503 and
/// closed.
pub const CONNECTIONS_MAX: usize = 8192;
/// Connections that the kernel queues until they are accepted, per thread and address.
pub const ACCEPT_BACKLOG: i32 = 4096;
/// Connections accepted in a row before the thread serves those that are open.
pub const ACCEPTED_AT_ONCE_MAX: usize = 8;
/// The part of all connections that one client address leaves to the others, unless a flag says otherwise: 4 is a
/// quarter.
pub const CONNECTIONS_FOR_OTHERS_SHARE: usize = 4;
/// How long a connection must be idle before a new one may evict it.
pub const EVICTED_AFTER_MS: u64 = 100;
/// Connections evicted at once, at most.
pub const EVICTED_AT_ONCE_MAX: usize = 128;
/// Age at which a connection is closed after its current requests; its client may connect again.
pub const CONNECTION_AGE_MAX_MS: u64 = 60 * 60 * 1_000;
/// Interval of the sweep, which checks what every connection holds.
pub const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// Bytes per second that a client must take of its replies.
pub const SEND_BYTES_PER_SECOND_MIN: u64 = 1024;
/// How far a client may fall behind that rate before its connection is closed.
pub const SEND_STALL_MAX_MS: u64 = 10_000;
/// Reply bytes queued for one client; its further requests and replies wait until it takes some.
pub const CONNECTION_UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// Reply bytes queued for all clients; above it the connections that hold most are closed.
pub const UNSENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of incomplete request heads, of all clients; above it the connections that hold most are closed.
pub const HEADS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a connection is still read after its last reply.
pub const LINGER_MAX: Duration = Duration::from_secs(10);
/// How long its client may pause meanwhile.
pub const LINGER_PAUSE_MAX: Duration = Duration::from_secs(2);
/// How much is still read after the last reply, in bodies of the largest size.
pub const LINGER_BODIES_MAX: u64 = 8;
/// Requests being handled per process; one more is answered 503.
pub const REQUESTS_MAX: usize = 4096;
/// The part of [`REQUESTS_MAX`] that one component may have, unless a flag says otherwise: 4 is a quarter.
pub const COMPONENT_REQUESTS_SHARE: usize = 4;
/// How long a component may take to begin its answer, unless `--request-timeout` says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send its request line and headers, and how long an idle connection is kept.
pub const HEADER_READ_TIMEOUT: &str = "30s";
/// How long a client may pause within a request body.
pub const BODY_READ_TIMEOUT: &str = "10s";
/// Bytes of the largest request body. A component may refuse far smaller ones.
pub const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Bytes of the read buffer of an HTTP/1 connection, hence of the largest head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// From the smallest read buffer that the HTTP/1 library accepts to the largest that makes sense.
pub const HEAD_BYTES_MAX_RANGE: std::ops::RangeInclusive<usize> = 8 * 1024..=1024 * 1024;
/// Bytes of a request's path and query; a longer one is answered 414.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Headers in one HTTP/1 request.
pub const HEADERS_MAX: usize = 100;
/// Bytes of one reply buffered for its client; a component that writes faster waits.
pub const REPLY_BUFFERED_BYTES_MAX: usize = 64 * 1024;
/// Streams an HTTP/2 client may hold open on one connection.
pub const H2_STREAMS_MAX: u32 = 128;
/// Bytes of one HTTP/2 request's headers, with 32 for each; more are answered 431.
pub const H2_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Bytes of headers that the HTTP/2 library reads; it refuses more by itself, without a body.
pub const H2_HEAD_BYTES_READ_MAX: u32 = 128 * 1024;
/// Body bytes that an HTTP/2 client may send ahead on one stream.
pub const H2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Body bytes that an HTTP/2 client may send ahead on all streams of a connection.
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Streams of an HTTP/2 connection that the host resets for errors of its client; with one more the connection ends.
pub const H2_RESETS_MAX: usize = 128;
/// Requests of a new HTTP/2 connection that are handled at a time; the others wait for a turn.
pub const H2_TURNS_MIN: usize = 2;
/// The most that are handled at a time: each reply the client takes adds one turn up to here.
pub const H2_TURNS_MAX: usize = 64;
/// How long the next request waits for a turn; then it is handled without one.
pub const H2_TURN_TIMEOUT: Duration = Duration::from_millis(250);
/// Frames an HTTP/2 client may send ahead: its allowance at first, and at most.
pub const H2_FRAMES_MAX: i64 = 1_000;
/// Frames that each second adds to the allowance.
pub const H2_FRAMES_PER_SECOND: u64 = 1_000;
/// Frames that each reply the client takes adds to the allowance.
pub const H2_FRAMES_PER_REPLY: u64 = 8;
/// Bytes of bodies sent and replies taken that add one frame to the allowance.
pub const H2_BYTES_PER_FRAME: u64 = 1024;
/// How long a connection may stay near the end of its allowance before it is closed.
pub const H2_FRAMES_LATE_MAX: Duration = Duration::from_secs(3);
/// Bytes read from a connection in a row before the thread serves others.
pub const READ_AT_ONCE_BYTES: usize = 32 * 1024;
/// How long a TLS handshake may take.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests in flight may go on after SIGTERM.
pub const DRAIN_TIMEOUT: &str = "15s";

/// Bytes of linear memory of one component instance, over all its memories.
pub const INSTANCE_MEMORY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of linear memory of all instances together.
pub const GUEST_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The part of it that one component may have: 2 is a half.
pub const COMPONENT_MEMORY_SHARE: usize = 2;
/// Elements of one table of an instance.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Instances alive per process, over all components and threads.
pub const INSTANCES_MAX: u32 = 1024;
/// The part of [`INSTANCES_MAX`] that one component may have: 2 is a half.
pub const COMPONENT_INSTANCES_SHARE: usize = 2;
/// How long making an instance may take, its start functions included.
pub const INSTANTIATION_TIMEOUT: Duration = Duration::from_secs(5);
/// Instances made at a time, per component and thread.
pub const INSTANTIATIONS_MAX: usize = 4;
/// How often an instance checks whether a request was left in the queue, and whether it has expired.
pub const INSTANCE_LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long a request waits for a slot and for room in an instance, unless its own time limit is shorter.
pub const INSTANCE_ROOM_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests that wait for a slot of a component whose manifest bounds its requests, for each slot; one more is answered
/// 503. Within [`INSTANCE_ROOM_TIMEOUT`] that many are done where each takes 75 ms.
pub const SLOT_WAITERS_MAX: usize = 64;
/// Bytes of a request body that have come before the request waits for a slot; a longer body has begun.
pub const READ_AHEAD_BYTES_MAX: usize = 64 * 1024;
/// Pause between two attempts of the first request that waits for room.
pub const INSTANCE_ROOM_PAUSE: Duration = Duration::from_millis(5);
/// How long a guest may keep its thread busy for one request, unless a flag says otherwise.
pub const REQUEST_CPU_TIME: &str = "1s";
/// Requests one WASI 0.3 instance serves before it is replaced.
pub const INSTANCE_REUSE_COUNT: usize = 1024;
/// Requests one WASI 0.3 instance serves at a time.
pub const INSTANCE_CONCURRENT_REUSE_COUNT: usize = 16;
/// How far back the circuit breaker of a component counts requests, in ms.
pub const BREAKER_WINDOW_MS: u64 = 10_000;
/// How long an idle instance is kept.
pub const IDLE_INSTANCE_TIMEOUT: &str = "1s";
/// How long a busy guest may hold its thread before others get a turn.
pub const BUSY_TICK: Duration = Duration::from_millis(8);
/// Interval of the engine's epochs, at which running guests are checked.
pub const EPOCH_TICK: Duration = Duration::from_millis(2);

/// Bytes of replies the local cache keeps, unless `--cache-bytes` says otherwise.
pub const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of the largest reply it keeps.
pub const CACHE_BODY_BYTES_MAX: usize = 256 * 1024;
/// How long the local cache collects the body of a reply; a slower one is passed on as it comes, and not kept.
pub const CACHE_COLLECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long requests to a URI whose reply could not be kept do not wait for one another.
pub const CACHE_UNKEPT_FOR: Duration = Duration::from_secs(2);
/// Groups that one reply may name; with more it is not kept, or invalidates everything.
pub const CACHE_GROUPS_MAX: usize = 128;
/// Bytes of a group's name; a reply with a longer one is not kept, or invalidates everything.
pub const CACHE_GROUP_BYTES_MAX: usize = 256;
/// How long a host may serve from its store after it sent the last beat that came back over the channel.
pub const CACHE_LEASE: Duration = Duration::from_millis(1_000);
/// Interval of the beats.
pub const CACHE_BEAT: Duration = Duration::from_millis(300);
/// How long connecting to the channel and publishing may take.
pub const CACHE_CHANNEL_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Pause before the next connection after the channel was lost.
pub const CACHE_CHANNEL_RETRY: Duration = Duration::from_millis(100);
/// Invalidations queued for publication; the next request waits for room.
pub const CACHE_QUEUE_MAX: usize = 1024;
/// Groups in one message, or kept until the channel is back; with more, everything is invalidated.
pub const CACHE_MESSAGE_GROUPS_MAX: usize = 2 * 1024;
/// Bytes of the largest message that is read; a larger one invalidates everything.
pub const CACHE_MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Messages that are applied before they are acknowledged.
pub const CACHE_MESSAGES_AT_ONCE_MAX: usize = 256;
/// Other hosts on one channel that are kept track of.
pub const CACHE_PEERS_MAX: usize = 1024;

/// Lines of output that a component may log per second and thread.
pub const GUEST_LINES_PER_SECOND_MAX: u32 = 200;
/// Bytes of one line of guest output in the log; the rest of it is cut.
pub const GUEST_LINE_BYTES_MAX: usize = 8 * 1024;

const _: () = assert!(INSTANCE_CONCURRENT_REUSE_COUNT <= INSTANCE_REUSE_COUNT);
const _: () = assert!(INSTANCES_MAX as usize * INSTANCE_CONCURRENT_REUSE_COUNT >= REQUESTS_MAX);
const _: () = assert!(
    MYSQL_WAIT_TIMEOUT.as_millis() + MYSQL_QUERY_TIMEOUT.as_millis() < REQUEST_TIMEOUT.as_millis()
);
const _: () = assert!(REDIS_BLOCKING_TIMEOUT.as_millis() <= REQUEST_TIMEOUT.as_millis());
const _: () = assert!(ROWS_UNREAD_TIMEOUT.as_millis() < REQUEST_TIMEOUT.as_millis());
// A lease survives two lost beats; the largest message can be read; a shard of the store holds the largest reply.
const _: () = assert!(3 * CACHE_BEAT.as_millis() < CACHE_LEASE.as_millis());
const _: () =
    assert!(CACHE_MESSAGE_GROUPS_MAX * (CACHE_GROUP_BYTES_MAX + 1) + 64 <= CACHE_MESSAGE_BYTES_MAX);
const _: () = assert!(CACHE_BODY_BYTES_MAX as u64 * 4 <= CACHE_BYTES);
