//! What callers of `inventory.v1` send: signed numbers of protobuf, checked before anything is changed. An error names
//! the field of the message.

use crate::api::identity;
use crate::api::product::PRODUCT_ID_MAX;
use domain::hold::Line;
use domain::limits::MESSAGE_ID_BYTES_MAX;
use domain::{OrderId, ProductId, Rejection, SkuId};

/// A variant as a message names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Field `product_id`.
    pub product: ProductId,
    /// Field `sku_id`.
    pub sku: SkuId,
}

impl Variant {
    /// Checks the two fields. Protobuf gives 0 for a field that was not sent: no product has that id, and it is the sku
    /// of a product without variants.
    ///
    /// # Errors
    /// Where one is out of range.
    pub fn parse(product_id: i64, sku_id: i64) -> Result<Variant, Rejection> {
        let product = u64::try_from(product_id)
            .ok()
            .filter(|id| (1..=PRODUCT_ID_MAX).contains(id))
            .ok_or_else(|| {
                let reason = format!("must be a whole number from 1 to {PRODUCT_ID_MAX}");
                Rejection::invalid("product_id", reason)
            })?;
        let sku = u64::try_from(sku_id).ok().map(SkuId);
        let sku = sku.filter(|sku| sku.sale().is_none());
        Ok(Variant {
            product: ProductId(product),
            sku: sku.ok_or_else(|| {
                Rejection::invalid("sku_id", "must be a whole number from 0, below 2^62")
            })?,
        })
    }
}

/// Units to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldDraft {
    /// Of which variant.
    pub variant: Variant,
    /// From 1.
    pub units: u32,
}

impl HoldDraft {
    /// Checks the fields of a `PreDeductStockRequest`.
    ///
    /// # Errors
    /// Where one is out of range.
    pub fn parse(product_id: i64, sku_id: i64, quantity: i32) -> Result<HoldDraft, Rejection> {
        Ok(HoldDraft {
            variant: Variant::parse(product_id, sku_id)?,
            units: units(quantity)?,
        })
    }

    /// Tells a repeat of a key from its use for something else.
    pub fn hash(&self) -> [u8; 16] {
        identity::hash(&[&self.variant.sku.0.to_be_bytes(), &self.units.to_be_bytes()])
    }
}

/// Checks the line that a `ConfirmDeductStockRequest` or a `RollbackStockRequest` names.
///
/// # Errors
/// Where a field is out of range.
pub fn line(order_id: i64, product_id: i64, sku_id: i64, quantity: i32) -> Result<Line, Rejection> {
    let order = u64::try_from(order_id).ok().and_then(OrderId::new);
    let order = order.ok_or_else(|| Rejection::invalid("order_id", "must be at least 1"))?;
    let Variant { product, sku } = Variant::parse(product_id, sku_id)?;
    Ok(Line {
        order,
        product,
        sku,
        quantity: units(quantity)?,
    })
}

/// Checks the field `message_id`.
///
/// # Errors
/// Where it is empty or too long.
pub fn message_id(text: &str) -> Result<&str, Rejection> {
    match (1..=MESSAGE_ID_BYTES_MAX).contains(&text.len()) {
        true => Ok(text),
        false => Err(Rejection::invalid(
            "message_id",
            format!("must have 1 to {MESSAGE_ID_BYTES_MAX} bytes"),
        )),
    }
}

fn units(quantity: i32) -> Result<u32, Rejection> {
    let units = u32::try_from(quantity).ok().filter(|units| *units > 0);
    units.ok_or_else(|| Rejection::invalid("quantity", "must be at least 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<T: std::fmt::Debug>(result: Result<T, Rejection>) -> String {
        match result {
            Err(Rejection::Invalid { field, .. }) => field,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_wrong_field_is_named() {
        let over = 1 << 62;
        for product in [0, -1, i64::MIN, PRODUCT_ID_MAX as i64 + 1] {
            assert_eq!(field(HoldDraft::parse(product, 0, 1)), "product_id");
            assert_eq!(field(line(1, product, 0, 1)), "product_id");
        }
        for sku in [-1, i64::MIN, over] {
            assert_eq!(field(Variant::parse(1, sku)), "sku_id");
        }
        for quantity in [0, -1, i32::MIN] {
            assert_eq!(field(HoldDraft::parse(1, 0, quantity)), "quantity");
            assert_eq!(field(line(1, 1, 0, quantity)), "quantity");
        }
        for order in [0, -1, i64::MIN] {
            assert_eq!(field(line(order, 1, 0, 1)), "order_id");
        }
        for message in ["", &"x".repeat(256)] {
            assert_eq!(field(message_id(message)), "message_id");
        }
    }

    #[test]
    fn what_fits_is_taken() {
        let draft = HoldDraft::parse(PRODUCT_ID_MAX as i64, (1 << 62) - 1, i32::MAX).unwrap();
        assert_eq!(draft.units, i32::MAX as u32);
        assert_eq!(
            line(i64::MAX, 1, 0, 1).unwrap().order.get(),
            i64::MAX as u64
        );
        let longest = "x".repeat(MESSAGE_ID_BYTES_MAX);
        assert_eq!(message_id(&longest), Ok(longest.as_str()));
        let other = HoldDraft::parse(2, 0, 5).unwrap();
        assert_ne!(draft.hash(), other.hash());
        assert_eq!(other.hash(), HoldDraft::parse(3, 0, 5).unwrap().hash());
    }
}
