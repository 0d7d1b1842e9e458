//! Every bound of the relay in one place, with the relations between them checked at compile time.

use domain::limits::{AWAY_RETRY_MS_MAX, INSERT_DEADLINE_MS, ORDER_CACHE_TTL_MS, ORPHAN_AGE_MS};

/// Outbox rows of one claim, unless configured.
pub const CLAIM_ROWS_DEFAULT: u32 = 500;
/// Outbox rows of one claim, at most.
pub const CLAIM_ROWS_MAX: u32 = 1_000;
/// How long the outbox gives way to the batch writer after a full read of an intake.
pub const PRECEDENCE_MS: u64 = 250;
/// How long the outbox gives way in all, counted from its last claim.
pub const OUTBOX_GIVES_WAY_MS_MAX: u64 = 5_000;
/// Claims of one shard that may be in flight to Kafka at once.
pub const CLAIMS_IN_FLIGHT_MAX: usize = 4;
/// Rows of one shard that may be claimed and not settled. Up to here, rows for a part of the bus that is away do not
/// hold up further claims.
pub const UNSETTLED_ROWS_MAX: usize = 10_000;
/// How long the bus' answers to a claim are gathered: rows answered by then are settled together, later ones as their
/// answers come.
pub const ANSWERS_GATHER_MS: u64 = 200;
/// The least time between the starts of two claims of one shard, unless the first was full: in a burst a few large ones
/// cost a third of many small ones. The first row after a pause does not wait.
pub const CLAIM_PACE_MS: u64 = 20;
/// How long a claim is leased, unless configured; then another relay may take it over.
pub const LEASE_MS_DEFAULT: u64 = 15_000;
/// The longest lease. One that ends later is from before the database's clock was set back, and counts as expired.
pub const LEASE_MS_MAX: u64 = 60_000;
/// How long a bus may take to confirm a record, the client's retries included.
pub const PUBLISH_TIMEOUT_MS: u64 = 5_000;
/// The shortest wait before a row is tried again whose predecessor is in flight.
pub const BLOCKED_RETRY_MS: u64 = 25;
/// Interval of the polls that find rows, entries and retries without any hint, unless configured.
pub const IDLE_POLL_MS_DEFAULT: u64 = 1_000;
/// The shortest interval of polls that can be configured.
pub const IDLE_POLL_MS_MIN: u64 = 100;
/// The longest interval of polls that can be configured.
pub const IDLE_POLL_MS_MAX: u64 = 3_600_000;
/// Characters of an error that an outbox row keeps.
pub const ERROR_CHARS_MAX: usize = 500;

/// Kafka's session timeout: another consumer reads the partitions of one that died after this time.
pub const GROUP_SESSION_MS: u64 = 10_000;
/// Messages of one batch of the stock consumer.
pub const STOCK_MESSAGES_MAX: usize = 500;
/// Unacknowledged messages of the stock consumer beyond which it reads no more while some of them wait for a product
/// that another transaction has locked.
pub const STOCK_HELD_MAX: usize = 5_000;
/// Interval of the retries of waiting stock messages while no new one comes.
pub const STOCK_HELD_RETRY_MS: u64 = 100;
/// Bytes of a batch read from a bus; it ends with the message that reaches them.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// Messages of one batch of other systems' purchases, or of ours to forward.
pub const SECKILL_MESSAGES_MAX: usize = 500;
/// Unacknowledged deliveries of RabbitMQ: the next batch comes while one is being written.
pub const RABBITMQ_PREFETCH: u16 = 1_000;
/// How long connecting to RabbitMQ, declaring a queue or exchange, or acknowledging may take.
pub const RABBITMQ_CONNECT_MS: u64 = 5_000;
/// Interval of RabbitMQ's heartbeats, in seconds: a dead connection is detected within two of them.
pub const RABBITMQ_HEARTBEAT_S: u16 = 10;
/// Interval of the rounds that ask about payments.
pub const PAYMENTS_EVERY_MS: u64 = 5_000;
/// Payments that one round asks about.
pub const PAYMENTS_ASKED_MAX: u32 = 50;
/// Payments of one shard that are asked about at a time.
pub const PAYMENTS_AT_ONCE_MAX: usize = 8;
/// How long a payment is one relay's to ask about; longer than a round.
pub const PAYMENT_LEASE_MS: u64 = 90_000;
const _: () = assert!(PAYMENT_LEASE_MS > ROUND_TIMEOUT_MS);
/// Questions about one payment: a week of them.
pub const PAYMENT_QUESTIONS_MAX: u32 = 170;
/// Documents of one bulk request.
pub const BULK_DOCUMENTS_MAX: usize = 100;
/// How long documents of one bulk request are gathered after the first.
pub const BULK_GATHER_MS: u64 = 50;
/// Rows of one multi-row statement; the protocol allows 65,535 placeholders.
pub const STATEMENT_ROWS_MAX: usize = 1_000;

