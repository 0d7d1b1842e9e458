//! The flash-sale message that other systems send and read on `seckill.success`.

use crate::api::amount::Amount;
use crate::api::body;
use crate::api::product::product_id;
use crate::api::seckill::units;
use crate::api::whole::Whole;
use domain::{Cents, Ms, ProductId, Rejection, calendar};
use serde::{Deserialize, Serialize};

/// Value of `seckill.success`, as MiniShop writes and reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeckillMessage {
    /// From 1, below 2^62 in what is read; a hashed user in what is sent may be above.
    pub user_id: u64,
    /// From 1.
    pub product_id: u64,
    /// Units, from 1.
    pub quantity: i64,
    /// Of one unit, as `9.90`.
    pub unit_price: Amount,
    /// Up to 64 characters; empty where the sender has none.
    #[serde(default)]
    pub seckill_id: String,
    /// When it was bought: RFC 3339, UTC.
    pub timestamp: String,
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
    /// Of one unit.
    pub price: Cents,
    /// Up to 64 characters; may be empty.
    pub seckill_id: String,
    /// When it was bought, by the other system's clock.
    pub at: Ms,
}

impl SeckillMessage {
    /// Parses and checks a message.
    ///
    /// # Errors
    /// Where a field is not acceptable; the rejection names it.
    pub fn parse(bytes: &[u8]) -> Result<ForeignPurchase, Rejection> {
        let message: SeckillMessage = body::parse(bytes)?;
        let product = product_id("product_id", &message.product_id.to_string())?;
        let quantity = units("quantity", Some(Whole(message.quantity)))?;
        if quantity == 0 {
            return Err(Rejection::invalid("quantity", "must be at least 1"));
        }
        if !(1..domain::id::HASHED_USER_BIT).contains(&message.user_id) {
            return Err(Rejection::invalid("user_id", "is out of range"));
        }
        if message.seckill_id.chars().count() > 64 {
            return Err(Rejection::invalid(
                "seckill_id",
                "has more than 64 characters",
            ));
        }
        let at = calendar::parse_rfc3339(&message.timestamp)
            .ok_or_else(|| Rejection::invalid("timestamp", "must be RFC 3339"))?;
        Ok(ForeignPurchase {
            user: message.user_id,
            product,
            quantity,
            price: message.unit_price.0,
            seckill_id: message.seckill_id,
            at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_strictly() {
        let good = r#"{"user_id":7,"product_id":1,"quantity":2,"unit_price":9.9,"seckill_id":"seckill_001","timestamp":"2026-11-21T10:00:00Z"}"#;
        let purchase = SeckillMessage::parse(good.as_bytes()).unwrap();
        assert_eq!((purchase.quantity, purchase.price.get()), (2, 990));
        for (from, to, field) in [
            ("\"quantity\":2", "\"quantity\":-2", "quantity"),
            ("9.9", "\"dear\"", "unit_price"),
            ("\"product_id\":1", "\"product_id\":0", "product_id"),
            ("\"user_id\":7", "\"user_id\":0", "user_id"),
            ("2026-11-21T10:00:00Z", "yesterday", "timestamp"),
        ] {
            match SeckillMessage::parse(good.replace(from, to).as_bytes()) {
                Err(Rejection::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{other:?}"),
            }
        }
    }
}
