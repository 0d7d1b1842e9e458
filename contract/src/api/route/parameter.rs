//! Parameters of the routes: their places, their values and their meaning.

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A segment in braces.
    Path,
    /// The query.
    Query,
    /// A header.
    Header,
}

/// What values a parameter may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Any spelling of a user.
    User,
    /// Any spelling of an order's id.
    OrderName,
    /// The id of a product.
    Product,
    /// The id of a variant.
    Sku,
    /// The id of a flash sale.
    FlashSale,
    /// The id of a failure.
    Failure,
    /// Product ids between commas.
    Products,
    /// A status of orders, or `all`.
    OrderStatus,
    /// A status of products, or `all`.
    SaleStatus,
    /// A status of flash sales, or `all`.
    FlashSaleStatus,
    /// A status of failures, or `all`.
    FailureStatus,
    /// A date, or milliseconds.
    Moment,
    /// Number of a page.
    Page,
    /// Rows of a page.
    PageSize,
    /// A part of a name.
    Search,
    /// What a reply gave as `next_cursor`.
    Cursor,
    /// An idempotency key.
    Key,
    /// A preference (RFC 7240).
    Preference,
    /// An entity tag.
    EntityTag,
    /// The name of a file.
    File,
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// In the query, snake case stands for camel case too.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What it may be.
    pub values: Values,
    /// What it does.
    pub text: &'static str,
}

const fn parameter(
    place: Place,
    name: &'static str,
    values: Values,
    text: &'static str,
) -> Parameter {
    Parameter {
        name,
        place,
        values,
        text,
    }
}

const fn path(name: &'static str, values: Values, text: &'static str) -> Parameter {
    parameter(Place::Path, name, values, text)
}

pub(super) const fn query(name: &'static str, values: Values, text: &'static str) -> Parameter {
    parameter(Place::Query, name, values, text)
}

pub(super) const fn header(name: &'static str, values: Values, text: &'static str) -> Parameter {
    parameter(Place::Header, name, values, text)
}

pub(super) const ORDER: Parameter = path(
    "id",
    Values::OrderName,
    "The order: its number (`id`), its `order_no`, or its UUID.",
);
pub(super) const PRODUCT: Parameter = path("id", Values::Product, "The product.");
pub(super) const USER: Parameter = path(
    "id",
    Values::User,
    "The user: a number, `user_` and a number, or a name.",
);
pub(super) const FLASH_SALE: Parameter = path(
    "id",
    Values::FlashSale,
    "The flash sale: `<product id>-<number>`.",
);
pub(super) const FAILURE: Parameter = path("id", Values::Failure, "The failure.");
pub(super) const FILE: Parameter = path("file", Values::File, "The name of the file.");

pub(super) const KEY: Parameter = header(
    "Idempotency-Key",
    Values::Key,
    "Makes the request safe to repeat. A repeat with the same key and body, on any route that places orders, is \
     answered with the order that the key has made, as long as that order exists; with another body it is refused with \
     422. Keys belong to their user. 1 to 255 characters, bare or in quotes as an RFC 8941 string: `abc` and `\"abc\"` \
     are one key, and so is `abc` as `idempotency_key` of the body. Refused with 400: more than one line, a comma \
     outside quotes, an unfinished quote, what is empty, too long, not UTF-8 or has control characters, and another key \
     than the body's.",
);
pub(super) const PREFER: Parameter = header(
    "Prefer",
    Values::Preference,
    "`respond-async` asks for 202 as soon as the order is accepted (RFC 7240); other preferences are ignored.",
);
pub(super) const BUYER: Parameter = query(
    "user_id",
    Values::User,
    "The buyer, where the body names none; where both do, they must be the same user.",
);
pub(super) const OWNER: Parameter = query(
    "user_id",
    Values::User,
    "Whose order it must be: another user's order is answered as unknown.",
);
pub(super) const KNOWN: Parameter = header(
    "If-None-Match",
    Values::EntityTag,
    "An `ETag` of an earlier reply: answered with 304 where the reply is still the same.",
);

pub(super) const OF_USER: Parameter = query("user_id", Values::User, "Only this user's orders.");
pub(super) const STATUS: Parameter = query(
    "status",
    Values::OrderStatus,
    "Only orders in this status, by name or number; `all` does not limit.",
);
pub(super) const FROM: Parameter = query(
    "from",
    Values::Moment,
    "Only orders created at this moment or later: a date, UTC, or milliseconds.",
);
pub(super) const TO: Parameter = query(
    "to",
    Values::Moment,
    "Only orders created before this moment, in milliseconds; a date includes its whole day. Must be after `from`.",
);
pub(super) const PAGE: Parameter = query(
    "page",
    Values::Page,
    "Counted from 1, which is the default. A page must end within the first 10,000 rows: narrow the filter instead.",
);
pub(super) const PAGE_SIZE: Parameter = query(
    "page_size",
    Values::PageSize,
    "Rows of a page, 10 by default. A reply over 1 MiB is refused with 400: ask for a smaller page.",
);
pub(super) const OF_PRODUCT: Parameter =
    query("product_id", Values::Product, "Only with this product.");
pub(super) const IDS: Parameter = query(
    "ids",
    Values::Products,
    "Up to 100 product ids, comma-separated or repeated.",
);
