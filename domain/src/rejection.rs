//! Every reason the platform says no to a well-formed caller. Closed: a new reason is a new variant,
//! and `contract::api::problem` gives each its code and HTTP status.

use crate::{Ms, OrderId, ProductId, SeckillId, SkuId, Status};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A part of the request is not acceptable; `field` is its path, such as `items[0].quantity`.
    #[error("{field} {reason}")]
    Invalid { field: String, reason: String },
    #[error("the request body is over {bytes_max} bytes")]
    BodyTooLarge { bytes_max: usize },
    #[error("the content type must be application/json")]
    UnsupportedMediaType,
    #[error("product {} does not exist", .0.0)]
    UnknownProduct(ProductId),
    /// Known, and not to be had now.
    #[error("product {} is not on sale", .0.0)]
    OffSale(ProductId),
    #[error("product {} has no sku {}", product.0, sku.0)]
    UnknownSku { product: ProductId, sku: SkuId },
    #[error("order {0} does not exist")]
    UnknownOrder(String),
    #[error("库存不足: product {} sku {}", product.0, sku.0)]
    StockInsufficient { product: ProductId, sku: SkuId },
    /// The versioned update lost every attempt.
    #[error("stock of product {} sku {} is contended", product.0, sku.0)]
    StockContended { product: ProductId, sku: SkuId },
    #[error("重复提交")]
    DuplicateSubmit,
    #[error("重复提交: the first request with this key is in progress")]
    InProgress,
    #[error("the idempotency key was used with another request")]
    KeyReused,
    #[error("请求过于频繁")]
    RateLimited { retry_after_ms: Ms },
    #[error("order {0} is already cancelled")]
    AlreadyCancelled(OrderId),
    #[error("order {0} is already paid")]
    AlreadyPaid(OrderId),
    /// A payment pays one order.
    #[error("payment {0} has paid another order")]
    PaymentUsed(String),
    #[error("an order cannot go from {from} to {to}")]
    IllegalTransition { from: Status, to: Status },
    /// Accepted, but not in the database yet: only then can it be changed.
    #[error("order {0} is still queued; try again")]
    StillQueued(OrderId),
    #[error("product {} exists", .0.0)]
    ProductExists(ProductId),
    /// A flash-sale token that does not let its bearer buy; the text says why.
    #[error("the token {0}")]
    SeckillToken(&'static str),
    #[error("flash sale {0} has not started")]
    SeckillNotStarted(SeckillId),
    #[error("flash sale {0} is over")]
    SeckillOver(SeckillId),
    /// Announced, but its units are not set aside yet.
    #[error("flash sale {0} is not preheated")]
    SeckillNotOpen(String),
    /// Its units are sold or went back to the ordinary stock.
    #[error("flash sale {0} has ended and cannot be preheated")]
    SeckillEnded(SeckillId),
    #[error("已售罄: flash sale {0} is sold out")]
    SoldOut(SeckillId),
    #[error("order {0} was bought in this flash sale already")]
    AlreadyBought(OrderId),
    #[error("flash sale {0} does not exist")]
    UnknownSeckill(String),
    #[error("failure {0} does not exist")]
    UnknownFailure(String),
    #[error("failure {id} is {status} and cannot be retried")]
    NotRetryable { id: u64, status: &'static str },
    #[error("no such resource")]
    NoRoute,
    #[error("method not allowed")]
    MethodNotAllowed,
}

impl Rejection {
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Rejection {
        Rejection::Invalid {
            field: field.into(),
            reason: reason.into(),
        }
    }
}
