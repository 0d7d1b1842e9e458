//! HTTP bodies about orders: requests in the spellings of each of the five systems (docs/glossary.md), and the shapes
//! orders are shown in. The `/v1` shape is the canonical one; it is also what the Redis cache holds.

pub mod call;
pub mod change;
pub mod create;
pub mod draft;
pub mod envelope;
#[cfg(test)]
pub(crate) mod sample;
pub mod view;

pub use call::{LineCall, OrderCall};
pub use change::{
    CancelRequest, Cancelled, Collect, Collected, CollectedStatus, PayRequest, Payment,
    PaymentAsked, StatusRequest,
};
pub use create::CreateOrderRequest;
pub use draft::{Draft, DraftLine, Naming};
pub use envelope::{Envelope, EnvelopeOrder, EnvelopeOrders};
#[cfg(feature = "openapi")]
pub use view::OrderReply;
pub use view::{ApiItem, ApiOrder, ApiOrders, Created, ItemView, OrderEnvelope, OrderView, Orders};
