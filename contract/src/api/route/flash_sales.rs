//! Flash sales: announced, preheated, then bought in with a token.

use super::access::{Access, BACK_OFFICE, CALLERS};
use super::parameter::{BUYER, FLASH_SALE, OF_PRODUCT, PAGE, PAGE_SIZE, Values, query};
use super::refusal as no;
use super::reply::{self, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "flash-sales",
    description: "A flash sale sells a number of units of one product, at its own price and within a window. It is \
                  announced, then preheated; a buyer gets a token, and buys with it.",
};

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::post("/api/v1/seckill/activities", "announceSeckill")
        .by(BACK_OFFICE)
        .about("Announce a flash sale", "")
        .takes(
            "CreateSeckillRequest",
            r#"{"product_id": "1", "price": 9.90, "stock": 100, "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2036-01-01T00:00:00Z"}"#,
        )
        .gives(&[Reply::json(201, "SeckillReply", "The flash sale, planned.").with(reply::CREATED)])
        .refuses(&[no::UNKNOWN_PRODUCT])
        .tagged(TAG),
    Route::get("/api/v1/seckill/activities", "listSeckills")
        .by(Access::Anyone)
        .about("List flash sales, the last announced first", "")
        .with(&[
            query(
                "status",
                Values::FlashSaleStatus,
                "`planned`, `open`, `ended`, or `all`.",
            ),
            OF_PRODUCT,
            PAGE,
            PAGE_SIZE,
        ])
        .gives(&[Reply::json(200, "Seckills", "A page of flash sales.")])
        .tagged(TAG),
    Route::get("/api/v1/seckill/activities/{id}", "getSeckill")
        .by(Access::Anyone)
        .about("Read a flash sale", "")
        .with(&[FLASH_SALE])
        .gives(&[Reply::json(
            200,
            "SeckillReply",
            "The flash sale, with the units left.",
        )])
        .refuses(&[no::UNKNOWN_SALE])
        .tagged(TAG),
    Route::post("/api/v1/seckill/preheat", "preheatSeckills")
        .by(BACK_OFFICE)
        .about(
            "Open flash sales",
            "Sets their units aside and loads them, so that they can sell from their start on. May be repeated, and \
             refills nothing.",
        )
        .takes("PreheatRequest", r#"{"product_id": "1"}"#)
        .gives(&[Reply::json(200, "Preheated", "The flash sales, open.")])
        .refuses(&[
            no::UNKNOWN_SALE,
            no::UNKNOWN_PRODUCT,
            no::SALE_STATE,
            no::SHORT,
        ])
        .tagged(TAG),
    Route::post("/api/v1/seckill/token", "getSeckillToken")
        .by(CALLERS)
        .about(
            "Get the token to buy with",
            "Within the sale's window. The order's id is fixed with the token, so that a buyer may ask for the order \
             before the answer to the purchase has come.",
        )
        .with(&[BUYER])
        .takes("TokenRequest", r#"{"user_id": "user_123", "product_id": "1"}"#)
        .gives(&[Reply::json(
            200,
            "TokenReply",
            "The buyer's token; asked for again, the same one.",
        )])
        .refuses(&[
            no::WINDOW,
            no::UNKNOWN_SALE,
            no::SOLD_OUT,
            no::BOUGHT,
            no::SALE_STATE,
            no::SALE_LIMITED,
        ])
        .tagged(TAG),
    Route::post("/api/v1/seckill/buy", "buySeckill")
        .by(CALLERS)
        .places_orders()
        .about(
            "Buy in a flash sale",
            "Takes the units and queues the order, all or nothing. The same token again gets the same order.",
        )
        .with(&[BUYER])
        .takes(
            "BuyRequest",
            r#"{"user_id": "user_123", "token": "1-1.123.67acba517838359a5c547b0bb919aea8"}"#,
        )
        .gives(&[Reply::json(
            202,
            "Queued",
            "Accepted: the order can be read at `Location` from now on.",
        )
        .with(reply::PLACED)])
        .refuses(&[
            no::TOKEN,
            no::UNKNOWN_SALE,
            no::SOLD_OUT,
            no::BOUGHT,
            no::SALE_STATE,
            no::SALE_LIMITED,
        ])
        .tagged(TAG),
];
