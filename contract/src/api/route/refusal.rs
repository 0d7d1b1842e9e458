//! Why a route refuses a request, or cannot serve it: statuses, codes and what they mean there.

use crate::api::problem::Code;

/// A refusal: the status, the code, and what it means on a route.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// As in the field `code`.
    pub code: Code,
    /// A part of a sentence.
    pub text: &'static str,
}

const fn refusal(status: u16, code: Code, text: &'static str) -> Refusal {
    Refusal { status, code, text }
}

/// Of every route.
pub const OF_ALL: &[Refusal] = &[
    refusal(
        400,
        Code::BadParameter,
        "a parameter, a header or a field is not acceptable; the message names it",
    ),
    BUSY,
    refusal(
        500,
        Code::Internal,
        "an error of the server, in its log under the `trace_id`",
    ),
    refusal(
        503,
        Code::Unavailable,
        "a server that is needed is away, or there are too many requests at once",
    ),
    refusal(
        504,
        Code::Unavailable,
        "the answer took too long; whether anything was changed is not known",
    ),
];
/// Of every route, by the host.
pub const BUSY: Refusal = refusal(
    429,
    Code::RateLimited,
    "more requests of all callers than the path takes in a second",
);
/// Of every route that changes something.
pub const OF_CHANGES: &[Refusal] = &[refusal(
    403,
    Code::Forbidden,
    "a web page of an origin that is not allowed asks for it",
)];
/// Of every route that is limited by the client's address.
pub const OF_ADDRESSES: &[Refusal] = &[refusal(
    429,
    Code::RateLimited,
    "too many changes from this address",
)];
/// Of every route that is limited by the user.
pub const OF_USERS: &[Refusal] = &[refusal(
    429,
    Code::RateLimited,
    "too many orders of this user in a minute",
)];
/// Of every route that is not everybody's.
pub const OF_CALLERS: &[Refusal] = &[
    refusal(
        401,
        Code::Unauthorised,
        "no access token and no signature, or one that is not valid, is too old or was used before",
    ),
    refusal(
        403,
        Code::Forbidden,
        "the caller's role may not ask for this, or it names another user",
    ),
];
/// Of requests that no route would take, whatever they ask for: refused by the host as a rule.
pub const OF_HTTP: &[Refusal] = &[
    refusal(413, Code::BadParameter, "the body is too large"),
    refusal(414, Code::BadParameter, "the target is longer than 8 KB"),
    refusal(
        417,
        Code::BadParameter,
        "an expectation other than `100-continue`",
    ),
    refusal(
        431,
        Code::BadParameter,
        "the headers are too many or too large",
    ),
    refusal(
        501,
        Code::BadParameter,
        "a transfer coding other than `chunked`",
    ),
    refusal(505, Code::BadParameter, "a gRPC call over HTTP/1.1"),
];
/// The same, of requests with a body.
pub const OF_BODIES: &[Refusal] = &[
    refusal(408, Code::BadParameter, "the body did not come in time"),
    refusal(
        415,
        Code::BadParameter,
        "the body is not labelled as JSON, or it is compressed",
    ),
];
/// Of a method that the path does not take. No operation has it, as each is a method that is taken.
pub const OF_METHODS: Refusal = refusal(
    405,
    Code::BadParameter,
    "the path does not take this method",
);
/// Of every route with a parameter in its path.
pub const OF_PATHS: &[Refusal] = &[refusal(
    404,
    Code::NotFound,
    "the path is spelled in a way that is not served",
)];

pub(super) const UNKNOWN_ORDER: Refusal =
    refusal(404, Code::OrderNotFound, "no such order, or another user's");
pub(super) const CANCELLED: Refusal = refusal(
    409,
    Code::AlreadyCancelled,
    "the order is cancelled already",
);
pub(super) const PAID: Refusal = refusal(
    409,
    Code::AlreadyPaid,
    "the order is paid already; its buyer cannot cancel it either",
);
pub(super) const TRANSITION: Refusal = refusal(
    409,
    Code::IllegalTransition,
    "the order's status does not allow it, or the order is still queued (then with `Retry-After`)",
);
pub(super) const PAYMENT_USED: Refusal =
    refusal(409, Code::PaymentUsed, "the payment has paid another order");
