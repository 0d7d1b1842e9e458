//! The table of routes, by tag.

use super::Route;

const CREATE: &[(&str, &str)] = &[
    (
        "Idempotency-Key",
        "A repeat with the same key and body, by whichever route and whether it would wait or not, is answered with the order \
         that the key has made, as long as there is that order; with another body it is refused with 422. The key is of \
         its user, has 1 to 255 characters, and is sent bare or in quotes as an RFC 8941 string: `abc` and `\"abc\"` are \
         one key, and so is `abc` in the body. Refused with 400: several lines, even equal ones, a comma outside quotes, \
         what begins with a quote and is no such string, what is empty, too long, no UTF-8 or has control characters, \
         and another key than the body's.",
    ),
    (
        "Prefer",
        "`respond-async` asks for 202 as soon as the order is accepted (RFC 7240).",
    ),
];
const ACCEPTED: &str =
    "Accepted, its stock reserved: the order can be read at `Location` from now on.";
const OWNER: &[(&str, &str)] = &[("user_id", "Another user's order is answered as unknown.")];
const LIST: &[(&str, &str)] = &[
    ("user_id", "Only this user's orders."),
    ("status", "Only in this status; `all` does not limit."),
    ("from", "Created at or after: a date or milliseconds."),
    (
        "to",
        "Created before: milliseconds, or a date, which is included.",
    ),
    ("page", "From 1."),
    (
        "page_size",
        "1 to 100, 10 by default; `pageSize` means the same. A reply over 1 MiB is refused with 400: ask for a smaller page.",
    ),
];
const LIST_OF_USER: &[(&str, &str)] = &[LIST[1], LIST[2], LIST[3], LIST[4], LIST[5]];
const SEARCH: &[(&str, &str)] = &[
    LIST[0],
    LIST[1],
    (
        "order_no",
        "Any spelling of the order's id; `id` means the same.",
    ),
    ("product_id", "Only orders of this product."),
    LIST[2],
    LIST[3],
    LIST[4],
    LIST[5],
];
const PRODUCT_LIST: &[(&str, &str)] = &[
    (
        "search",
        "A part of the name, up to 200 characters, taken literally. Upper and lower case are the same; letters with \
         other accents are not, nor are two emoji.",
    ),
    ("status", "`on_sale` by default, `off_sale`, or `all`."),
    LIST[4],
    LIST[5],
    (
        "cursor",
        "The `next_cursor` of a reply: the products after it, however deep, without gaps or repeats while others are \
         added. With the same `search` and `status`; not with `page`.",
    ),
];
const PATCH_PRODUCT: &[(&str, &str)] = &[(
    "If-Match",
    "The ETag of `getProduct`: refused with 412 where the product or its stock shows another state by now.",
)];
const CHANGE_STOCK: &[(&str, &str)] = &[(
    "Idempotency-Key",
    "Required here or in the body. A repeat with the same key and body is answered with the first change, and \
     `Idempotent-Replayed: true`; with another body it is refused with 422. The key is of its product and good for \
     ever.",
)];
const STOCK_CHANGES: &[(&str, &str)] = &[LIST[4], LIST[5]];
const IDS: &[(&str, &str)] = &[(
    "ids",
    "Product ids, comma-separated or repeated; at most 100.",
)];

const SECKILL_LIST: &[(&str, &str)] = &[
    ("status", "`planned`, `open`, `ended`, or `all`."),
    ("product_id", "Only of this product."),
    LIST[4],
    LIST[5],
];

const DAY: &[(&str, &str)] = &[("date", "A day, UTC, such as 2024-01-31; today by default.")];
const FAILURE_LIST: &[(&str, &str)] = &[
    (
        "status",
        "`pending`, `processing`, `success`, `failed`, or `all`.",
    ),
    LIST[4],
    LIST[5],
];

/// Tag of routes that can be cached: orders.
pub const ORDERS: &str = "orders";
const FLASH_SALES: &str = "flash sales";
/// Tag of routes that can be cached: products and their stock.
pub const PRODUCTS: &str = "products";
const STATISTICS: &str = "statistics";
const OPERATIONS: &str = "operations";

