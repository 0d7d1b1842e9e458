//! The flash-sale message on `seckill.success`, in MiniShop's JSON: as it is published here, and as other systems'
//! messages are read.

use crate::api::amount::Amount;
use crate::api::body;
use crate::api::product::product_id;
use crate::api::seckill::units;
use crate::api::whole::Whole;
use domain::limits::QUANTITY_MAX;
use domain::{Cents, Ms, ProductId, Rejection, calendar};
use serde::{Deserialize, Serialize};

/// Characters of another system's name of a flash sale.
pub const SECKILL_ID_CHARS_MAX: usize = 64;

/// A purchase in a flash sale of this platform, as MiniShop reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeckillMessage {
    /// From 1; a buyer whose name is no number has a hashed id from 2^62.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub user_id: u64,
    /// From 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub product_id: u64,
    /// Units, from 1.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub quantity: i64,
    /// Of one unit: the sale's price.
    pub unit_price: Amount,
    /// The sale: product and number, as `1-3`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9]+-[0-9]+$"))]
    pub seckill_id: String,
    /// When it was bought: RFC 3339, UTC, with milliseconds.
    #[cfg_attr(feature = "openapi", schema(format = "date-time"))]
    pub timestamp: String,
}

/// A purchase that another system reports: it becomes an order, once per `seckill_id`, user and product. Other fields
/// are not read.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ForeignMessage {
    /// From 1, below 2^62.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, minimum = 1, maximum = 4611686018427387903i64))]
    user_id: Whole,
    /// A product of the catalogue.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, minimum = 1))]
    product_id: Whole,
    /// Units, from 1.
    #[cfg_attr(feature = "openapi", schema(value_type = i64, minimum = 1, maximum = 2147483647))]
    quantity: Whole,
    /// Of one unit: the sale's price, or the message becomes a failure.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::api::openapi::AmountText))]
    unit_price: Amount,
    /// The sale, as the sender names it; absent or empty where it has no name.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(max_length = 64))]
    seckill_id: Option<String>,
    /// When it was bought: RFC 3339, UTC or with an offset.
    #[cfg_attr(feature = "openapi", schema(format = "date-time"))]
    timestamp: String,
}

/// Another system's flash-sale message, checked. It has no order id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignPurchase {
    /// From 1, below 2^62.
    pub user: u64,
    /// May not exist here.
    pub product: ProductId,
    /// From 1.
    pub quantity: u32,
    /// Of one unit, as the other system sold it.
    pub price: Cents,
    /// Up to [`SECKILL_ID_CHARS_MAX`] characters; may be empty.
    pub seckill_id: String,
    /// When it was bought, by the other system's clock.
    pub at: Ms,
}

impl ForeignPurchase {
    /// Parses and checks a message.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<ForeignPurchase, Rejection> {
        let message: ForeignMessage = body::parse(bytes)?;
        let product = product_id("product_id", &message.product_id.0.to_string())?;
        let quantity = units("quantity", Some(message.quantity))?;
        if !(1..=QUANTITY_MAX).contains(&quantity) {
            let reason = format!("must be from 1 to {QUANTITY_MAX}");
            return Err(Rejection::invalid("quantity", reason));
        }
        let user = u64::try_from(message.user_id.0).unwrap_or_default();
        if !(1..domain::id::HASHED_USER_BIT).contains(&user) {
            return Err(Rejection::invalid("user_id", "is out of range"));
        }
        let seckill_id = message.seckill_id.unwrap_or_default();
        if seckill_id.chars().count() > SECKILL_ID_CHARS_MAX {
            return Err(Rejection::invalid(
                "seckill_id",
                format!("has more than {SECKILL_ID_CHARS_MAX} characters"),
            ));
        }
        let at = calendar::parse_rfc3339(&message.timestamp)
            .ok_or_else(|| Rejection::invalid("timestamp", "must be RFC 3339"))?;
        Ok(ForeignPurchase {
            user,
            product,
            quantity,
            price: message.unit_price.0,
            seckill_id,
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"user_id":7,"product_id":1,"quantity":2,"unit_price":9.9,"seckill_id":"seckill_001","timestamp":"2026-11-21T10:00:00Z"}"#;

    #[test]
    fn messages_are_read_strictly() {
        let purchase = ForeignPurchase::parse(GOOD.as_bytes()).unwrap();
        assert_eq!((purchase.quantity, purchase.price.get()), (2, 990));
        for (from, to, field) in [
            ("\"quantity\":2", "\"quantity\":-2", "quantity"),
            ("\"quantity\":2", "\"quantity\":2.5", "quantity"),
            ("\"quantity\":2", "\"quantity\":0", "quantity"),
            ("\"quantity\":2", "\"quantity\":2147483648", "quantity"),
            ("9.9", "\"dear\"", "unit_price"),
            ("9.9", "9.905", "unit_price"),
            ("\"product_id\":1", "\"product_id\":0", "product_id"),
            ("\"user_id\":7", "\"user_id\":0", "user_id"),
            (
                "\"user_id\":7",
                "\"user_id\":4611686018427387904",
                "user_id",
            ),
            ("\"seckill_001\"", "789", "seckill_id"),
            ("2026-11-21T10:00:00Z", "yesterday", "timestamp"),
            ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00", "timestamp"),
        ] {
            match ForeignPurchase::parse(GOOD.replace(from, to).as_bytes()) {
                Err(Rejection::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{to}: {other:?}"),
            }
        }
    }

    #[test]
    fn one_value_has_many_spellings() {
        let plain = ForeignPurchase::parse(GOOD.as_bytes()).unwrap();
        for (from, to) in [
            ("9.9", "\"9.90\""),
            ("9.9", "9.9000000000000004"),
            ("\"quantity\":2", "\"quantity\":2.0"),
            ("\"user_id\":7", "\"user_id\":7.0"),
            ("2026-11-21T10:00:00Z", "2026-11-21T18:00:00.000+08:00"),
            ("{", "{\"more\":[1],"),
        ] {
            let spelled = GOOD.replacen(from, to, 1);
            assert_eq!(
                ForeignPurchase::parse(spelled.as_bytes()).unwrap(),
                plain,
                "{to}"
            );
        }
        for unnamed in ["null", "\"\""] {
            let message = GOOD.replace("\"seckill_001\"", unnamed);
            let read = ForeignPurchase::parse(message.as_bytes()).unwrap();
            assert_eq!(read.seckill_id, "");
        }
    }
}
