//! Every bound of the relay in one place, asserted against its neighbours.

use domain::limits::{AWAY_RETRY_MS_MAX, INSERT_DEADLINE_MS, ORDER_CACHE_TTL_MS, ORPHAN_AGE_MS};

/// Outbox rows of one claim, unless configured.
pub const CLAIM_ROWS_DEFAULT: u32 = 500;
pub const CLAIM_ROWS_MAX: u32 = 1_000;
/// After a full read of an intake the outbox gives way to the batch writer for so long; and so long at most, all in
/// all.
pub const PRECEDENCE_MS: u64 = 250;
pub const OUTBOX_GIVES_WAY_MS_MAX: u64 = 5_000;
/// Claims of one shard that may be on their way to Kafka at once.
pub const CLAIMS_IN_FLIGHT_MAX: usize = 4;
/// Rows of one shard that may be claimed and not settled: those for a part of the bus that is away do not end the
/// claims of the others, up to here.
pub const UNSETTLED_ROWS_MAX: usize = 10_000;
/// Answers of the bus are waited for together for so long, then what has its answer is settled and the rest by itself.
pub const ANSWERS_GATHER_MS: u64 = 200;
/// Claims of one shard that were not full begin so far apart at least: in a burst a few large ones cost a third of many
/// small ones. The first row after a pause does not wait.
pub const CLAIM_PACE_MS: u64 = 20;
/// A claim not settled for so long may be taken over by another relay.
pub const LEASE_MS_DEFAULT: u64 = 15_000;
/// A lease that lies further ahead is from before the database's clock was set back, and is over.
pub const LEASE_MS_MAX: u64 = 60_000;
/// Kafka has so long to take a record, retries of the client included.
pub const PUBLISH_TIMEOUT_MS: u64 = 5_000;
/// A row whose predecessor is on its way looks again after this time.
pub const BLOCKED_RETRY_MS: u64 = 25;
/// The poll is the truth: no hint is needed to find a row, an entry or a retry within this time, unless configured.
pub const IDLE_POLL_MS_DEFAULT: u64 = 1_000;
pub const IDLE_POLL_MS_MIN: u64 = 100;
pub const IDLE_POLL_MS_MAX: u64 = 3_600_000;
pub const ERROR_CHARS_MAX: usize = 500;

/// What a consumer that died was to read is read by another after this time.
pub const GROUP_SESSION_MS: u64 = 10_000;
/// Messages of one batch of the stock consumer.
pub const STOCK_MESSAGES_MAX: usize = 500;
/// Messages that are read while some wait for a product that somebody holds; after them all wait.
pub const STOCK_HELD_MAX: usize = 5_000;
/// Held products are looked at so often while no message comes.
pub const STOCK_HELD_RETRY_MS: u64 = 100;
/// A batch read from a bus ends with the message that makes it so large.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// Messages of one batch of other systems' purchases, or of ours to pass on.
pub const SECKILL_MESSAGES_MAX: usize = 500;
/// Deliveries RabbitMQ may have on their way here: while one batch is in work the next one comes.
pub const RABBITMQ_PREFETCH: u16 = 1_000;
pub const RABBITMQ_CONNECT_MS: u64 = 5_000;
/// A connection that died silently is found out within two of these.
pub const RABBITMQ_HEARTBEAT_S: u16 = 10;
/// Documents of one bulk request, and the longest wait for them to gather.
pub const BULK_DOCUMENTS_MAX: usize = 100;
pub const BULK_GATHER_MS: u64 = 50;
/// Rows of one multi-row statement: 65,535 placeholders is the protocol's bound.
pub const STATEMENT_ROWS_MAX: usize = 1_000;

/// Bytes of outbox payloads one transaction of the batch writer holds, besides its bound of orders.
pub const INTAKE_BATCH_BYTES_MAX: usize = 4 << 20;
/// Entries of one stream that are read at once, and how many streams.
pub const INTAKE_READ_MAX: usize = 1_000;
pub const INTAKE_STREAMS_PER_READ: usize = 8;
/// Reads that were not full begin so far apart at least, for the same reason.
pub const INTAKE_PACE_MS: u64 = 40;
/// Batches that may be on their way to the database at once.
pub const INTAKE_BATCHES_IN_FLIGHT_MAX: usize = 3;
/// While a flash sale is registered, no hint is needed to find an entry within this part of that time.
pub const INTAKE_POLLS_PER_IDLE_POLL: u64 = 10;
/// An entry that a relay has had for so long may be taken over; how often that is looked for.
pub const INTAKE_CLAIM_IDLE_MS: u64 = 5_000;
pub const INTAKE_CLAIM_EVERY_MS: u64 = 1_000;
/// A consumer without entries that was not seen for so long belongs to a relay that is gone.
pub const INTAKE_CONSUMER_IDLE_MS: u64 = 600_000;
pub const INTAKE_RETIRE_EVERY_MS: u64 = 60_000;
/// Names of streams that are kept.
pub const INTAKE_NAMES_MAX: usize = 4_096;
/// Failures are looked for so often without a hint, or as seldom as all other work; so many are claimed at once.
pub const FAILURES_EVERY_MS: u64 = 30_000;
pub const FAILURES_CLAIM_MAX: u32 = 100;
/// Work on one shard among several has so long: a shard that is slower than that is away, for now.
pub const SHARD_TIMEOUT_MS: u64 = 10_000;
/// A shard is waited for so long when stock has moved: it is informed later then, the stock of all does not wait for
/// it.
pub const CONFIRM_TIMEOUT_MS: u64 = 2_000;
/// Rows sent so long ago that their confirmation may have been lost; how often they are looked for, and how many at
/// once.
pub const LATE_AFTER_MS: u64 = 5_000;
pub const LATE_EVERY_MS: u64 = 2_000;
pub const LATE_ROWS_MAX: u32 = 500;
/// Times a batch steps back for another transaction before it counts as an outage.
pub const INTAKE_TRIES_MAX: u32 = 40;

