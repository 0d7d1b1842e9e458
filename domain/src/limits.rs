//! Every business bound in one place, asserted against its neighbours at compile time.

/// Lines one order may have.
pub const ITEMS_MAX: usize = 100;
/// Units of one line: a signed 32-bit column.
pub const QUANTITY_MAX: u32 = i32::MAX as u32;
/// Largest price, subtotal and total: DECIMAL(10,2), in cents.
pub const AMOUNT_CENTS_MAX: i64 = 9_999_999_999;
pub const PRODUCT_NAME_CHARS_MAX: usize = 200;
pub const PRODUCT_IMAGE_CHARS_MAX: usize = 500;
pub const SHIPPING_ADDRESS_CHARS_MAX: usize = 500;
pub const REMARK_CHARS_MAX: usize = 200;
pub const REASON_CHARS_MAX: usize = 200;
pub const PAYMENT_METHOD_CHARS_MAX: usize = 20;
pub const PAYMENT_ID_CHARS_MAX: usize = 64;
pub const USER_REF_CHARS_MAX: usize = 64;
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

pub const PAGE_SIZE_DEFAULT: u32 = 10;
pub const PAGE_SIZE_MAX: u32 = 100;
/// Rows an offset page may lie behind the newest: deeper pages would cost every shard a scan.
pub const PAGE_DEPTH_MAX: u32 = 10_000;
/// Bytes a list's reply may have; a page that would have more is refused. The largest single order, product or failure
/// fits.
pub const LIST_REPLY_BYTES_MAX: usize = 1024 * 1024;
/// Totals of listings over all users are counted up to here, then reported as a lower bound.
pub const TOTAL_COUNT_MAX: u64 = 100_000;

/// What a dashboard lists.
pub const RECENT_ORDERS_MAX: usize = 100;
pub const HOT_PRODUCTS_MAX: usize = 10;
/// Products of an hour that each shard, or of a day that the index, counts to find the hottest: what was ordered less
/// is left out.
pub const PRODUCTS_COUNTED_MAX: usize = 10_000;

/// A request may insert its order only so long after its id was minted; the database's clock refuses later ones.
pub const INSERT_DEADLINE_MS: u64 = 5_000;
/// A repeat of a key may take over an unfinished request this long after the id was minted.
pub const TAKEOVER_AGE_MS: u64 = 7_000;
/// The sweep returns a reservation without an order when it is this old.
pub const ORPHAN_AGE_MS: u64 = 30_000;
/// `processing` outlives any request; a completed state is kept for a day.
pub const PROCESSING_TTL_MS: u64 = 600_000;
pub const COMPLETED_TTL_MS: u64 = 86_400_000;
/// A body sent twice without a key within this time is a duplicate submit.
pub const SUBMIT_GUARD_MS: u64 = 10_000;
/// Unpaid orders are cancelled after this time unless configured otherwise.
pub const UNPAID_EXPIRY_MS: u64 = 30 * 60_000;
/// Orders stay in the Redis cache this long, plus up to a tenth of jitter.
pub const ORDER_CACHE_TTL_MS: u64 = 60_000;
/// Catalogue entries stay in Redis this long.
pub const PRODUCT_CACHE_TTL_MS: u64 = 300_000;
/// An unknown product is remembered as unknown this long.
pub const ABSENT_CACHE_TTL_MS: u64 = 5_000;

/// Activities are numbered within 30 bits, and taken from skus within 32: together they make the sale's own sku.
pub const SECKILL_NUMBER_MAX: u32 = (1 << 30) - 1;
pub const SECKILL_SKU_MAX: u64 = u32::MAX as u64;
/// A token is good for so long; a used one is remembered for a day.
pub const SECKILL_TOKEN_MS: u64 = 300_000;
pub const SECKILL_USED_TOKEN_MS: u64 = 86_400_000;
/// Redis remembers a flash sale and its buyers for so long after its end; the databases do for ever.
pub const SECKILL_REMEMBERED_MS: u64 = 30 * 86_400_000;
/// Entries one intake stream may hold before requests that would add to it are refused.
pub const INTAKE_LENGTH_MAX: u64 = 1_000_000;
/// Orders the batch writer puts in one transaction.
pub const INTAKE_BATCH_MAX: usize = 500;
/// Retries of a failed message, and how often the relay looks for due ones.
pub const FAILURE_RETRY_MAX: u32 = 5;
/// A retry that did not end within this time is claimed anew.
pub const FAILURE_STALE_MS: u64 = 300_000;
/// Bytes of a raw message kept with its failure.
pub const FAILURE_MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Attempts at a versioned stock update before it counts as contended.
pub const STOCK_SPIN_MAX: u32 = 8;
/// Sends after the first that the bus refused, before a message is given up.
pub const PUBLISH_RETRY_MAX: u32 = 5;
/// The longest wait between two sends to a bus that is away.
pub const AWAY_RETRY_MS_MAX: u64 = 30_000;

const _: () = assert!(
    INSERT_DEADLINE_MS + 1_000 < TAKEOVER_AGE_MS,
    "takeover must wait for the insert deadline and clock skew"
);
const _: () = assert!(
    TAKEOVER_AGE_MS < ORPHAN_AGE_MS,
    "a repeat settles its own request before the sweep does"
);
const _: () = assert!(
    ORPHAN_AGE_MS < PROCESSING_TTL_MS,
    "the state that names an orphan outlives it"
);
const _: () = assert!(
    SUBMIT_GUARD_MS > TAKEOVER_AGE_MS,
    "a keyless guard outlives the request it guards"
);
const _: () = assert!(PAGE_SIZE_MAX <= PAGE_DEPTH_MAX);
const _: () = assert!(HOT_PRODUCTS_MAX < PRODUCTS_COUNTED_MAX);
