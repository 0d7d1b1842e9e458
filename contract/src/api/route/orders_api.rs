//! Orders in the spelling of MiniShop and of the sharded order system, below `/api/v1`.

use super::access::{BACK_OFFICE, BUYERS, CALLERS};
use super::orders::{
    ACCEPTED_TEXT, CANCEL_EXAMPLE, CANCEL_TEXT, CHANGE, CREATE, CREATE_TEXT, LIST, LIST_TEXT,
    NOT_CANCELLED, ONE, PLACED_TEXT, REFUSED, STATUS_EXAMPLE, STATUS_TEXT, UNKNOWN,
};
use super::parameter::{FROM, KNOWN, ORDER, PAGE, PAGE_SIZE, Parameter, STATUS, TO, USER};
use super::reply::{self, NOT_MODIFIED, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "orders-api",
    description: "The same orders below `/api/v1`, as the clients of MiniShop and of the sharded order system spell \
                  them: `order_id` is a UUID, and the first item is repeated at the top level.",
};

const OF_ONE_USER: &[Parameter] = &[USER, STATUS, FROM, TO, PAGE, PAGE_SIZE, KNOWN];

const CANCELLED: &[Reply] = &[Reply::json(
    200,
    "Cancelled",
    "The order is cancelled, and its stock comes back.",
)];
const PAGE_OF_ORDERS: &[Reply] = &[
    Reply::json(200, "ApiOrders", "A page of orders, newest first.").with(reply::CHECKED),
    NOT_MODIFIED,
];

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::post("/api/v1/orders", "createApiOrder")
        .by(CALLERS)
        .places_orders()
        .about("Place an order", CREATE_TEXT)
        .with(CREATE)
        .takes(
            "CreateOrderRequest",
            r#"{"user_id": 789, "product_id": 1, "quantity": 3}"#,
        )
        .gives(&[
            Reply::json(200, "ApiOrder", PLACED_TEXT).with(reply::PLACED),
            Reply::json(202, "ApiOrder", ACCEPTED_TEXT).with(reply::ACCEPTED),
        ])
        .refuses(REFUSED)
        .tagged(TAG),
    Route::get("/api/v1/orders", "listApiOrders")
        .by(CALLERS)
        .about("List orders, newest first", LIST_TEXT)
        .with(LIST)
        .gives(PAGE_OF_ORDERS)
        .tagged(TAG),
    Route::get("/api/v1/orders/{id}", "getApiOrder")
        .by(CALLERS)
        .about("Read an order", "")
        .with(ONE)
        .gives(&[
            Reply::json(200, "ApiOrder", "The order.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(TAG),
    Route::post("/api/v1/orders/{id}/cancel", "cancelApiOrderByPost")
        .by(BUYERS)
        .about("Cancel an order, by POST", CANCEL_TEXT)
        .with(CHANGE)
        .may_take("CancelRequest", CANCEL_EXAMPLE)
        .gives(CANCELLED)
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::put("/api/v1/orders/{id}/cancel", "cancelApiOrder")
        .by(BUYERS)
        .about("Cancel an order", CANCEL_TEXT)
        .with(CHANGE)
        .may_take("CancelRequest", CANCEL_EXAMPLE)
        .gives(CANCELLED)
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::put("/api/v1/orders/{id}/status", "setApiOrderStatus")
        .by(BACK_OFFICE)
        .about(
            "Set the status of an order, as the back office",
            STATUS_TEXT,
        )
        .with(&[ORDER])
        .takes("StatusRequest", STATUS_EXAMPLE)
        .gives(&[Reply::json(200, "ApiOrder", "The order after the change.")])
        .refuses(NOT_CANCELLED)
        .tagged(TAG),
    Route::get("/api/v1/users/{id}/orders", "listUserOrders")
        .by(CALLERS)
        .about("List the orders of a user, newest first", "")
        .with(OF_ONE_USER)
        .gives(PAGE_OF_ORDERS)
        .tagged(TAG),
];
