//! Every bound of the host in one place, with the relations between them checked at compile time; those of connections
//! to databases and Redis are in [`pools::limits`].
//! Those an operator may want to change are defaults for `config.rs` (times there as a flag takes them: text); the
//! rest are fixed.

use pools::limits::{
    MYSQL_QUERY_TIMEOUT, MYSQL_WAIT_TIMEOUT, REDIS_BLOCKING_TIMEOUT, ROWS_UNREAD_TIMEOUT,
};
use std::time::Duration;

/// Open client connections per process; one more takes the place of one that has had no request for long, or is
/// answered 503 and closed.
pub const CONNECTIONS_MAX: usize = 8192;
/// Connections that the kernel holds until they are accepted, per thread and address, and how many of them are accepted
/// before those that are open have their turn.
pub const ACCEPT_BACKLOG: i32 = 4096;
pub const ACCEPTED_AT_ONCE_MAX: usize = 8;
/// The share of all connections that is kept free of addresses which have more than theirs, unless a flag says
/// otherwise.
pub const CONNECTIONS_FOR_OTHERS_SHARE: usize = 4;
/// How long a connection must have had no request to lose its place to a new one.
pub const EVICTED_AFTER_MS: u64 = 100;
/// Connections that lose their place at once.
pub const EVICTED_AT_ONCE_MAX: usize = 128;
/// How long a connection is served; then it ends with its request, and its client comes again.
pub const CONNECTION_AGE_MAX_MS: u64 = 60 * 60 * 1_000;
/// Between two looks at what all connections hold.
pub const SWEEP_EVERY: Duration = Duration::from_millis(250);
/// Bytes a second that a client must take of what it asked for, and how long it may fall behind.
pub const SEND_BYTES_PER_SECOND_MIN: u64 = 1024;
pub const SEND_STALL_MAX_MS: u64 = 10_000;
/// Bytes of replies that wait for one client; it is answered no more until it takes some.
pub const CONNECTION_UNSENT_BYTES_MAX: usize = 1024 * 1024;
/// The same of all clients; above it the ones that hold most are closed.
pub const UNSENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of heads that are not whole yet, of all clients; above it the ones that hold most are closed.
pub const HEADS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long, and for how long a pause, a client is listened to after its last reply; and how many bodies it may still
/// send.
pub const LINGER_MAX: Duration = Duration::from_secs(10);
pub const LINGER_PAUSE_MAX: Duration = Duration::from_secs(2);
pub const LINGER_BODIES_MAX: u64 = 8;
/// Requests being handled per process; one more is answered 503.
pub const REQUESTS_MAX: usize = 4096;
/// The share of them that one component may have, unless a flag says otherwise.
pub const COMPONENT_REQUESTS_SHARE: usize = 4;
/// How long a component may take to begin its answer, unless `--request-timeout` says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to send its request line and headers, and how long an idle connection is kept.
pub const HEADER_READ_TIMEOUT: &str = "30s";
/// How long a client may pause within a request body.
pub const BODY_READ_TIMEOUT: &str = "10s";
/// The largest request body. A component may refuse far smaller ones.
pub const BODY_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The read buffer of an HTTP/1 connection, hence the largest head.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;
/// The smallest that the HTTP/1 library takes, and the largest that makes sense.
pub const HEAD_BYTES_MAX_RANGE: std::ops::RangeInclusive<usize> = 8 * 1024..=1024 * 1024;
/// Bytes of a request's path and query.
pub const TARGET_BYTES_MAX: usize = 8 * 1024;
/// Headers in one request.
pub const HEADERS_MAX: usize = 100;
/// Bytes of a reply that wait for its client; a component that writes faster waits too.
pub const REPLY_BUFFERED_BYTES_MAX: usize = 64 * 1024;
/// Streams an HTTP/2 client may hold open on one connection.
pub const H2_STREAMS_MAX: u32 = 128;
/// Bytes of one HTTP/2 request's headers.
pub const H2_HEAD_BYTES_MAX: u32 = 32 * 1024;
/// Bytes of bodies an HTTP/2 client may send ahead, of one stream and of all of a connection.
pub const H2_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// Streams of an HTTP/2 connection that the host itself may have to reset; with one more the connection ends.
pub const H2_RESETS_MAX: usize = 128;
/// Requests of an HTTP/2 connection that are handled at a time: at first, and when it has taken as many replies. What
/// came with them waits.
pub const H2_TURNS_MIN: usize = 2;
pub const H2_TURNS_MAX: usize = 64;
/// How long the next of them waits for one that takes long.
pub const H2_TURN_TIMEOUT: Duration = Duration::from_millis(250);
/// Frames an HTTP/2 client may send ahead, a second, for each reply it takes, and one for so many bytes of bodies and
/// replies.
pub const H2_FRAMES_MAX: i64 = 1_000;
pub const H2_FRAMES_PER_SECOND: u64 = 1_000;
pub const H2_FRAMES_PER_REPLY: u64 = 8;
pub const H2_BYTES_PER_FRAME: u64 = 1024;
/// How long it may go on with none to spare.
pub const H2_FRAMES_LATE_MAX: Duration = Duration::from_secs(3);
/// Bytes that are read of a connection before others have their turn.
pub const READ_AT_ONCE_BYTES: usize = 32 * 1024;
/// How long a TLS handshake may take.
pub const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long requests in flight may go on after SIGTERM.
pub const DRAIN_TIMEOUT: &str = "15s";