/// Bytes of outbox payloads in one transaction of the batch writer, besides its bound of orders. A single larger order
/// has a transaction of its own.
pub const INTAKE_BATCH_BYTES_MAX: usize = 4 << 20;
/// Entries read from one intake stream at once.
pub const INTAKE_READ_MAX: usize = 1_000;
/// Intake streams read at once.
pub const INTAKE_STREAMS_PER_READ: usize = 8;
/// The least time between the starts of two reads, unless the first was full; see [`CLAIM_PACE_MS`].
pub const INTAKE_PACE_MS: u64 = 40;
/// Batches of the batch writer that may be in flight to the databases at once.
pub const INTAKE_BATCHES_IN_FLIGHT_MAX: usize = 3;
/// While a flash sale is registered, intakes are polled this many times per idle poll.
pub const INTAKE_POLLS_PER_IDLE_POLL: u64 = 10;
/// How long an entry must have been delivered to a relay without acknowledgement before another may claim it.
pub const INTAKE_CLAIM_IDLE_MS: u64 = 5_000;
/// Interval of the look for such entries.
pub const INTAKE_CLAIM_EVERY_MS: u64 = 1_000;
/// How long a consumer without entries must have been idle to be removed: its relay is gone.
pub const INTAKE_CONSUMER_IDLE_MS: u64 = 600_000;
/// Interval of the look for such consumers.
pub const INTAKE_RETIRE_EVERY_MS: u64 = 60_000;
/// Names of intake streams kept in memory.
pub const INTAKE_NAMES_MAX: usize = 4_096;
/// Interval of the polls for failures while none is due, without a hint; longer where the idle poll is.
pub const FAILURES_EVERY_MS: u64 = 30_000;
/// Failures claimed at once.
pub const FAILURES_CLAIM_MAX: u32 = 100;
/// How long work on one of several shards may take; a slower shard counts as away.
pub const SHARD_TIMEOUT_MS: u64 = 10_000;
/// How long confirming moved stock to one shard may take; then that is done later, and the other shards' stock does not
/// wait.
pub const CONFIRM_TIMEOUT_MS: u64 = 2_000;
/// How long a sent outbox row may lack its confirmation before that may have been lost.
pub const LATE_AFTER_MS: u64 = 5_000;
/// Interval of the look for such rows.
pub const LATE_EVERY_MS: u64 = 2_000;
/// Such rows read at once.
pub const LATE_ROWS_MAX: u32 = 500;
/// Times that a batch yields to another transaction's locks before that counts as an outage.
pub const INTAKE_TRIES_MAX: u32 = 40;

/// Orders that one expiry transaction cancels.
pub const EXPIRY_ORDERS_MAX: u32 = 200;
/// Pause after an expiry transaction that found fewer.
pub const EXPIRY_EVERY_MS: u64 = 1_000;

/// Interval of the look at flash sales: open ones, those that are over, and units to return of recent ones.
pub const SALES_EVERY_MS: u64 = 1_000;
/// Interval of the look for units to return (after cancellations) of all ended sales.
pub const SALES_LATE_EVERY_MS: u64 = 60_000;
/// How long after its end a sale is recent.
pub const SALES_RECENT_MS: u64 = 3_600_000;
/// Flash sales read at once.
pub const SALES_MAX: u32 = 200;
/// How long a sale must be missing in Redis before it is restored there: a preheat may be in progress, and purchases
/// that a relay had read before are written by then.
pub const SALES_RECALL_AFTER_MS: u64 = 3_000;
/// The longest pause before a sale with an error is looked at again.
pub const SALES_TROUBLE_MS_MAX: u64 = 60_000;

/// Interval of the sweep, which repairs what crashes left behind.
pub const SWEEP_EVERY_MS: u64 = 5_000;
/// Products that one sweep looks at; the next one goes on from there.
pub const SWEEP_PRODUCTS_MAX: u32 = 1_000;
/// Intents of one product that one sweep reads; a product with more waits until the consumer has caught up.
pub const SWEEP_INTENTS_MAX: usize = 10_000;
/// Rows of the stock log that one sweep reads.
pub const SWEEP_LOG_ROWS_MAX: u32 = 500;
/// Holds that one sweep gives back; it goes on at once where there were so many.
pub const SWEEP_HOLDS_MAX: u32 = 500;
/// After the inventory database was restored to an older state: the number of outbox pages without a lost stock move
/// after which older ones are not compared.
pub const RESEND_QUIET_PAGES: u32 = 50;

/// Interval at which the outbox gauges are read.
pub const GAUGES_EVERY_MS: u64 = 5_000;
/// Outbox rows of one status are counted up to here.
pub const GAUGE_ROWS_MAX: u32 = 100_000;

/// Database sessions per shard, and for the inventory.
pub const SESSIONS_MAX: u32 = 8;
/// How long getting a database session may take, connecting included.
pub const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long one round of a loop may take, from claim to settlement.
pub const ROUND_TIMEOUT_MS: u64 = 30_000;
/// How long connecting to Redis, or a reply, may take.
pub const REDIS_TIMEOUT_MS: u64 = 2_000;
/// How long connecting to Elasticsearch, or one exchange with it, may take.
pub const HTTP_TIMEOUT_MS: u64 = 10_000;
/// Bytes of the largest response of Elasticsearch.
pub const HTTP_BODY_BYTES_MAX: usize = 16 << 20;
/// How long work in flight may take to finish after SIGTERM.
pub const DRAIN_MS: u64 = 20_000;

/// Wait after a loop's first failed round; doubled with each further one.
pub const OUTAGE_WAIT_MS_MIN: u64 = 100;
/// The longest wait after a failed round.
pub const OUTAGE_WAIT_MS_MAX: u64 = 3_000;

/// The longest time in flight while servers answer: a request that inserts at its deadline, a relay that dies with the
/// row claimed, a bus that is away just then, a consumer that dies with the message, and a confirmation found late.
/// Whatever disagrees for longer is not in flight, and `reconcile` reports it as broken.
pub const SETTLE_MS: u64 = INSERT_DEADLINE_MS
    + LEASE_MS_MAX
    + AWAY_RETRY_MS_MAX
    + PUBLISH_TIMEOUT_MS
    + GROUP_SESSION_MS
    + LATE_AFTER_MS
    + LATE_EVERY_MS;
/// How long `reconcile` reads topics, at most.
pub const TOPIC_READ_MS_MAX: u64 = 900_000;
/// How long `reconcile` waits for the next record of a topic.
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
