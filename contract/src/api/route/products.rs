//! Products and their stock, below `/api/v1` and, for the clients of the demo, below `/products`.

use super::access::{Access, BACK_OFFICE};
use super::parameter::{IDS, KNOWN, PAGE, PAGE_SIZE, PRODUCT, Parameter, Values, header, query};
use super::refusal as no;
use super::reply::{self, NOT_MODIFIED, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "products",
    description: "The catalogue and its stock.",
};
/// The group of the demo.
pub const DEMO: Tag = Tag {
    name: "products-demo",
    description: "The same products below `/products`, as the clients of the order demo read them: `{code, message, \
                  data}`.",
};

const LIST: &[Parameter] = &[
    query(
        "search",
        Values::Search,
        "A part of the name, up to 200 characters, taken literally. Upper and lower case are the same; letters with \
         other accents are not, nor are two emoji.",
    ),
    query(
        "status",
        Values::SaleStatus,
        "`on_sale`, which is the default, `off_sale`, or `all`.",
    ),
    PAGE,
    PAGE_SIZE,
    query(
        "cursor",
        Values::Cursor,
        "The `next_cursor` of a reply: the products after it, however many, without gaps or repeats while others are \
         added. With the same `search` and `status`; not with `page`.",
    ),
    KNOWN,
];
const ONE: &[Parameter] = &[PRODUCT, KNOWN];
const UNKNOWN: &[no::Refusal] = &[no::UNKNOWN_PRODUCT];

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::get("/api/v1/products", "listProducts")
        .by(Access::Anyone)
        .about("List products, the largest id first", "")
        .with(LIST)
        .gives(&[
            Reply::json(200, "Products", "A page of products with their stock.")
                .with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .tagged(TAG),
    Route::post("/api/v1/products", "createProduct")
        .by(BACK_OFFICE)
        .about(
            "Create a product with its stock",
            "The id is assigned, unless the request has one.",
        )
        .takes(
            "CreateProductRequest",
            r#"{"name": "Green tea, 100 g", "image": "/images/green-tea.svg", "price": 19.90, "stock": 500}"#,
        )
        .gives(&[Reply::json(201, "ProductReply", "The product.").with(reply::CREATED)])
        .refuses(&[no::PRODUCT_EXISTS])
        .tagged(TAG),
    Route::get("/api/v1/products/{id}", "getProduct")
        .by(Access::Anyone)
        .about("Read a product", "")
        .with(ONE)
        .gives(&[
            Reply::json(200, "ProductReply", "The product with its stock.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(TAG),
    Route::patch("/api/v1/products/{id}", "patchProduct")
        .by(BACK_OFFICE)
        .about(
            "Change the name, picture, price or status of a product",
            "A JSON merge patch (RFC 7396): what is absent stays. Orders meet the change from the reply on; those that \
             are placed keep their price.",
        )
        .with(&[
            PRODUCT,
            header(
                "If-Match",
                Values::EntityTag,
                "The `ETag` of `getProduct`: refused with 412 where the product or its stock has changed since.",
            ),
        ])
        .takes_patch("PatchProductRequest", r#"{"price": 18.50, "image": null}"#)
        .gives(&[Reply::json(
            200,
            "ProductReply",
            "The product after the change.",
        )])
        .refuses(&[no::UNKNOWN_PRODUCT, no::PRODUCT_CHANGED])
        .tagged(TAG),
    Route::post("/api/v1/products/{id}/stock", "changeStock")
        .by(BACK_OFFICE)
        .about(
            "Restock a product, or take units away",
            "By a difference, made once under its key. Only units that nobody has reserved are taken away.",
        )
        .with(&[
            PRODUCT,
            header(
                "Idempotency-Key",
                Values::Key,
                "Required here or in the body. A repeat with the same key and body is answered with the first change; \
                 with another body it is refused with 422. Keys belong to their product and are kept for ever.",
            ),
        ])
        .takes(
            "StockChangeRequest",
            r#"{"change": 50, "reason": "delivery 4711", "idempotency_key": "delivery-4711"}"#,
        )
        .gives(&[Reply::json(
            200,
            "StockChangeReply",
            "The change; orders meet it at once.",
        )
        .with(reply::ONCE)])
        .refuses(&[
            no::UNKNOWN_PRODUCT,
            no::SHORT,
            no::CONTENDED,
            no::IN_PROGRESS,
            no::KEY_REUSED,
        ])
        .tagged(TAG),
    Route::get("/api/v1/products/{id}/stock/changes", "listStockChanges")
        .by(BACK_OFFICE)
        .about("List the stock changes of a product, newest first", "")
        .with(&[PRODUCT, PAGE, PAGE_SIZE, KNOWN])
        .gives(&[
            Reply::json(200, "StockChanges", "A page of changes.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(TAG),
    Route::get("/v1/inventory", "getInventories")
        .by(Access::Anyone)
        .about("Read the stock of several products", "")
        .with(&[IDS, KNOWN])
        .gives(&[
            Reply::json(200, "StockMap", "Stock by product; an unknown one has 0.")
                .with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .tagged(TAG),
    Route::get("/v1/inventory/{id}", "getInventory")
        .by(Access::Anyone)
        .about("Read the stock of a product or of one variant", "")
        .with(&[
            PRODUCT,
            query("sku_id", Values::Sku, "Only this variant."),
            KNOWN,
        ])
        .gives(&[
            Reply::json(200, "StockReply", "Available and locked units.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(TAG),
];

/// Of the group of the demo.
pub const DEMO_ROUTES: &[Route] = &[
    Route::get("/products", "listEnvelopeProducts")
        .by(Access::Anyone)
        .about("List products, the largest id first", "")
        .with(LIST)
        .gives(&[
            Reply::json(
                200,
                "EnvelopedProducts",
                "A page of products with their stock.",
            )
            .with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .tagged(DEMO),
    Route::get("/products/recommend", "recommendProducts")
        .by(Access::Anyone)
        .about(
            "Read the named products that are on sale, or the newest",
            "",
        )
        .with(&[IDS, KNOWN])
        .gives(&[
            Reply::json(200, "EnvelopedProductList", "Products with their stock.")
                .with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .tagged(DEMO),
    Route::get("/products/{id}", "getEnvelopeProduct")
        .by(Access::Anyone)
        .about("Read a product", "")
        .with(ONE)
        .gives(&[
            Reply::json(200, "EnvelopedProduct", "The product with its stock.")
                .with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(DEMO),
    Route::get("/products/{id}/stock", "getEnvelopeStock")
        .by(Access::Anyone)
        .about("Read the stock of a product", "")
        .with(&[PRODUCT, KNOWN])
        .gives(&[
            Reply::json(200, "EnvelopedStock", "Units that may be sold now.").with(reply::CHECKED),
            NOT_MODIFIED,
        ])
        .refuses(UNKNOWN)
        .tagged(DEMO),
];