pub(super) const PAYMENT_AMOUNT: Refusal = refusal(
    409,
    Code::PaymentAmount,
    "the payment is of another amount than the order costs, or than was reported before; it is to be refunded",
);
pub(super) const PAYMENT_DECLINED: Refusal = refusal(
    409,
    Code::PaymentDeclined,
    "the provider declined the payment; the buyer may try again",
);
pub(super) const NO_PROVIDER: Refusal = refusal(
    403,
    Code::Forbidden,
    "a buyer asks for it, and there is no payment provider",
);
pub(super) const PAYMENT_LATE: Refusal = refusal(
    409,
    Code::PaymentLate,
    "the order was cancelled before its payment was reported; the payment is to be refunded",
);
pub(super) const SHORT: Refusal =
    refusal(409, Code::StockInsufficient, "fewer units are available");
pub(super) const CONTENDED: Refusal = refusal(
    409,
    Code::StockLocked,
    "too many others change the same stock (with `Retry-After`)",
);
pub(super) const IN_PROGRESS: Refusal = refusal(
    409,
    Code::DuplicateSubmit,
    "the first request under this key is still in progress (with `Retry-After`)",
);
pub(super) const DOUBLE_CLICK: Refusal = refusal(
    409,
    Code::DuplicateSubmit,
    "the same body of the same user without a key, within ten seconds",
);
pub(super) const KEY_REUSED: Refusal = refusal(
    422,
    Code::DuplicateSubmit,
    "the idempotency key was used with another body",
);
pub(super) const SALE_LIMITED: Refusal = refusal(
    429,
    Code::RateLimited,
    "too many requests in the flash sale, of this user or of all",
);
pub(super) const UNKNOWN_PRODUCT: Refusal =
    refusal(404, Code::ProductNotFound, "no such product or variant");
pub(super) const PRODUCT_EXISTS: Refusal = refusal(
    409,
    Code::DuplicateSubmit,
    "there is a product with this id",
);
pub(super) const PRODUCT_CHANGED: Refusal = refusal(
    412,
    Code::ProductChanged,
    "`If-Match` names another state than the present one",
);
pub(super) const TOKEN: Refusal = refusal(
    403,
    Code::SeckillToken,
    "the token is malformed, expired, forged or another's, or the flash sale has not started or is over",
);
pub(super) const WINDOW: Refusal = refusal(
    403,
    Code::SeckillToken,
    "the flash sale has not started or is over",
);
pub(super) const SOLD_OUT: Refusal = refusal(409, Code::SoldOut, "no units are left");
pub(super) const BOUGHT: Refusal = refusal(
    409,
    Code::AlreadyBought,
    "the buyer has an order of this flash sale",
);
pub(super) const UNKNOWN_SALE: Refusal = refusal(404, Code::SeckillNotFound, "no such flash sale");
pub(super) const SALE_STATE: Refusal = refusal(
    409,
    Code::SeckillState,
    "the flash sale is not preheated or has ended, or its product is off sale",
);
pub(super) const UNKNOWN_FAILURE: Refusal = refusal(404, Code::FailureNotFound, "no such failure");
pub(super) const FAILURE_STATE: Refusal = refusal(
    409,
    Code::FailureState,
    "it has become an order, or a retry of it is running",
);
pub(super) const WRONG_PASSWORD: Refusal = refusal(
    401,
    Code::Unauthorised,
    "the user name or the password is wrong",
);
pub(super) const REFRESH: Refusal = refusal(
    401,
    Code::Unauthorised,
    "the refresh token is not valid, was used before, or has expired",
);
pub(super) const LOGIN_LIMITED: Refusal = refusal(
    429,
    Code::RateLimited,
    "too many attempts for this account, or from this address",
);
pub(super) const USER_EXISTS: Refusal =
    refusal(409, Code::UserExists, "there is a user with this name");
pub(super) const REGISTRATION: Refusal =
    refusal(403, Code::Forbidden, "new users are not taken here");
pub(super) const NO_LOGIN: Refusal = refusal(
    404,
    Code::NotFound,
    "nobody can log in here: there is no user database",
);
pub(super) const NO_FILE: Refusal = refusal(404, Code::NotFound, "no such file");
