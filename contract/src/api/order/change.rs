//! Bodies that change an order's status: cancel, pay, and the back office's change.

use super::create::{bounded, text};
use crate::api::amount::Amount;
use crate::api::identity::{self, IdText};
use crate::api::problem::Code;
use domain::limits::{PAYMENT_ID_CHARS_MAX, REASON_CHARS_MAX};
use domain::{Cents, Rejection, Status, User};
use serde::{Deserialize, Serialize};

/// Body of a cancellation. All fields are optional, and so is the body.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelRequest {
    /// Optional check: the order of another user is answered as unknown.
    #[serde(default, alias = "UserID", alias = "userId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::UserText>))]
    pub user_id: Option<IdText>,
    /// Shown as `cancel_reason`; up to 200 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub reason: Option<String>,
}

impl CancelRequest {
    /// The user and the reason, each `None` where the body has none.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<(Option<User>, Option<String>), Rejection> {
        let request: CancelRequest = crate::api::body::parse_or_default(bytes)?;
        Ok((user(request.user_id)?, reason(request.reason)?))
    }
}

/// Reply of a cancellation.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cancelled {
    /// Always 10000.
    pub code: u32,
    /// Always true.
    pub success: bool,
    /// A fixed text for people.
    pub message: String,
}

impl Cancelled {
    /// The only reply there is.
    pub fn new() -> Cancelled {
        Cancelled {
            code: Code::Success.number(),
            success: true,
            message: "订单已取消".to_owned(),
        }
    }
}

impl Default for Cancelled {
    fn default() -> Cancelled {
        Cancelled::new()
    }
}

/// Body of a change of status by the back office.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusRequest {
    /// The status to reach: `paid`, `shipped`, `completed` (or `delivered`) or `cancelled`; also by number, 1 to 4 in
    /// this order.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::StatusText, required = true))]
    pub status: Option<IdText>,
    /// Shown as `cancel_reason` where the order is cancelled; up to 200 characters.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 200))]
    pub reason: Option<String>,
}

impl StatusRequest {
    /// The status to reach and the reason, `None` where the body has none.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<(Status, Option<String>), Rejection> {
        let request: StatusRequest = crate::api::body::parse(bytes)?;
        let named = request
            .status
            .ok_or_else(|| Rejection::invalid("status", "is required"))?;
        Ok((status(&named.0)?, reason(request.reason)?))
    }
}

/// Body of a payment. With a `payment_id`, a repeat for the same order changes nothing and is no error.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayRequest {
    /// Any spelling of the order's id. Required by the payment callback; ignored where the path names the order.
    #[serde(default, alias = "OrderID", alias = "orderId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::OrderText>))]
    pub order_id: Option<IdText>,
    /// Optional check: the order of another user is answered as unknown.
    #[serde(default, alias = "UserID", alias = "userId")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::UserText>))]
    pub user_id: Option<IdText>,
    /// The provider's id of the payment, up to 64 characters. It pays one order only.
    #[serde(default, alias = "PaymentID", alias = "paymentId")]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    pub payment_id: Option<String>,
    /// What was paid. Where present, it must be what the order costs.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::api::openapi::AmountText>))]
    pub amount: Option<Amount>,
}

/// A payment as the caller reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// As the caller spelled it; only the callback needs it.
    pub order_id: Option<String>,
    /// Where present, the order must be theirs.
    pub user: Option<User>,
    /// `None` where absent or empty.
    pub payment_id: Option<String>,
    /// What was paid.
    pub amount: Option<Cents>,
}

impl PayRequest {
    /// The payment; an empty body is one without fields.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<Payment, Rejection> {
        let request: PayRequest = crate::api::body::parse_or_default(bytes)?;
        bounded(
            "payment_id",
            request.payment_id.as_deref(),
            PAYMENT_ID_CHARS_MAX,
        )?;
        Ok(Payment {
            order_id: request.order_id.map(|id| id.0),
            user: user(request.user_id)?,
            payment_id: request.payment_id.filter(|id| !id.is_empty()),
            amount: request.amount.map(|Amount(cents)| cents),
        })
    }
}