/// Every route of `spin.toml`.
pub const ROUTES: &[Route] = &[
    Route::post("/v1/order/create", "createOrder", ORDERS, "Place an order")
        .with(CREATE)
        .takes("CreateOrderRequest")
        .gives("Created", "The order, with its stock reserved.")
        .may_accept(ACCEPTED),
    Route::get(
        "/v1/order/list",
        "listOrders",
        ORDERS,
        "List orders, newest first",
    )
    .with(LIST)
    .gives("Orders", "A page of orders."),
    Route::get(
        "/v1/order/search",
        "searchOrders",
        ORDERS,
        "Search orders of all users",
    )
    .with(SEARCH)
    .gives("Orders", "A page of orders."),
    Route::get(
        "/v1/order/{id}",
        "getOrder",
        ORDERS,
        "Read an order by Snowflake, order number or UUID",
    )
    .with(OWNER)
    .gives("OrderReply", "The order."),
    Route::post(
        "/v1/order/{id}/cancel",
        "cancelOrder",
        ORDERS,
        "Cancel a pending order",
    )
    .may_take("CancelRequest")
    .gives("Cancelled", "The order is cancelled; its stock comes back."),
    Route::put(
        "/v1/order/{id}/cancel",
        "cancelOrderByPut",
        ORDERS,
        "Cancel a pending order",
    )
    .may_take("CancelRequest")
    .gives("Cancelled", "The order is cancelled; its stock comes back."),
    Route::post("/v1/order/{id}/pay", "payOrder", ORDERS, "Pay an order")
        .may_take("PayRequest")
        .gives("OrderReply", "The paid order."),
    Route::put(
        "/v1/order/{id}/status",
        "setOrderStatus",
        ORDERS,
        "Move an order on, as the back office",
    )
    .takes("StatusRequest")
    .gives("OrderReply", "The order after the change."),
    Route::post(
        "/v1/payment/callback",
        "paymentCallback",
        ORDERS,
        "Report a payment, as its provider",
    )
    .takes("PayRequest")
    .gives("OrderReply", "The paid order."),
    Route::post("/api/v1/orders", "createApiOrder", ORDERS, "Place an order")
        .with(CREATE)
        .takes("CreateOrderRequest")
        .gives("ApiOrder", "The order, with its stock reserved.")
        .may_accept(ACCEPTED),
    Route::get(
        "/api/v1/orders",
        "listApiOrders",
        ORDERS,
        "List orders, newest first",
    )
    .with(LIST)
    .gives("ApiOrders", "A page of orders."),
    Route::get(
        "/api/v1/orders/{id}",
        "getApiOrder",
        ORDERS,
        "Read an order by UUID, Snowflake or order number",
    )
    .with(OWNER)
    .gives("ApiOrder", "The order."),
    Route::post(
        "/api/v1/orders/{id}/cancel",
        "cancelApiOrderByPost",
        ORDERS,
        "Cancel a pending order",
    )
    .may_take("CancelRequest")
    .gives("Cancelled", "The order is cancelled; its stock comes back."),
    Route::put(
        "/api/v1/orders/{id}/cancel",
        "cancelApiOrder",
        ORDERS,
        "Cancel a pending order",
    )
    .may_take("CancelRequest")
    .gives("Cancelled", "The order is cancelled; its stock comes back."),
    Route::put(
        "/api/v1/orders/{id}/status",
        "setApiOrderStatus",
        ORDERS,
        "Move an order on, as the back office",
    )
    .takes("StatusRequest")
    .gives("ApiOrder", "The order after the change."),
    Route::get(
        "/api/v1/users/{id}/orders",
        "listUserOrders",
        ORDERS,
        "List a user's orders, newest first",
    )
    .with(LIST_OF_USER)
    .gives("ApiOrders", "A page of orders."),
    Route::post("/orders", "createEnvelopeOrder", ORDERS, "Place an order")
        .with(CREATE)
        .takes("CreateOrderRequest")
        .gives(
            "Envelope_EnvelopeOrder",
            "The order, with its stock reserved.",
        )
        .may_accept(ACCEPTED),
    Route::get(
        "/orders",
        "listEnvelopeOrders",
        ORDERS,
        "List orders, newest first",
    )
    .with(LIST)
    .gives("Envelope_EnvelopeOrders", "A page of orders."),
    Route::get("/orders/{id}", "getEnvelopeOrder", ORDERS, "Read an order")
        .with(OWNER)
        .gives("Envelope_EnvelopeOrder", "The order."),
    Route::post(
        "/orders/{id}/cancel",
        "cancelEnvelopeOrder",
        ORDERS,
        "Cancel a pending order",
    )
    .may_take("CancelRequest")
    .gives(
        "Envelope_EnvelopeOrder",
        "The cancelled order; its stock comes back.",
    ),
    Route::put(
        "/orders/{id}/cancel",
        "cancelEnvelopeOrderByPut",
        ORDERS,
        "Cancel a pending order",
    )
    .may_take("CancelRequest")
    .gives(
        "Envelope_EnvelopeOrder",
        "The cancelled order; its stock comes back.",
    ),
    Route::get(
        "/api/v1/products",
        "listProducts",
        PRODUCTS,
        "List products, the largest id first",
    )
    .with(PRODUCT_LIST)
    .gives("Products", "A page of products with their stock."),
    Route::post(
        "/api/v1/products",
        "createProduct",
        PRODUCTS,
        "Create a product with its stock",
    )
    .takes("CreateProductRequest")
    .with_status(201)
    .gives("ProductReply", "The product."),
    Route::get(
        "/api/v1/products/{id}",
        "getProduct",
        PRODUCTS,
        "Read a product",
    )
    .gives("ProductReply", "The product with its stock."),
    Route::patch(
        "/api/v1/products/{id}",
        "patchProduct",
        PRODUCTS,
        "Change a product's name, picture, price or status",
    )
    .with(PATCH_PRODUCT)
    .takes("PatchProductRequest")
    .gives("ProductReply", "The product after the change."),
    Route::post(
        "/api/v1/products/{id}/stock",
        "changeStock",
        PRODUCTS,
        "Restock a product, or take units away",
    )
    .with(CHANGE_STOCK)
    .takes("StockChangeRequest")
    .gives("StockChangeReply", "The change; orders meet it at once."),
    Route::get(
        "/api/v1/products/{id}/stock/changes",
        "listStockChanges",
        PRODUCTS,
        "List a product's stock changes, newest first",
    )
    .with(STOCK_CHANGES)
    .gives("StockChanges", "A page of changes."),
    Route::get(
        "/v1/inventory",
        "getInventories",
        PRODUCTS,
        "Stock of several products",
    )
    .with(IDS)
    .gives("StockMap", "Stock by product; an unknown one has 0."),
    Route::get(
        "/v1/inventory/{id}",
        "getInventory",
        PRODUCTS,
        "Stock of a product or sku",
    )
    .with(&[("sku_id", "Only this sku.")])
    .gives("StockReply", "Available and locked units."),
    Route::get(
        "/products",
        "listEnvelopeProducts",
        PRODUCTS,
        "List products, the largest id first",
    )
    .with(PRODUCT_LIST)
    .gives(
        "Envelope_EnvelopeProducts",
        "A page of products with their stock.",
    ),
    Route::get(
        "/products/recommend",
        "recommendProducts",
        PRODUCTS,
        "The named products on sale, or the newest",
    )
    .with(IDS)
    .gives("Envelope_Vec_ProductView", "Products with their stock."),
    Route::get(
        "/products/{id}",
        "getEnvelopeProduct",
        PRODUCTS,
        "Read a product",
    )
    .gives("Envelope_ProductView", "The product with its stock."),
    Route::get(
        "/products/{id}/stock",
        "getEnvelopeStock",
        PRODUCTS,
        "Stock of a product",
    )
    .gives("Envelope_EnvelopeStock", "Units that may be sold now."),
    Route::post(
        "/api/v1/seckill/activities",
        "announceSeckill",
        FLASH_SALES,
        "Announce a flash sale",
    )
    .takes("CreateSeckillRequest")
    .with_status(201)
    .gives("SeckillReply", "The flash sale, planned."),
    Route::get(
        "/api/v1/seckill/activities",
        "listSeckills",
        FLASH_SALES,
        "List flash sales, the last announced first",
    )
    .with(SECKILL_LIST)
    .gives("Seckills", "A page of flash sales."),
    Route::get(
        "/api/v1/seckill/activities/{id}",
        "getSeckill",
        FLASH_SALES,
        "Read a flash sale",
    )
    .gives("SeckillReply", "The flash sale, with the units left."),
    Route::post(
        "/api/v1/seckill/preheat",
        "preheatSeckills",
        FLASH_SALES,
        "Set units aside and open flash sales; may be repeated, and refills nothing",
    )
    .takes("PreheatRequest")
    .gives("Preheated", "The flash sales, open."),
    Route::post(
        "/api/v1/seckill/token",
        "getSeckillToken",
        FLASH_SALES,
        "Get the token to buy with, within the sale's window",
    )
    .takes("TokenRequest")
    .gives(
        "TokenReply",
        "The buyer's token; asked for again, the same one.",
    ),
    Route::post(
        "/api/v1/seckill/buy",
        "buySeckill",
        FLASH_SALES,
        "Buy with a token; the same token again gives the same order",
    )
    .takes("BuyRequest")
    .with_status(202)
    .gives(
        "Queued",
        "Accepted: the order can be read at `Location` from now on.",
    ),
    Route::get(
        "/api/v1/failures",
        "listFailures",
        OPERATIONS,
        "List messages that could not become orders, newest first",
    )
    .with(FAILURE_LIST)
    .gives("Failures", "A page of failures."),
    Route::get(
        "/api/v1/failures/{id}",
        "getFailure",
        OPERATIONS,
        "Read a failure",
    )
    .gives("FailureReply", "The failure."),
    Route::post(
        "/api/v1/failures/{id}/retry",
        "retryFailure",
        OPERATIONS,
        "Retry a failed message now",
    )
    .gives(
        "FailureReply",
        "The failure after the retry, or still pending where that takes longer than a second.",
    ),
    Route::get(
        "/api/v1/stats/orders",
        "getDayStats",
        STATISTICS,
        "Orders of a day",
    )
    .with(DAY)
    .gives("DayStats", "The day's orders, revenue and failures."),
    Route::get(
        "/api/v1/users/{id}/stats",
        "getUserStats",
        STATISTICS,
        "Orders of a user",
    )
    .gives("UserStats", "All of the user's orders."),
    Route::get(
        "/v1/dashboard/stats",
        "getDashboard",
        STATISTICS,
        "Today at a glance",
    )
    .gives("Dashboard", "Today's orders and the newest of all."),
    Route::get(
        "/health",
        "health",
        OPERATIONS,
        "Whether every server answers; 503 where one does not",
    )
    .gives("Health", "All servers answer.")
    .may_be_unwell("A server does not answer."),
    Route::get(
        "/ready",
        "ready",
        OPERATIONS,
        "Whether this instance is configured",
    )
    .gives("Health", "Ready to serve."),
];