/// Orders one expiry transaction cancels.
pub const EXPIRY_ORDERS_MAX: u32 = 200;
pub const EXPIRY_EVERY_MS: u64 = 1_000;

/// Ends of flash sales are looked for so often; of those that ended longer ago than `SALES_RECENT_MS`, what came back
/// by cancellations, less often.
pub const SALES_EVERY_MS: u64 = 1_000;
pub const SALES_LATE_EVERY_MS: u64 = 60_000;
pub const SALES_RECENT_MS: u64 = 3_600_000;
pub const SALES_MAX: u32 = 200;
/// A sale that Redis does not know is brought back after so long: a preheat may be at it, and purchases that a relay
/// had read before are written by then.
pub const SALES_RECALL_AFTER_MS: u64 = 3_000;
/// The longest pause before a sale that something is wrong with is looked at again.
pub const SALES_TROUBLE_MS_MAX: u64 = 60_000;

pub const SWEEP_EVERY_MS: u64 = 5_000;
/// Products one sweep looks at; the next one goes on from there.
pub const SWEEP_PRODUCTS_MAX: u32 = 1_000;
/// Intents of one product that one sweep reads; a product with more waits until the consumer has caught up.
pub const SWEEP_INTENTS_MAX: usize = 10_000;
pub const SWEEP_LOG_ROWS_MAX: u32 = 500;
/// After the inventory database went back: pages of an outbox without a lost move of stock before older ones are taken
/// for kept.
pub const RESEND_QUIET_PAGES: u32 = 50;

pub const GAUGES_EVERY_MS: u64 = 5_000;
/// The waiting rows are counted up to here.
pub const GAUGE_ROWS_MAX: u32 = 100_000;

/// Database sessions per shard, and for the inventory.
pub const SESSIONS_MAX: u32 = 8;
pub const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// One round of any loop, from claim to settled, retries of its parts not included.
pub const ROUND_TIMEOUT_MS: u64 = 30_000;
pub const REDIS_TIMEOUT_MS: u64 = 2_000;
pub const HTTP_TIMEOUT_MS: u64 = 10_000;
pub const HTTP_BODY_BYTES_MAX: usize = 16 << 20;
/// Work in flight has so long to finish after SIGTERM.
pub const DRAIN_MS: u64 = 20_000;

/// Waits after a failed round: doubled from the first to the last.
pub const OUTAGE_WAIT_MS_MIN: u64 = 100;
pub const OUTAGE_WAIT_MS_MAX: u64 = 3_000;

/// The longest life in flight where servers answer: a request that inserts at its deadline, a relay that dies with the
/// row claimed, a bus that was away just then, a consumer that dies with the message, and its confirmation found late.
/// What disagrees for longer is no work in flight, and `reconcile` calls it broken.
pub const SETTLE_MS: u64 = INSERT_DEADLINE_MS
    + LEASE_MS_MAX
    + AWAY_RETRY_MS_MAX
    + PUBLISH_TIMEOUT_MS
    + GROUP_SESSION_MS
    + LATE_AFTER_MS
    + LATE_EVERY_MS;
/// `reconcile` reads topics for so long at most, and waits so long for the next record.
pub const TOPIC_READ_MS_MAX: u64 = 900_000;
pub const TOPIC_STILL_MS_MAX: u64 = 30_000;

const _: () = assert!(
    SETTLE_MS > ORPHAN_AGE_MS + 4 * SWEEP_EVERY_MS,
    "what a crash left behind is swept by then"
);
const _: () = assert!(
    SETTLE_MS > ORDER_CACHE_TTL_MS + ORDER_CACHE_TTL_MS / 10,
    "a cached order that nobody renewed is gone by then"
);
const _: () = assert!(
    LEASE_MS_DEFAULT > 2 * PUBLISH_TIMEOUT_MS,
    "a lease outlives its publishing and the writing of its outcome"
);
const _: () = assert!(CLAIM_ROWS_DEFAULT <= CLAIM_ROWS_MAX);
const _: () = assert!(CLAIM_ROWS_MAX as usize <= UNSETTLED_ROWS_MAX);
const _: () = assert!(LEASE_MS_DEFAULT <= LEASE_MS_MAX);
const _: () = assert!(DRAIN_MS > PUBLISH_TIMEOUT_MS);
const _: () = assert!(RABBITMQ_PREFETCH as usize >= 2 * SECKILL_MESSAGES_MAX);
const _: () = assert!(STATEMENT_ROWS_MAX * 10 < 65_535);
