//! Bodies that move an order on: cancel, pay, and the admin's change of status.

use super::create::{bounded, text};
use crate::api::identity::{self, IdText};
use crate::api::problem::Code;
use domain::limits::{PAYMENT_ID_CHARS_MAX, REASON_CHARS_MAX};
use domain::{Rejection, Status, User};
use serde::{Deserialize, Serialize};

/// Body of a cancel; all of it is optional, the body too.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CancelRequest {
    #[serde(default, alias = "UserID", alias = "userId")]
    pub user_id: Option<IdText>,
    #[serde(default)]
    pub reason: Option<String>,
}

impl CancelRequest {
    /// Who asks, where the body says so, and the reason.
    pub fn parse(bytes: &[u8]) -> Result<(Option<User>, Option<String>), Rejection> {
        let request: CancelRequest = crate::api::body::parse_or_default(bytes)?;
        let reason = text("reason", request.reason, REASON_CHARS_MAX)?;
        Ok((user(request.user_id)?, reason))
    }
}

/// Reply of a cancel.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cancelled {
    pub code: u32,
    pub success: bool,
    pub message: String,
}

impl Cancelled {
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

/// Body of a status change, as the consoles of MiniShop and go-seckill send it.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StatusRequest {
    #[cfg_attr(feature = "openapi", schema(value_type = IdText, required = true, example = "shipped"))]
    pub status: Option<IdText>,
    #[serde(default)]
    pub reason: Option<String>,
}

impl StatusRequest {
    pub fn parse(bytes: &[u8]) -> Result<(Status, Option<String>), Rejection> {
        let request: StatusRequest = crate::api::body::parse(bytes)?;
        let named = request
            .status
            .ok_or_else(|| Rejection::invalid("status", "is required"))?;
        let status = Status::parse(&named.0)
            .ok_or_else(|| Rejection::invalid("status", "is not a known status"))?;
        let reason = text("reason", request.reason, REASON_CHARS_MAX)?;
        Ok((status, reason))
    }
}

/// Body of a payment; the callback also says which order. A payment id makes a repeat recognisable.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PayRequest {
    #[serde(default, alias = "OrderID", alias = "orderId")]
    pub order_id: Option<IdText>,
    #[serde(default, alias = "UserID", alias = "userId")]
    pub user_id: Option<IdText>,
    #[serde(default, alias = "PaymentID", alias = "paymentId")]
    pub payment_id: Option<String>,
}

/// A payment as the caller reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// As the caller spelled it; only the callback sends it.
    pub order_id: Option<String>,
    pub user: Option<User>,
    pub payment_id: Option<String>,
}

impl PayRequest {
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
        })
    }
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
        let long = format!(r#"{{"payment_id":"{}"}}"#, "p".repeat(65));
        assert!(PayRequest::parse(long.as_bytes()).is_err());
    }
}
