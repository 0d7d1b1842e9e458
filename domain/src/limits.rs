//! Every business limit in one place, with compile-time checks of how they relate.

/// Lines of one order.
pub const ITEMS_MAX: usize = 100;
/// Units of one line: a signed 32-bit column.
pub const QUANTITY_MAX: u32 = i32::MAX as u32;
/// Largest price, subtotal and total: DECIMAL(10,2), in cents.
pub const AMOUNT_CENTS_MAX: i64 = 9_999_999_999;
/// Width of `products.name` and `t_order_item.product_name`.
pub const PRODUCT_NAME_CHARS_MAX: usize = 200;
/// Width of `products.image` and `t_order_item.product_image`.
pub const PRODUCT_IMAGE_CHARS_MAX: usize = 500;
/// Of the address as text; an address that came as JSON counts as its JSON.
pub const SHIPPING_ADDRESS_CHARS_MAX: usize = 500;
/// Width of `t_order.remark`.
pub const REMARK_CHARS_MAX: usize = 200;
/// Width of `t_order.cancel_reason`, `t_payment.refund_reason` and `t_stock_change.reason`.
pub const REASON_CHARS_MAX: usize = 200;
/// Width of `t_order.payment_method`.
pub const PAYMENT_METHOD_CHARS_MAX: usize = 20;
/// Width of `t_order.payment_id` and `t_payment.payment_id`.
pub const PAYMENT_ID_CHARS_MAX: usize = 64;
/// Width of `t_order.user_ref`.
pub const USER_REF_CHARS_MAX: usize = 64;
/// Of the key as the caller sends it; only its hash is stored.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;
/// Characters of a name to log in with; width of `t_user.name`.
pub const LOGIN_NAME_CHARS_MIN: usize = 3;
/// Width of `t_user.name`.
pub const LOGIN_NAME_CHARS_MAX: usize = 64;
/// Characters of the shortest password.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Bytes of the longest password.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Rows of a page whose size the caller does not name.
pub const PAGE_SIZE_DEFAULT: u32 = 10;
/// Rows of a page, and ids of a list in a query.
pub const PAGE_SIZE_MAX: u32 = 100;
/// Rows from the newest to the end of a page: deeper pages would make every shard scan.
pub const PAGE_DEPTH_MAX: u32 = 10_000;
/// Bytes a list's reply may have; a page that would have more is refused. The largest single order, product or failure
/// fits.
pub const LIST_REPLY_BYTES_MAX: usize = 1024 * 1024;
/// Totals of listings over all users are counted up to here, then reported as a lower bound.
pub const TOTAL_COUNT_MAX: u64 = 100_000;

/// Newest orders that a dashboard lists.
pub const RECENT_ORDERS_MAX: usize = 100;
/// Most sold products that a dashboard lists.
pub const HOT_PRODUCTS_MAX: usize = 10;
/// Most sold products that are counted to find the hottest: per hour by each shard, or per day by the index. The others
/// are left out.
pub const PRODUCTS_COUNTED_MAX: usize = 10_000;

/// A request may insert its order only this long after its id was minted; later the database refuses it, by its clock.
pub const INSERT_DEADLINE_MS: u64 = 5_000;
/// A repeat of a key may take over an unfinished request this long after the id was minted.
pub const TAKEOVER_AGE_MS: u64 = 7_000;
/// A repeat of a stock change may take over an unfinished attempt that is this old.
pub const STOCK_CHANGE_ENDED_MS: u64 = 7_000;
/// Units that another system holds are given back after this time unless configured otherwise.
pub const HOLD_MS: u64 = 30 * 60_000;
/// The longest time for which units can be held: thirty days.
pub const HOLD_MS_MAX: u64 = 30 * 86_400_000;
/// Holds from which one line of an order may take its units.
pub const HOLDS_PER_LINE_MAX: usize = 100;
/// Bytes of the message id of a confirmation: width of `t_external_line.message_id`.
pub const MESSAGE_ID_BYTES_MAX: usize = 255;
/// The sweep returns a reservation without an order when it is this old.
pub const ORPHAN_AGE_MS: u64 = 30_000;
/// Redis keeps a key in `processing` this long, which is longer than any request takes.
pub const PROCESSING_TTL_MS: u64 = 600_000;
/// Redis keeps a completed key and its response this long: a day.
pub const COMPLETED_TTL_MS: u64 = 86_400_000;
/// A payload that a user sends twice without a key within this time is a duplicate submit.
pub const SUBMIT_GUARD_MS: u64 = 10_000;
/// Unpaid orders are cancelled after this time unless configured otherwise.
pub const UNPAID_EXPIRY_MS: u64 = 30 * 60_000;
/// The provider is asked about a payment that nobody has reported when it is this old; then after twice the time, and
/// so on.
pub const PAYMENT_ASK_MS: u64 = 60_000;
/// The longest time between two questions about a payment.
pub const PAYMENT_ASK_MS_MAX: u64 = 3_600_000;
/// The same where the order waits for it, for as many questions as an hour has: an order expires, and its stock is sold
/// to others.
pub const PAYMENT_ASK_PENDING_MS_MAX: u64 = 120_000;
/// Orders stay in the Redis cache this long; those that functions put there up to a tenth longer, as jitter.
pub const ORDER_CACHE_TTL_MS: u64 = 60_000;
/// Catalogue entries stay in Redis this long.
pub const PRODUCT_CACHE_TTL_MS: u64 = 300_000;
/// An unknown product or order is cached as unknown this long.
pub const ABSENT_CACHE_TTL_MS: u64 = 5_000;

