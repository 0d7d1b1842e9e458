//! HTTP bodies about messages that could not become orders.

mod mask;

use domain::Ms;
use serde::Serialize;
use serde_json::value::RawValue;

pub use mask::masked;

/// Characters of a message that are shown.
pub const MESSAGE_CHARS_MAX: usize = 4_096;
/// Bytes that surely hold them.
pub const MESSAGE_BYTES_READ: usize = 4 * MESSAGE_CHARS_MAX;

/// How the reason begins by which an accepted order was given up for its key's sake: the key has made the order that
/// follows, and the accepted one's id is answered with that.
pub const KEY_MADE_ANOTHER: &str = "its idempotency key has made order";

/// A message as operators may see it: without addresses and phone numbers, cut to its first characters.
pub fn shown(message: &str) -> String {
    masked(message).chars().take(MESSAGE_CHARS_MAX).collect()
}

domain::coded! {
    /// What becomes of a message that could not be written as an order.
    pub enum FailureStatus {
        /// Will be retried when it is due.
        Pending = 0, "pending";
        /// Somebody is at it.
        Processing = 1, "processing";
        /// It became an order after all.
        Success = 2, "success";
        /// Given up; what it held was returned. May be retried by hand.
        Failed = 3, "failed";
    }
}

/// A message that is no order yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureView {
    pub id: String,
    /// `intake`, `kafka` or `rabbitmq`.
    pub source: String,
    pub order_id: Option<String>,
    pub user_id: Option<String>,
    pub product_id: Option<String>,
    pub seckill_id: Option<String>,
    /// As it came, but for addresses and phone numbers, which read `***`. What is no UTF-8 is replaced, and a long one
    /// is cut to its first 4,096 characters.
    pub message_data: String,
    pub error_message: String,
    pub retry_count: u32,
    #[cfg_attr(feature = "openapi", schema(example = "pending"))]
    pub status: &'static str,
    pub next_retry_at: Option<Ms>,
    pub created_at: Ms,
    pub updated_at: Ms,
}

/// One failure alone at the top of a reply.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FailureReply {
    pub code: u32,
    #[serde(flatten)]
    pub failure: FailureView,
}

/// A page of failures, newest first.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Failures {
    pub code: u32,
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<FailureView>))]
    pub failures: Vec<Box<RawValue>>,
    pub total: u64,
    /// False where `total` is only a lower bound.
    pub total_exact: bool,
    pub page: u32,
    pub page_size: u32,
}
