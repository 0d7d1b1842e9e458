//! The flash-sale message that other systems send and read on `seckill.success`.

use crate::api::amount::Amount;
use crate::api::body;
use crate::api::product::product_id;
use crate::api::seckill::units;
use domain::{Cents, Ms, ProductId, Rejection, calendar};
use serde::{Deserialize, Serialize};

/// Value of `seckill.success`, as MiniShop writes and reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeckillMessage {
    pub user_id: u64,
    pub product_id: u64,
    pub quantity: i64,
    pub unit_price: Amount,
    #[serde(default)]
    pub seckill_id: String,
    /// RFC 3339, UTC.
    pub timestamp: String,
}

/// A flash-sale message of another system, checked. It has no order id yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignPurchase {
    pub user: u64,
    pub product: ProductId,
    pub quantity: u32,
    pub price: Cents,
    pub seckill_id: String,
    pub at: Ms,
}

impl SeckillMessage {
    /// # Errors
    /// Which field is wrong.
    pub fn parse(bytes: &[u8]) -> Result<ForeignPurchase, Rejection> {
        let message: SeckillMessage = body::parse(bytes)?;
        let product = product_id("product_id", &message.product_id.to_string())?;
        let quantity = units("quantity", Some(message.quantity))?;
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