/// Linear memory of one component instance, over all its memories.
pub const INSTANCE_MEMORY_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The same of all instances together, and the share of it that one component may have.
pub const GUEST_MEMORY_BYTES_MAX: usize = 256 * 1024 * 1024;
pub const COMPONENT_MEMORY_SHARE: usize = 2;
/// Elements of one table of an instance.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Instances alive per process, over all components and threads.
pub const INSTANCES_MAX: u32 = 1024;
/// The share of them that one component may have.
pub const COMPONENT_INSTANCES_SHARE: usize = 2;
/// How long making an instance may take, with what its start functions do; and how many may be made at a time, per
/// component and thread.
pub const INSTANTIATION_TIMEOUT: Duration = Duration::from_secs(5);
pub const INSTANTIATIONS_MAX: usize = 4;
/// How often an instance looks whether a request was left for it, and whether it is to go.
pub const INSTANCE_LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long a request waits that no instance has room for, if it may take as long, and how often the first of them
/// tries again.
pub const INSTANCE_ROOM_TIMEOUT: Duration = Duration::from_secs(5);
pub const INSTANCE_ROOM_PAUSE: Duration = Duration::from_millis(5);
/// How long a guest may keep its thread busy for one request, unless a flag says otherwise.
pub const REQUEST_CPU_TIME: &str = "1s";
/// Requests one WASI 0.3 instance serves before it is replaced.
pub const INSTANCE_REUSE_COUNT: usize = 1024;
/// Requests one WASI 0.3 instance serves at a time.
pub const INSTANCE_CONCURRENT_REUSE_COUNT: usize = 16;
/// How long an idle instance is kept.
pub const IDLE_INSTANCE_TIMEOUT: &str = "1s";
/// How long a busy guest may hold its thread before others get a turn, and how often that is looked at.
pub const BUSY_TICK: Duration = Duration::from_millis(8);
pub const EPOCH_TICK: Duration = Duration::from_millis(2);

/// Bytes of replies the local cache keeps, unless `--cache-bytes` says otherwise.
pub const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of the largest reply it keeps.
pub const CACHE_BODY_BYTES_MAX: usize = 256 * 1024;
/// How long it collects the body of a reply; one that takes longer is passed on as it comes.
pub const CACHE_COLLECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a URI whose reply could not be kept is asked for without waiting for one another.
pub const CACHE_UNKEPT_FOR: Duration = Duration::from_secs(2);
/// Groups one reply may name, and bytes of one name; with more a reply is not kept, or everything is invalidated.
pub const CACHE_GROUPS_MAX: usize = 128;
pub const CACHE_GROUP_BYTES_MAX: usize = 256;
/// How long a host may tell what it keeps after what it last sent over the channel and got back.
pub const CACHE_LEASE: Duration = Duration::from_millis(1_000);
/// Between two such beats.
pub const CACHE_BEAT: Duration = Duration::from_millis(300);
/// How long connecting to the channel and publishing may take.
pub const CACHE_CHANNEL_TIMEOUT: Duration = Duration::from_millis(1_000);
/// After the channel was lost, how long before the next try.
pub const CACHE_CHANNEL_RETRY: Duration = Duration::from_millis(100);
/// Unsafe requests whose invalidation waits to be published; one more waits for its turn.
pub const CACHE_QUEUE_MAX: usize = 1024;
/// Groups in one message, and those kept for when the channel is back; with more it is everything.
pub const CACHE_MESSAGE_GROUPS_MAX: usize = 2 * 1024;
/// Bytes of the largest message that is read; a larger one invalidates everything.
pub const CACHE_MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Messages that are applied before they are acknowledged.
pub const CACHE_MESSAGES_AT_ONCE_MAX: usize = 256;
/// Hosts on one channel.
pub const CACHE_PEERS_MAX: usize = 1024;

/// Lines of output a component may log a second, per thread.
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
// Two beats may be lost and the lease holds; a whole message can be read; a shard of the store holds the largest reply.
const _: () = assert!(3 * CACHE_BEAT.as_millis() < CACHE_LEASE.as_millis());
const _: () =
    assert!(CACHE_MESSAGE_GROUPS_MAX * (CACHE_GROUP_BYTES_MAX + 1) + 64 <= CACHE_MESSAGE_BYTES_MAX);
const _: () = assert!(CACHE_BODY_BYTES_MAX as u64 * 4 <= CACHE_BYTES);
