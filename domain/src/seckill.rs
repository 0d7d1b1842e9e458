//! Flash sales: an activity, its id and its state. Its units are a variant of their own (`SkuId::of_sale`), so every
//! rule about stock holds for them unchanged.

use crate::coded;
use crate::limits::{QUANTITY_MAX, SECKILL_AHEAD_MS_MAX, SECKILL_NUMBER_MAX, SECKILL_SKU_MAX};
use crate::{Cents, Ms, ProductId, Rejection, SkuId};
use std::fmt;

/// Displays as `<product>-<number>`: it names its product, so that its Redis keys are found without a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeckillId {
    /// The product on sale.
    pub product: ProductId,
    /// Primary key of `seckill_activity`: 1 to [`SECKILL_NUMBER_MAX`].
    pub number: u32,
}

impl SeckillId {
    /// `None` for ids that this platform never gave out: other systems' are free text.
    pub fn parse(text: &str) -> Option<SeckillId> {
        let (product, number) = text.split_once('-')?;
        let id = SeckillId {
            product: ProductId(product.parse().ok()?),
            number: number.parse().ok()?,
        };
        let valid = id.product.0 > 0 && (1..=SECKILL_NUMBER_MAX).contains(&id.number);
        // Signs and leading zeros would be second spellings of one id.
        (valid && id.to_string() == text).then_some(id)
    }

    /// The activity whose units a line has; `None` for ordinary units.
    pub fn of(product: ProductId, sku: SkuId) -> Option<SeckillId> {
        sku.sale().map(|number| SeckillId { product, number })
    }
}

impl fmt::Display for SeckillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.product.0, self.number)
    }
}

coded! {
    /// State of a flash sale.
    pub enum SeckillStatus {
        /// Announced; its units are still ordinary stock.
        Planned = 0, "planned";
        /// Preheated: its units are set aside, and it sells within its window.
        Open = 1, "open";
        /// Over: unsold units have gone back to the ordinary stock, or are about to.
        Ended = 2, "ended";
    }
}

/// An activity before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeckillPlan {
    /// The product on sale.
    pub product: ProductId,
    /// The ordinary sku that its units come from and go back to.
    pub sku: SkuId,
    /// Empty: that of the product.
    pub name: String,
    /// Of one unit.
    pub price: Cents,
    /// Units set aside when it is preheated.
    pub stock: u32,
    /// First moment at which it sells.
    pub starts_at: Ms,
    /// First moment after its window.
    pub ends_at: Ms,
    /// Units one buyer may take, in one order.
    pub per_user_max: u32,
}

impl SeckillPlan {
    /// The plan itself, where it makes an activity.
    ///
    /// # Errors
    /// [`Rejection::Invalid`] for the first field that is out of range or, by `now`, past.
    pub fn checked(self, now: Ms) -> Result<SeckillPlan, Rejection> {
        if self.sku.0 > SECKILL_SKU_MAX {
            let reason = format!("is above {SECKILL_SKU_MAX}, which a flash sale cannot have");
            return Err(Rejection::invalid("sku_id", reason));
        }
        if !(1..=QUANTITY_MAX).contains(&self.stock) {
            return Err(Rejection::invalid(
                "stock",
                format!("must be from 1 to {QUANTITY_MAX}"),
            ));
        }
        if !(1..=self.stock).contains(&self.per_user_max) {
            return Err(Rejection::invalid(
                "per_user_limit",
                "must be from 1 to the stock",
            ));
        }
        if self.price.times(self.per_user_max).is_none() {
            return Err(Rejection::invalid(
                "price",
                "makes an order larger than 99999999.99",
            ));
        }
        if self.ends_at <= self.starts_at {
            return Err(Rejection::invalid("ends_at", "must be after starts_at"));
        }
        if self.ends_at <= now {
            return Err(Rejection::invalid("ends_at", "is past"));
        }
        if self.ends_at - now > SECKILL_AHEAD_MS_MAX {
            return Err(Rejection::invalid(
                "ends_at",
                "is more than a hundred years ahead: it counts in milliseconds",
            ));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