/// Reply where the provider collects a payment.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PaymentAsked {
    /// Always 10000.
    pub code: u32,
    /// The order that it is for.
    pub order_id: String,
    /// As the provider knows it.
    pub payment_id: String,
    /// What is to be paid.
    pub amount: Amount,
    /// Always `pending`.
    pub status: &'static str,
    /// Where the buyer goes on, if the provider has such a page.
    pub checkout_url: Option<String>,
}

/// What is asked of the provider: `POST {payment_url}/payments`. A repeat is no other payment.
#[derive(Debug, Serialize)]
pub struct Collect {
    /// Names the payment.
    pub payment_id: String,
    /// What it is for.
    pub order_id: String,
    /// With two decimals.
    pub amount: Amount,
}

/// What the provider says of a payment, there and to `GET {payment_url}/payments/{payment_id}`.
#[derive(Debug, Deserialize)]
pub struct Collected {
    /// How far it is.
    pub status: CollectedStatus,
    /// What was paid, where it is.
    #[serde(default)]
    pub amount: Option<Amount>,
    /// Where the buyer goes on.
    #[serde(default)]
    pub checkout_url: Option<String>,
}

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CollectedStatus {
    /// The provider has not decided.
    Pending,
    /// The provider has the money.
    Paid,
    /// It gets none.
    Failed,
}

/// A status to reach, in any spelling.
///
/// # Errors
/// Where it is no known status.
pub fn status(text: &str) -> Result<Status, Rejection> {
    Status::parse(text).ok_or_else(|| Rejection::invalid("status", "is not a known status"))
}

/// The reason of a change; empty text counts as absent.
///
/// # Errors
/// Where it is too long.
pub fn reason(given: Option<String>) -> Result<Option<String>, Rejection> {
    text("reason", given, REASON_CHARS_MAX)
}

fn user(text: Option<IdText>) -> Result<Option<User>, Rejection> {
    text.map(|text| identity::user(&text.0))
        .transpose()
        .map_err(|reason| Rejection::invalid("user_id", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_needs_no_body() {
        assert_eq!(CancelRequest::parse(b"").unwrap(), (None, None));
        let (user, reason) = CancelRequest::parse(br#"{"user_id":7,"reason":"late"}"#).unwrap();
        assert_eq!(user.unwrap().id.get(), 7);
        assert_eq!(reason.as_deref(), Some("late"));
        let long = format!(r#"{{"reason":"{}"}}"#, "字".repeat(201));
        assert!(CancelRequest::parse(long.as_bytes()).is_err());
    }

    #[test]
    fn a_status_in_any_spelling() {
        for body in [
            r#"{"status":"delivered"}"#,
            r#"{"status":3}"#,
            r#"{"status":"3"}"#,
        ] {
            assert_eq!(
                StatusRequest::parse(body.as_bytes()).unwrap().0,
                Status::Completed
            );
        }
        for body in ["{}", r#"{"status":"gone"}"#, r#"{"status":9}"#, ""] {
            assert!(StatusRequest::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn payments() {
        let payment = PayRequest::parse(br#"{"order_id":12,"payment_id":"p"}"#).unwrap();
        assert_eq!(payment.order_id.as_deref(), Some("12"));
        assert_eq!(payment.payment_id.as_deref(), Some("p"));
        assert_eq!(payment.amount, None);
        let paid = |body: &[u8]| PayRequest::parse(body).map(|payment| payment.amount);
        assert_eq!(paid(br#"{"amount":"39.8"}"#), Ok(Cents::new(3_980)));
        assert!(paid(br#"{"amount":39.801}"#).is_err() && paid(br#"{"amount":-1}"#).is_err());
        let long = format!(r#"{{"payment_id":"{}"}}"#, "p".repeat(65));
        assert!(PayRequest::parse(long.as_bytes()).is_err());
    }
}
