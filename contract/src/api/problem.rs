//! Errors as callers see them: the closed list of codes, with the HTTP status of each. How an error is written:
//! `http_rules::error`.

use domain::{Ms, Rejection};

/// Stable codes that clients may match on, with the HTTP statuses they come with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// In successful replies, except under `/orders` and `/products`.
    Success = 10000,
    /// 400, 405, 408, 413, 414, 415, 417, 431, 501, 505: a field, the method, the size, the media type or the framing
    /// is not acceptable.
    BadParameter = 10001,
    /// 401, with `WWW-Authenticate`: no access token and no signature, or one that is not valid, is too old or was used
    /// before; a wrong password, or a refresh token that is not valid.
    Unauthorised = 10002,
    /// 500: details are in the log only.
    Internal = 10003,
    /// 429, with `Retry-After`.
    RateLimited = 10004,
    /// 503 and 504, with `Retry-After`: a server is away or slow.
    Unavailable = 10005,
    /// 403: the caller's role may not ask for this, it names another user, or a web page of another origin asks for a
    /// change.
    Forbidden = 10006,
    /// 404: no such path.
    NotFound = 10007,
    /// 404: no such order, or another user's.
    OrderNotFound = 20001,
    /// 409.
    AlreadyCancelled = 20002,
    /// 409: paid already; its buyer cannot cancel it either.
    AlreadyPaid = 20003,
    /// 409: a repeat of a request in progress, or a product id that exists. 422: the idempotency key was used with
    /// another body.
    DuplicateSubmit = 20004,
    /// 409: the order's status does not allow it, or the order is still queued (with `Retry-After`).
    IllegalTransition = 20005,
    /// 409: the payment id has paid another order.
    PaymentUsed = 20006,
    /// 409: the payment is of another amount than the order costs, or than was recorded for it.
    PaymentAmount = 20007,
    /// 409: the order was cancelled before its payment was reported; the payment is to be refunded.
    PaymentLate = 20008,
    /// 409: the provider declined the payment.
    PaymentDeclined = 20009,
    /// 409: fewer units are available.
    StockInsufficient = 30001,
    /// 409, with `Retry-After`: too many others change the same stock.
    StockLocked = 30002,
    /// 404: no such product or sku.
    ProductNotFound = 30003,
    /// 412: `If-Match` names another state of the product than its present one.
    ProductChanged = 30004,
    /// 409: so many units are not held, or no longer.
    StockNotHeld = 30005,
    /// 403: the token is invalid, expired or another's, or the flash sale has not started or is over.
    SeckillToken = 40001,
    /// 409: the flash sale has no units left.
    SoldOut = 40002,
    /// 409: the buyer has an order of this flash sale.
    AlreadyBought = 40003,
    /// 404: no such flash sale.
    SeckillNotFound = 40004,
    /// 409: the flash sale is not preheated or has ended, or the product is not on sale.
    SeckillState = 40005,
    /// 404: no such failure.
    FailureNotFound = 50001,
    /// 409: the failure is not one to retry.
    FailureState = 50002,
    /// 409: there is a user with this name.
    UserExists = 60001,
}

impl Code {
    /// As in the JSON field `code`.
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// An error as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: Code,
    /// For people, without the code.
    pub message: String,
    /// Sent as `Retry-After`, rounded up to seconds; `None`: no such header.
    pub retry_after_ms: Option<Ms>,
}

impl Problem {
    /// A problem without `Retry-After`.
    pub fn new(status: u16, code: Code, message: impl Into<String>) -> Problem {
        Problem {
            status,
            code,
            message: message.into(),
            retry_after_ms: None,
        }
    }

    /// 503: a server is away or slow. Nothing was done, or the relay settles what was done.
    pub fn unavailable() -> Problem {
        Problem {
            retry_after_ms: Some(1_000),
            ..Problem::new(503, Code::Unavailable, "系统繁忙，请稍后重试")
        }
    }

    /// 500, without details.
    pub fn internal() -> Problem {
        Problem::new(500, Code::Internal, "internal error")
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Problem {
        use Rejection::*;
        let (status, code) = match &rejection {
            Invalid { .. } => (400, Code::BadParameter),
            BodyTooLarge { .. } => (413, Code::BadParameter),
            UnsupportedMediaType | NotGrpc | UnsupportedCoding => (415, Code::BadParameter),
            NoToken | Token(_) | NoSignature | Signature(_) | WrongPassword | RefreshToken => {
                (401, Code::Unauthorised)
            }
            ForeignOrigin | AnotherRole | AnotherUser | RegistrationClosed => {
                (403, Code::Forbidden)
            }
            UserExists => (409, Code::UserExists),
            UnknownProduct(_) | UnknownSku { .. } => (404, Code::ProductNotFound),
            UnknownOrder(_) => (404, Code::OrderNotFound),
            StockInsufficient { .. } => (409, Code::StockInsufficient),
            StockContended { .. } => (409, Code::StockLocked),
            NotHeld { .. } | HoldExpired { .. } => (409, Code::StockNotHeld),
            LineSettled { .. } | OwnOrder { .. } => (409, Code::IllegalTransition),
            MessageUsed => (422, Code::DuplicateSubmit),
            DuplicateSubmit | InProgress => (409, Code::DuplicateSubmit),
            KeyReused => (422, Code::DuplicateSubmit),
            RateLimited { .. } => (429, Code::RateLimited),
            AlreadyCancelled(_) => (409, Code::AlreadyCancelled),
            AlreadyPaid(_) => (409, Code::AlreadyPaid),
            PaymentUsed(_) => (409, Code::PaymentUsed),
            PaymentAmount { .. } | PaymentChanged(_) => (409, Code::PaymentAmount),
            PaymentLate(_) => (409, Code::PaymentLate),
            PaymentDeclined(_) => (409, Code::PaymentDeclined),
            NoProvider => (403, Code::Forbidden),
            IllegalTransition { .. } | StillQueued(_) => (409, Code::IllegalTransition),
            ProductExists(_) => (409, Code::DuplicateSubmit),
            ProductChanged(_) => (412, Code::ProductChanged),
            SeckillToken(_) | SeckillNotStarted(_) | SeckillOver(_) => (403, Code::SeckillToken),
            SoldOut(_) => (409, Code::SoldOut),
            AlreadyBought(_) => (409, Code::AlreadyBought),
            UnknownSeckill(_) => (404, Code::SeckillNotFound),
            SeckillNotOpen(_) | SeckillEnded(_) | OffSale(_) => (409, Code::SeckillState),
            UnknownFailure(_) => (404, Code::FailureNotFound),
            NotRetryable { .. } => (409, Code::FailureState),
            NoRoute | NoLogin => (404, Code::NotFound),
            MethodNotAllowed => (405, Code::BadParameter),
        };
        let retry_after_ms = match rejection {
            RateLimited { retry_after_ms } => Some(retry_after_ms),
            InProgress | StockContended { .. } | StillQueued(_) => Some(1_000),
            _ => None,
        };
        Problem {
            status,
            code,
            message: rejection.to_string(),
            retry_after_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{ProductId, SkuId};

    #[test]
    fn a_rejection_has_its_status_and_code() {
        let problem = Problem::from(Rejection::StockInsufficient {
            product: ProductId(3),
            sku: SkuId(0),
        });
        assert_eq!((problem.status, problem.code.number()), (409, 30001));
        assert_eq!(problem.message, "库存不足: product 3 sku 0");
        let problem = Problem::from(Rejection::ForeignOrigin);
        assert_eq!((problem.status, problem.code.number()), (403, 10006));
    }
}
