//! Orders in the platform's own spelling, below `/v1`.

use super::access::{BACK_OFFICE, BUYERS, CALLERS, PROVIDERS};
use super::parameter::{
    self, BUYER, FROM, KEY, KNOWN, OF_PRODUCT, OF_USER, ORDER, OWNER, PAGE, PAGE_SIZE, PREFER,
    Parameter, STATUS, TO, Values,
};
use super::refusal as no;
use super::reply::{self, NOT_MODIFIED, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "orders",
    description: "All that can be done with orders: begin here. The clients of DOOS use these routes.",
};

pub(super) const CREATE: &[Parameter] = &[BUYER, KEY, PREFER];
pub(super) const LIST: &[Parameter] = &[OF_USER, STATUS, FROM, TO, PAGE, PAGE_SIZE, KNOWN];
pub(super) const ONE: &[Parameter] = &[ORDER, OWNER, KNOWN];
pub(super) const CHANGE: &[Parameter] = &[ORDER, OWNER];
const SEARCH: &[Parameter] = &[
    OF_USER,
    STATUS,
    parameter::query(
        "order_no",
        Values::OrderName,
        "Any spelling of an order's id; the parameter may also be called `id`.",
    ),
    OF_PRODUCT,
    FROM,
    TO,
    PAGE,
    PAGE_SIZE,
    KNOWN,
];

pub(super) const PLACED_TEXT: &str = "The order, with its stock reserved.";
pub(super) const ACCEPTED_TEXT: &str = "Accepted, its stock reserved: it is written within milliseconds as a rule, and can be read at `Location` from now \
     on.";
pub(super) const CREATE_TEXT: &str = "Reserves the stock and writes the order. Prices are those of the catalogue; a price in the request must equal it. \
     Send an `Idempotency-Key`, and repeat the request under the same key where no answer came.";
pub(super) const CANCEL_TEXT: &str = "Only a pending order can be cancelled by its buyer; its stock comes back. The body may be missing.";
pub(super) const LIST_TEXT: &str = "Of all users, or of one. Filters apply to every row.";
pub(super) const STATUS_TEXT: &str = "A step at a time or several at once: from `pending` to `completed` the order is paid, shipped and completed in one \
     transaction. A paid or shipped order can be cancelled this way.";
pub(super) const CANCEL_EXAMPLE: &str = r#"{"reason": "ordered twice"}"#;
pub(super) const STATUS_EXAMPLE: &str = r#"{"status": "shipped"}"#;

pub(super) const REFUSED: &[no::Refusal] =
    &[no::SHORT, no::CONTENDED, no::IN_PROGRESS, no::KEY_REUSED];
const REFUSED_OR_DOUBLE: &[no::Refusal] = &[
    no::SHORT,
    no::CONTENDED,
    no::IN_PROGRESS,
    no::DOUBLE_CLICK,
    no::KEY_REUSED,
];
pub(super) const NOT_CANCELLED: &[no::Refusal] =
    &[no::UNKNOWN_ORDER, no::CANCELLED, no::PAID, no::TRANSITION];
const NOT_PAID: &[no::Refusal] = &[
    no::UNKNOWN_ORDER,
    no::PAID,
    no::TRANSITION,
    no::PAYMENT_USED,
    no::PAYMENT_AMOUNT,
    no::PAYMENT_DECLINED,
    no::NO_PROVIDER,
];
const NOT_REPORTED: &[no::Refusal] = &[
    no::UNKNOWN_ORDER,
    no::PAID,
    no::TRANSITION,
    no::PAYMENT_USED,
    no::PAYMENT_AMOUNT,
    no::PAYMENT_LATE,
];
pub(super) const UNKNOWN: &[no::Refusal] = &[no::UNKNOWN_ORDER];

