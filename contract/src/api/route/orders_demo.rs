//! Orders in the spelling of the order demo, below `/orders`.

use super::access::{BUYERS, CALLERS};
use super::orders::{
    ACCEPTED_TEXT, CANCEL_EXAMPLE, CANCEL_TEXT, CHANGE, CREATE, LIST, LIST_TEXT, NOT_CANCELLED,
    ONE, PLACED_TEXT, REFUSED, UNKNOWN,
};
use super::reply::{self, NOT_MODIFIED, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "orders-demo",
    description: "The same orders below `/orders`, as the clients of the order demo read them: `{code, message, \
                  data}`, and times as RFC 3339.",
};

const CANCELLED: &[Reply] = &[Reply::json(
    200,
    "EnvelopedOrder",
    "The cancelled order; its stock comes back.",
)];

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::post("/orders", "createEnvelopeOrder")
        .by(CALLERS)
        .places_orders()
        .about(
            "Place an order",
            "Reserves the stock and writes the order. Prices are those of the catalogue; a price in the request must \
             equal it. From programs, JSON may also be labelled as `application/x-www-form-urlencoded` or \
             `text/html`, as `curl -d` and `hey` do.",
        )
        .with(CREATE)
        .takes(
            "CreateOrderRequest",
            r#"{"user_id": "user_123", "items": [{"product_id": 1, "quantity": 1}]}"#,
        )
        .gives(&[
            Reply::json(200, "EnvelopedOrder", PLACED_TEXT).with(reply::PLACED),
            Reply::json(202, "EnvelopedOrder", ACCEPTED_TEXT).with(reply::ACCEPTED),
        ])
        .refuses(REFUSED)
        .tagged(TAG),
    Route::get("/orders", "listEnvelopeOrders")
        .by(CALLERS)
        .about("List orders, newest first", LIST_TEXT)
        .with(LIST)
        .gives(&[
            Reply::json(
                200,
                "EnvelopedOrders",
                "A page of orders, newest first.",
            )
            .with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .tagged(TAG),
    Route::get("/orders/{id}", "getEnvelopeOrder")
        .by(CALLERS)
        .about("Read an order", "")
        .with(ONE)
        .gives(&[
            Reply::json(200, "EnvelopedOrder", "The order.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(TAG),
    Route::post("/orders/{id}/cancel", "cancelEnvelopeOrder")
        .by(BUYERS)
        .about("Cancel an order", CANCEL_TEXT)
        .with(CHANGE)
        .may_take("CancelRequest", CANCEL_EXAMPLE)
        .gives(CANCELLED)
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::put("/orders/{id}/cancel", "cancelEnvelopeOrderByPut")
        .by(BUYERS)
        .about("Cancel an order, by PUT", CANCEL_TEXT)
        .with(CHANGE)
        .may_take("CancelRequest", CANCEL_EXAMPLE)
        .gives(CANCELLED)
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
];