/// Largest number of an activity: it has 30 bits of the sale's own sku.
pub const SECKILL_NUMBER_MAX: u32 = (1 << 30) - 1;
/// Largest sku that a flash sale can take units from: it has 32 bits of the sale's own sku.
pub const SECKILL_SKU_MAX: u64 = u32::MAX as u64;
/// A flash sale ends within this time: a hundred years. Its units are set aside until then, and a time in microseconds
/// is further away.
pub const SECKILL_AHEAD_MS_MAX: u64 = 100 * 366 * 86_400_000;
/// How far another system's clock may be from ours, where the time of its purchase decides about the price.
pub const FOREIGN_CLOCK_MS_MAX: u64 = 60_000;
/// An unused token is valid this long.
pub const SECKILL_TOKEN_MS: u64 = 300_000;
/// Redis keeps a used token this long: a day.
pub const SECKILL_USED_TOKEN_MS: u64 = 86_400_000;
/// Redis keeps a flash sale and its buyers this long after its end; the databases keep them for ever.
pub const SECKILL_REMEMBERED_MS: u64 = 30 * 86_400_000;
/// Entries of one intake stream; a request that would add another is refused.
pub const INTAKE_LENGTH_MAX: u64 = 1_000_000;
/// Orders the batch writer puts in one transaction.
pub const INTAKE_BATCH_MAX: usize = 500;
/// Automatic retries of a failed message.
pub const FAILURE_RETRY_MAX: u32 = 5;
/// A retry that has not ended within this time is claimed again.
pub const FAILURE_STALE_MS: u64 = 300_000;
/// Bytes of a raw message kept with its failure.
pub const FAILURE_MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An access token is valid this long unless configured otherwise: two hours.
pub const ACCESS_TOKEN_SECONDS: u64 = 2 * 3_600;
/// The longest time for which an access token can be valid: a day.
pub const ACCESS_TOKEN_SECONDS_MAX: u64 = 86_400;
/// A refresh token is valid this long: a week. Each use begins it anew.
pub const REFRESH_TOKEN_MS: u64 = 7 * 86_400_000;
/// A session ends this long after its login, however often it was refreshed: thirty days.
pub const SESSION_MS: u64 = 30 * 86_400_000;
/// A refresh token that was just used may be sent again within this time, as its answer may have been lost.
pub const REFRESH_REPEAT_MS: u64 = 30_000;
/// Sessions of one user; another login ends the one that was used least recently.
pub const SESSIONS_MAX: u32 = 20;
/// Attempts to log in to one account, a minute, unless configured otherwise.
pub const LOGINS_PER_ACCOUNT_MAX: u32 = 10;
/// Attempts to log in or to register from one address, a minute, unless configured otherwise.
pub const LOGINS_PER_ADDRESS_MAX: u32 = 60;

/// Orders that one user may ask for, a minute, in mode `strict` and unless configured otherwise.
pub const USER_ORDERS_PER_MINUTE_MAX: u32 = 10;
/// Changes that one address may ask for, a second, in mode `strict` and unless configured otherwise.
pub const ADDRESS_REQUESTS_PER_SECOND_MAX: u32 = 100;

/// How far the time of a signature may be from the clock of the machine that verifies it, before or after.
pub const SIGNATURE_WINDOW_SECONDS: u64 = 300;
/// Redis keeps the nonce of a signature this long: longer than a signature is valid, as clocks differ.
pub const SIGNATURE_NONCE_MS: u64 = 720_000;
/// Characters of the shortest nonce: 64 random bits in hexadecimal.
pub const SIGNATURE_NONCE_CHARS_MIN: usize = 16;
/// Characters of the longest nonce.
pub const SIGNATURE_NONCE_CHARS_MAX: usize = 64;

/// Retries of a stock update that meets locks, before it counts as contended.
pub const STOCK_SPIN_MAX: u32 = 8;
/// Resends of a message that the bus refuses, before it is given up.
pub const PUBLISH_RETRY_MAX: u32 = 5;
/// The longest wait between two sends to an unreachable bus.
pub const AWAY_RETRY_MS_MAX: u64 = 30_000;

const _: () = assert!(
    INSERT_DEADLINE_MS + 1_000 < TAKEOVER_AGE_MS,
    "takeover must wait for the insert deadline and clock skew"
);
const _: () = assert!(
    INSERT_DEADLINE_MS + 1_000 < STOCK_CHANGE_ENDED_MS && STOCK_CHANGE_ENDED_MS < ORPHAN_AGE_MS,
    "an attempt of a stock change has ended before another takes over, and that before the sweep does"
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
const _: () = assert!(
    REFRESH_REPEAT_MS < REFRESH_TOKEN_MS && REFRESH_TOKEN_MS < SESSION_MS,
    "a session outlives its refresh tokens, and these their repeats"
);
const _: () = assert!(ACCESS_TOKEN_SECONDS <= ACCESS_TOKEN_SECONDS_MAX);
const _: () = assert!(
    (2 * SIGNATURE_WINDOW_SECONDS + 1) * 1_000 + 60_000 < SIGNATURE_NONCE_MS,
    "a nonce is known for as long as any machine takes its signature, a minute's difference of clocks included"
);
const _: () = assert!(PAGE_SIZE_MAX <= PAGE_DEPTH_MAX);
const _: () = assert!(HOT_PRODUCTS_MAX < PRODUCTS_COUNTED_MAX);
