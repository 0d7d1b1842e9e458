//! What describes the others: the OpenAPI document, a page that shows it, and the AsyncAPI document.

use super::access::Access;
use super::parameter::{FILE, KNOWN, Parameter};
use super::refusal as no;
use super::reply::{self, Content, FILE_NOT_MODIFIED, Reply};
use super::{Route, Tag};

/// The group.
pub const TAG: Tag = Tag {
    name: "documents",
    description: "What describes this API, for programs and for people.",
};

const HTML: Content = Content::Text(&["text/html;charset=utf-8"]);
const ASSET: Content = Content::Text(&["text/css;charset=utf-8", "text/javascript;charset=utf-8"]);
const CHECKED: &[Parameter] = &[KNOWN];

/// Of the group.
pub const ROUTES: &[Route] = &[
    Route::get("/openapi.json", "getOpenapi")
        .by(Access::Anyone)
        .about(
            "Read the OpenAPI document",
            "Its server is `/`: the address that it was read from.",
        )
        .with(CHECKED)
        .gives(&[
            Reply::of(Content::Document, "The OpenAPI 3.1 document.").with(reply::FILE),
            FILE_NOT_MODIFIED,
        ])
        .tagged(TAG),
    Route::get("/asyncapi.json", "getAsyncapi")
        .by(Access::Anyone)
        .about(
            "Read the AsyncAPI document",
            "What Kafka's topics and RabbitMQ's queues carry.",
        )
        .with(CHECKED)
        .gives(&[
            Reply::of(Content::Document, "The AsyncAPI 3.0 document.").with(reply::FILE),
            FILE_NOT_MODIFIED,
        ])
        .tagged(TAG),
    Route::get("/docs", "getDocs")
        .by(Access::Anyone)
        .about("Show the document in a browser", "")
        .with(CHECKED)
        .gives(&[
            Reply::of(HTML, "A page that shows the document.").with(reply::PAGE),
            FILE_NOT_MODIFIED,
        ])
        .tagged(TAG),
    Route::get("/docs/{file}", "getDocsFile")
        .by(Access::Anyone)
        .about("Read a script or a style of that page", "")
        .with(&[FILE, KNOWN])
        .gives(&[
            Reply::of(ASSET, "The file.").with(reply::FILE),
            FILE_NOT_MODIFIED,
        ])
        .refuses(&[no::NO_FILE])
        .tagged(TAG),
];
