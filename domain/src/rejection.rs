//! Every reason for which a request is refused because of the caller or of business rules, not of a failure.
//! `contract::api::problem` gives each its code and HTTP status.

use crate::hold::LineState;
use crate::{Cents, Ms, OrderId, ProductId, SeckillId, SkuId, Status};

/// Displays as the message of the error reply, without its code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A part of the request is not acceptable.
    #[error("{field} {reason}")]
    Invalid {
        /// Path of the part, such as `items[0].quantity`, or the name of a parameter or header.
        field: String,
        /// Continues the sentence that the field begins: `must be …`.
        reason: String,
    },
    /// By its `content-length` or by what came.
    #[error("the request body is over {bytes_max} bytes")]
    BodyTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Neither JSON nor one of the types that the demo's clients send on `/orders`.
    #[error("the content type must be application/json")]
    UnsupportedMediaType,
    /// A request that is no call, on a path of a gRPC service.
    #[error("the content type must be application/grpc")]
    NotGrpc,
    /// The content is compressed or otherwise coded.
    #[error("the content must not be coded")]
    UnsupportedCoding,
    /// A change that is asked for by a web page of another origin.
    #[error("pages of this origin must not do that")]
    ForeignOrigin,
    /// The operation is for callers who are known.
    #[error("an access token is required")]
    NoToken,
    /// The text says no more than its holder must know.
    #[error("the access token {0}")]
    Token(&'static str),
    /// The operation is for machines, which sign their requests.
    #[error("a signature is required")]
    NoSignature,
    /// The text says no more than the signer must know.
    #[error("the signature {0}")]
    Signature(&'static str),
    /// The caller is known, and the operation is for others.
    #[error("the caller's role may not do this")]
    AnotherRole,
    /// A user asks for what is another user's.
    #[error("user_id is not the caller's")]
    AnotherUser,
    /// No such user, or another password: which of both is not said.
    #[error("the user name or the password is wrong")]
    WrongPassword,
    /// Of no session, used before, or too old: which of them is not said.
    #[error("the refresh token is not valid")]
    RefreshToken,
    /// Names are compared without case.
    #[error("there is a user with this name")]
    UserExists,
    /// The configuration says so.
    #[error("new users are not taken here")]
    RegistrationClosed,
    /// There is no user database.
    #[error("nobody can log in here")]
    NoLogin,
    /// Not in the catalogue.
    #[error("product {} does not exist", .0.0)]
    UnknownProduct(ProductId),
    /// In the catalogue, but off sale.
    #[error("product {} is not on sale", .0.0)]
    OffSale(ProductId),
    /// The product exists without this variant.
    #[error("product {} has no sku {}", product.0, sku.0)]
    UnknownSku {
        /// Named by the request.
        product: ProductId,
        /// Named by the request.
        sku: SkuId,
    },
    /// In no store, or another user's. As the caller spelled it.
    #[error("order {0} does not exist")]
    UnknownOrder(String),
    /// Fewer units are left than asked for.
    #[error("库存不足: product {} sku {}", product.0, sku.0)]
    StockInsufficient {
        /// Of the first line that falls short.
        product: ProductId,
        /// Of the same line.
        sku: SkuId,
    },
    /// The update of the stock met locks at every attempt.
    #[error("stock of product {} sku {} is contended", product.0, sku.0)]
    StockContended {
        /// Of one of the order's lines with stock in the database.
        product: ProductId,
        /// Of the same line.
        sku: SkuId,
    },
    /// Another system's order asks for more units than are held.
    #[error("fewer than {quantity} units of product {} sku {} are held", product.0, sku.0)]
    NotHeld {
        /// Named by the request.
        product: ProductId,
        /// Named by the request.
        sku: SkuId,
        /// Units of the order's line.
        quantity: u32,
    },
    /// A repeat of a request whose units were given back since: its hold has expired or was rolled back.
    #[error("the hold of product {} sku {} has ended, and its units were given back", product.0, sku.0)]
    HoldExpired {
        /// Named by the request.
        product: ProductId,
        /// Named by the request.
        sku: SkuId,
    },
    /// A line of another system's order moves its units once.
    #[error("product {} sku {} of order {order} is {state}", product.0, sku.0)]
    LineSettled {
        /// The other system's.
        order: OrderId,
        /// Of the line.
        product: ProductId,
        /// Of the line.
        sku: SkuId,
        /// What was done with it.
        state: LineState,
    },
    /// A message confirms one line of one order.
    #[error("message_id has confirmed another order, product, sku or quantity")]
    MessageUsed,
    /// Units of our own orders are moved by these orders alone.
    #[error("order {order} is an order of this platform: {reason}")]
    OwnOrder {
        /// Ours.
        order: OrderId,
        /// What is to be done instead.
        reason: &'static str,
    },
    /// The same user and payload again within seconds, without a key.
    #[error("重复提交")]
    DuplicateSubmit,
    /// The same key and payload while the first request runs.
    #[error("重复提交: the first request with this key is in progress")]
    InProgress,
    /// The same key with another payload.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// Too many orders of a user, changes from an address, requests of a flash sale or its buyer, or attempts to log
    /// in.
    #[error("请求过于频繁")]
    RateLimited {
        /// Until the window ends.
        retry_after_ms: Ms,
    },
    /// Cancelled again.
    #[error("order {0} is already cancelled")]
    AlreadyCancelled(OrderId),
    /// Paid once more by another payment, or cancelled by the buyer after payment.
    #[error("order {0} is already paid")]
    AlreadyPaid(OrderId),
    /// A payment pays one order. By the provider's id.
    #[error("payment {0} has paid another order")]
    PaymentUsed(String),
    /// An order is paid at once and as a whole.
    #[error("the payment is of {paid}, and the order costs {due}")]
    PaymentAmount {
        /// As it is reported.
        paid: Cents,
        /// What the order costs.
        due: Cents,
    },
    /// Recorded with another amount, or as one to be refunded. By the provider's id.
    #[error("payment {0} is recorded with another amount")]
    PaymentChanged(String),
    /// The provider says so. By the provider's id.
    #[error("payment {0} was declined")]
    PaymentDeclined(String),
    /// A buyer's word pays nothing, and nobody is configured to collect money.
    #[error("there is no payment provider here")]
    NoProvider,
    /// The money came when the order was cancelled.
    #[error("order {0} is cancelled, and its payment came too late")]
    PaymentLate(OrderId),
    /// Not possible at all, or not for this actor.
    #[error("an order cannot go from {from} to {to}")]
    IllegalTransition {
        /// Current state.
        from: Status,
        /// Wanted state.
        to: Status,
    },
    /// Accepted, but not in the database yet, without which it cannot be changed.
    #[error("order {0} is still queued; try again")]
    StillQueued(OrderId),
    /// A product with this id.
    #[error("product {} exists", .0.0)]
    ProductExists(ProductId),
    /// `If-Match` names a state that is not its present one.
    #[error("product {} has changed", .0.0)]
    ProductChanged(ProductId),
    /// A flash-sale token with which this caller cannot buy; the text says why.
    #[error("the token {0}")]
    SeckillToken(&'static str),
    /// Its window is still to come.
    #[error("flash sale {0} has not started")]
    SeckillNotStarted(SeckillId),
    /// Its window has passed, or it was closed.
    #[error("flash sale {0} is over")]
    SeckillOver(SeckillId),
    /// Its facts are not in Redis, or are being restored there. An id, or `of product <id>`.
    #[error("flash sale {0} is not preheated")]
    SeckillNotOpen(String),
    /// Its window has passed, or it was closed.
    #[error("flash sale {0} has ended and cannot be preheated")]
    SeckillEnded(SeckillId),
    /// No unit, or fewer than wanted, can be reserved.
    #[error("已售罄: flash sale {0} is sold out")]
    SoldOut(SeckillId),
    /// The buyer's earlier order.
    #[error("order {0} was bought in this flash sale already")]
    AlreadyBought(OrderId),
    /// As the caller named it, or `of product <id>`.
    #[error("flash sale {0} does not exist")]
    UnknownSeckill(String),
    /// The id as the caller spelled it.
    #[error("failure {0} does not exist")]
    UnknownFailure(String),
    /// It has become an order, or a retry of it is running.
    #[error("failure {id} is {status} and cannot be retried")]
    NotRetryable {
        /// Of the row in `order_failures`.
        id: u64,
        /// Name of its status.
        status: &'static str,
    },
    /// No function serves this path.
    #[error("no such resource")]
    NoRoute,
    /// The path is served with other methods.
    #[error("method not allowed")]
    MethodNotAllowed,
}

impl Rejection {
    /// [`Invalid`](Rejection::Invalid) from anything that makes text.
    pub fn invalid(field: impl Into<String>, reason: impl Into<String>) -> Rejection {
        Rejection::Invalid {
            field: field.into(),
            reason: reason.into(),
        }
    }
}