const CANCELLED: &[Reply] = &[Reply::json(
    200,
    "Cancelled",
    "The order is cancelled, and its stock comes back.",
)];
const PAID: &[Reply] = &[Reply::json(200, "OrderReply", "The paid order.")];
const PAID_OR_ASKED: &[Reply] = &[
    Reply::json(200, "OrderReply", "The paid order."),
    Reply::json(
        202,
        "PaymentAsked",
        "The provider collects the money, and reports it later.",
    ),
];
const PAGE_OF_ORDERS: &[Reply] = &[
    Reply::json(200, "Orders", "A page of orders, newest first.").with(reply::CHECKED),
    NOT_MODIFIED,
];

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/order/create", "createOrder")
        .by(CALLERS)
        .places_orders()
        .about("Place an order", CREATE_TEXT)
        .with(CREATE)
        .takes(
            "CreateOrderRequest",
            r#"{"user_id": "user_123", "items": [{"product_id": "1", "quantity": 2}], "remark": "ring twice"}"#,
        )
        .gives(&[
            Reply::json(200, "Created", PLACED_TEXT).with(reply::PLACED),
            Reply::json(202, "Created", ACCEPTED_TEXT).with(reply::ACCEPTED),
        ])
        .refuses(REFUSED_OR_DOUBLE)
        .tagged(TAG),
    Route::get("/v1/order/list", "listOrders")
        .by(CALLERS)
        .about("List orders, newest first", LIST_TEXT)
        .with(LIST)
        .gives(PAGE_OF_ORDERS)
        .tagged(TAG),
    Route::get("/v1/order/search", "searchOrders")
        .by(CALLERS)
        .about(
            "Search orders of all users, newest first",
            "Answered by the search index where there is one, else by the databases; every order shown is checked \
             against its database.",
        )
        .with(SEARCH)
        .gives(PAGE_OF_ORDERS)
        .tagged(TAG),
    Route::get("/v1/order/{id}", "getOrder")
        .by(CALLERS)
        .about("Read an order", "")
        .with(ONE)
        .gives(&[
            Reply::json(200, "OrderReply", "The order.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(TAG),
    Route::post("/v1/order/{id}/cancel", "cancelOrder")
        .by(BUYERS)
        .about("Cancel an order", CANCEL_TEXT)
        .with(CHANGE)
        .may_take("CancelRequest", CANCEL_EXAMPLE)
        .gives(CANCELLED)
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::put("/v1/order/{id}/cancel", "cancelOrderByPut")
        .by(BUYERS)
        .about("Cancel an order, by PUT", CANCEL_TEXT)
        .with(CHANGE)
        .may_take("CancelRequest", CANCEL_EXAMPLE)
        .gives(CANCELLED)
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::post("/v1/order/{id}/pay", "payOrder")
        .by(BUYERS)
        .about(
            "Pay an order",
            "A buyer's payment is collected by the shop's payment provider: it is paid at once (200), or will be when the \
             provider reports it (202). May be repeated. The back office, and who is only trusted in mode `compat`, says with it \
             that the order is paid: then a repeat with the same `payment_id` changes nothing. The body may be missing.",
        )
        .with(CHANGE)
        .may_take("PayRequest", r#"{"payment_id": "pay-20260101-1"}"#)
        .gives(PAID_OR_ASKED)
        .refuses(NOT_PAID)
        .tagged(TAG),
    Route::put("/v1/order/{id}/status", "setOrderStatus")
        .by(BACK_OFFICE)
        .about("Set the status of an order, as the back office", STATUS_TEXT)
        .with(&[ORDER])
        .takes("StatusRequest", STATUS_EXAMPLE)
        .gives(&[Reply::json(200, "OrderReply", "The order after the change.")])
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::post("/v1/payment/callback", "reportPayment")
        .by(PROVIDERS)
        .about(
            "Report a payment, as its provider",
            "A repeat changes nothing. A payment that cannot pay its order, as it is of another amount or came too late, is \
             recorded as one to be refunded. `payment_id` and `amount` are required of callers that are known; they may \
             be absent in mode `compat` only.",
        )
        .with(&[OWNER])
        .takes(
            "PayRequest",
            r#"{"order_id": "382556363634511872", "payment_id": "pay-20260101-1", "amount": 39.80}"#,
        )
        .gives(PAID)
        .refuses(NOT_REPORTED)
        .tagged(TAG),
];
