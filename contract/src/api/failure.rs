//! HTTP bodies about messages that could not become orders.

mod mask;

use serde::Serialize;
use serde_json::value::RawValue;

pub use mask::masked;

/// Characters of a message that are shown.
pub const MESSAGE_CHARS_MAX: usize = 4_096;
/// Bytes that are read for them: a character of UTF-8 has at most four.
pub const MESSAGE_BYTES_READ: usize = 4 * MESSAGE_CHARS_MAX;

/// Beginning of the reason where an accepted order was given up because its idempotency key had made another order.
/// That order's id follows; reads of the accepted id are answered with it.
pub const KEY_MADE_ANOTHER: &str = "its idempotency key has made order";

/// A message as operators may see it: without addresses and phone numbers, cut to its first characters.
pub fn shown(message: &str) -> String {
    masked(message).chars().take(MESSAGE_CHARS_MAX).collect()
}

domain::coded! {
    /// State of a message that could not be written as an order.
    pub enum FailureStatus {
        /// Will be retried when it is due.
        Pending = 0, "pending";
        /// A retry is running.
        Processing = 1, "processing";
        /// It became an order after all.
        Success = 2, "success";
        /// Given up, its reserved units released. Can still be retried by hand.
        Failed = 3, "failed";
    }
}

/// A message that could not become an order at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureView {
    /// Decimal text.
    pub id: String,
    /// Where the message came from: `intake` (accepted by this platform), `kafka` or `rabbitmq` (sent by another
    /// system).
    pub source: String,
    /// Id of the order it was to become, or became, in decimal; null where it has none.
    pub order_id: Option<String>,
    /// Numeric id of the buyer in decimal; null where the message could not be read.
    pub user_id: Option<String>,
    /// Of the first item, in decimal; null where the message could not be read.
    pub product_id: Option<String>,
    /// The flash sale it was bought in; null for ordinary orders.
    pub seckill_id: Option<String>,
    /// The message as received, with addresses and phone numbers shown as `***`, invalid UTF-8 replaced, and cut to its
    /// first 4,096 characters.
    pub message_data: String,
    /// Why it did not become an order; the latest reason.
    pub error_message: String,
    /// Retries so far, automatic and manual ones.
    pub retry_count: u32,
    /// `pending` (will be retried), `processing`, `success` (became an order) or `failed` (given up).
    #[cfg_attr(feature = "openapi", schema(example = "pending"))]
    pub status: &'static str,
    /// Due time of the next retry, milliseconds UTC; null unless `pending`.
    pub next_retry_at: Option<u64>,
    /// When the message first failed, milliseconds UTC.
    pub created_at: u64,
    /// Milliseconds UTC.
    pub updated_at: u64,
}

/// One failure, its fields at the top level of the reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureReply {
    /// Always 10000.
    pub code: u32,
    /// Its fields are at the top level of the reply.
    #[serde(flatten)]
    pub failure: FailureView,
}

/// A page of failures, newest first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failures {
    /// Always 10000.
    pub code: u32,
    /// Empty past the end.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<FailureView>))]
    pub failures: Vec<Box<RawValue>>,
    /// Failures that match, on all pages.
    pub total: u64,
    /// False where `total` is only a lower bound.
    pub total_exact: bool,
    /// Counted from 1.
    pub page: u32,
    /// Failures per page, as asked for.
    pub page_size: u32,
}
