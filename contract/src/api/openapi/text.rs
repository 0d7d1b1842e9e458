//! Schemas of values that requests may spell in several ways, and of amounts.

use crate::api::amount::Amount;
use crate::api::product::{PRODUCT_ID_MAX, SaleStatus};
use domain::Status;
use domain::id::{HASHED_USER_BIT, SALE_SKU_BIT};
use std::borrow::Cow;
use utoipa::openapi::schema::{
    AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// No space around it, and no control character. No pattern says that a name is no number, or has no invisible
/// character.
pub(super) const USER_PATTERN: &str = concat!(
    r"^[^\s\u0000-\u001f\u007f-\u009f]",
    r"([^\u0000-\u001f\u007f-\u009f]{0,62}[^\s\u0000-\u001f\u007f-\u009f])?$",
);
const AMOUNT_MAX: f64 = 99_999_999.99;

/// A type that only names a schema.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $shown:literal, $schema:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                $shown.into()
            }
        }
    };
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .description(Some("An amount of money with two decimals."))
            .minimum(Some(0))
            .maximum(Some(AMOUNT_MAX))
            .into()
    }
}

impl ToSchema for Amount {}

text!(
    /// An amount as requests may spell it.
    AmountText,
    "AmountText",
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Number, Type::String]))
        .description(Some(
            "An amount of money of whole cents, as a number or its text. What a client computed in doubles counts as \
             the amount of cents it stands for: 299.96999999999997 is 299.97.",
        ))
        .minimum(Some(0))
        .maximum(Some(AMOUNT_MAX))
        .pattern(Some(r"^\d+(\.\d+)?([eE][+-]?\d+)?$"))
        .into()
);

text!(
    /// A user as requests may spell it.
    UserText,
    "User",
    number_or(USER_PATTERN, 1, HASHED_USER_BIT - 1)
        .description(Some(
            "A user: a number, `user_` and a number (the same user), or any other name of up to 64 characters that is \
             no number. Replies show the spelling that the order was placed with.",
        ))
        .into()
);

text!(
    /// The id of a product as requests may spell it.
    ProductText,
    "ProductId",
    number_or(r"^[1-9]\d{0,15}$", 1, PRODUCT_ID_MAX)
        .description(Some("The id of a product, as a number or its text."))
        .into()
);

text!(
    /// The id of a variant as requests may spell it.
    SkuText,
    "SkuId",
    number_or(r"^(0|[1-9]\d{0,17})$", 0, SALE_SKU_BIT - 1)
        .description(Some(
            "The id of a variant, as a number or its text; 0 where the product has none.",
        ))
        .into()
);

text!(
    /// An order as requests may name it.
    OrderText,
    "OrderId",
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Integer]))
        .min_length(Some(1))
        .minimum(Some(1))
        .description(Some(
            "An order: its number, its `order_no`, or its UUID. JavaScript must send the number as text, since it does \
             not fit a double.",
        ))
        .into()
);

text!(
    /// An idempotency key in a body.
    KeyText,
    "IdempotencyKey",
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(r"^[^\u0000-\u001f\u007f-\u009f]{1,255}$"))
        .description(Some(
            "The same as the header `Idempotency-Key`: 1 to 255 characters, none of control, taken literally.",
        ))
        .into()
);

text!(
    /// An address as requests may spell it.
    AddressText,
    "Address",
    AnyOfBuilder::new()
        .item(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .max_length(Some(500)),
        )
        .item(ObjectBuilder::new().schema_type(Type::Object))
        .item(ArrayBuilder::new().items(ObjectBuilder::new().schema_type(SchemaType::AnyValue)))
        .description(Some(
            "Text, or an object or a list, which is kept as JSON text; up to 500 characters.",
        ))
        .into()
);

text!(
    /// A moment as requests may spell it.
    MomentText,
    "Moment",
    AnyOfBuilder::new()
        .item(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        )
        .item(whole(100_000_000_000, 253_402_300_799_999))
        .item(whole(0, 0))
        .description(Some(
            "A moment: RFC 3339, or milliseconds UTC; 0 is the beginning of time.",
        ))
        .into()
);

text!(
    /// A status of orders as requests may spell it.
    StatusText,
    "OrderStatus",
    named(
        "A status of orders, by name or number.",
        &["paid", "shipped", "completed", "delivered", "cancelled"],
        Status::Paid.code(),
        Status::Cancelled.code(),
    )
);

text!(
    /// A status of products as requests may spell it.
    SaleStatusText,
    "SaleStatus",
    named(
        "Whether a product can be ordered, by name or number.",
        &SaleStatus::ALL.map(SaleStatus::name),
        0,
        1,
    )
);

text!(
    /// Where units are reserved first.
    StockModeText,
    "StockMode",
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(["redis", "db"]))
        .description(Some(
            "Where units are reserved first: in Redis, for products under heavy demand, or in the database.",
        ))
        .into()
);

fn number_or(pattern: &str, least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Integer]))
        .pattern(Some(pattern))
        .minimum(Some(least))
        .maximum(Some(most))
}

fn whole(least: u64, most: u64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(least))
        .maximum(Some(most))
}

fn named(text: &str, names: &[&str], least: u8, most: u8) -> RefOr<Schema> {
    let name = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(names.iter().copied()));
    AnyOfBuilder::new()
        .item(name)
        .item(whole(least.into(), most.into()))
        .description(Some(text))
        .into()
}
