//! The error body and the closed list of its codes, with the HTTP status of each.

use domain::{Ms, Rejection};
use serde::{Deserialize, Serialize};

/// Stable codes clients may match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Success = 10000,
    BadParameter = 10001,
    Unauthorised = 10002,
    Internal = 10003,
    RateLimited = 10004,
    Unavailable = 10005,
    Forbidden = 10006,
    NotFound = 10007,
    OrderNotFound = 20001,
    AlreadyCancelled = 20002,
    AlreadyPaid = 20003,
    DuplicateSubmit = 20004,
    IllegalTransition = 20005,
    PaymentUsed = 20006,
    StockInsufficient = 30001,
    StockLocked = 30002,
    ProductNotFound = 30003,
    SeckillToken = 40001,
    SoldOut = 40002,
    AlreadyBought = 40003,
    SeckillNotFound = 40004,
    SeckillState = 40005,
    FailureNotFound = 50001,
    FailureState = 50002,
}

impl Code {
    pub const fn number(self) -> u32 {
        self as u32
    }
}

/// What went wrong, as the caller may know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub code: Code,
    pub message: String,
    /// Ends up in `Retry-After`, rounded up to seconds.
    pub retry_after_ms: Option<Ms>,
}

/// Body of every error reply. `error` repeats the message for clients of sharded orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ProblemBody {
    pub code: u32,
    /// `[code] text`
    pub message: String,
    pub error: String,
    pub trace_id: String,
}

impl Problem {
    pub fn new(status: u16, code: Code, message: impl Into<String>) -> Problem {
        Problem {
            status,
            code,
            message: message.into(),
            retry_after_ms: None,
        }
    }

    /// A backend is away or slow: nothing was done, or what was done will be settled by the relay.
    pub fn unavailable() -> Problem {
        Problem {
            retry_after_ms: Some(1_000),
            ..Problem::new(503, Code::Unavailable, "系统繁忙，请稍后重试")
        }
    }

    pub fn internal() -> Problem {
        Problem::new(500, Code::Internal, "internal error")
    }

    pub fn body(&self, trace_id: &str) -> ProblemBody {
        let message = format!("[{}] {}", self.code.number(), self.message);
        ProblemBody {
            code: self.code.number(),
            error: message.clone(),
            message,
            trace_id: trace_id.to_owned(),
        }
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Problem {
        use Rejection::*;
        let (status, code) = match &rejection {
            Invalid { .. } => (400, Code::BadParameter),
            BodyTooLarge { .. } => (413, Code::BadParameter),
            UnsupportedMediaType => (415, Code::BadParameter),
            UnknownProduct(_) | UnknownSku { .. } => (404, Code::ProductNotFound),
            UnknownOrder(_) => (404, Code::OrderNotFound),
            StockInsufficient { .. } => (409, Code::StockInsufficient),
            StockContended { .. } => (409, Code::StockLocked),
            DuplicateSubmit | InProgress => (409, Code::DuplicateSubmit),
            KeyReused => (422, Code::DuplicateSubmit),
            RateLimited { .. } => (429, Code::RateLimited),
            AlreadyCancelled(_) => (409, Code::AlreadyCancelled),
            AlreadyPaid(_) => (409, Code::AlreadyPaid),
            PaymentUsed(_) => (409, Code::PaymentUsed),
            IllegalTransition { .. } | StillQueued(_) => (409, Code::IllegalTransition),
            ProductExists(_) => (409, Code::DuplicateSubmit),
            SeckillToken(_) | SeckillNotStarted(_) | SeckillOver(_) => (403, Code::SeckillToken),
            SoldOut(_) => (409, Code::SoldOut),
            AlreadyBought(_) => (409, Code::AlreadyBought),
            UnknownSeckill(_) => (404, Code::SeckillNotFound),
            SeckillNotOpen(_) | SeckillEnded(_) | OffSale(_) => (409, Code::SeckillState),
            UnknownFailure(_) => (404, Code::FailureNotFound),
            NotRetryable { .. } => (409, Code::FailureState),
            NoRoute => (404, Code::NotFound),
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
    fn text_carries_its_code() {
        let problem = Problem::from(Rejection::StockInsufficient {
            product: ProductId(3),
            sku: SkuId(0),
        });
        assert_eq!(problem.status, 409);
        let body = problem.body("t1");
        assert_eq!(body.message, "[30001] 库存不足: product 3 sku 0");
        assert_eq!(
            (body.code, body.error.as_str(), body.trace_id.as_str()),
            (30001, body.message.as_str(), "t1")
        );
    }
}
