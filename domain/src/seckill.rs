//! Flash sales: an activity, its id, and when it may be bought in.
//! Its units are a variant of their own (`SkuId::of_sale`), so every rule about stock holds for them unchanged.

use crate::coded;
use crate::limits::{QUANTITY_MAX, SECKILL_NUMBER_MAX, SECKILL_SKU_MAX};
use crate::{Cents, Ms, ProductId, Rejection, SkuId};
use std::fmt;

/// `<product>-<number>`: names its product, so that it finds its Redis slot without a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeckillId {
    pub product: ProductId,
    pub number: u32,
}

impl SeckillId {
    /// `None` for what this platform never gave out: other systems' ids are free text.
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

    /// The activity whose units a line has.
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
    /// Where a flash sale stands.
    pub enum SeckillStatus {
        /// Announced; its units are still ordinary stock.
        Planned = 0, "planned";
        /// Preheated: its units are set aside, and it sells within its window.
        Open = 1, "open";
        /// Over: what is unsold has gone or goes back to the ordinary stock.
        Ended = 2, "ended";
    }
}

/// What an activity is before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeckillPlan {
    pub product: ProductId,
    pub sku: SkuId,
    pub name: String,
    pub price: Cents,
    /// Units set aside when it is preheated.
    pub stock: u32,
    pub starts_at: Ms,
    pub ends_at: Ms,
    /// Units one buyer may take, in one order.
    pub per_user_max: u32,
}

impl SeckillPlan {
    /// The plan, where an activity can be made of it.
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
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plan() -> SeckillPlan {
        SeckillPlan {
            product: ProductId(1),
            sku: SkuId(0),
            name: "Cup".to_owned(),
            price: Cents::new(990).unwrap(),
            stock: 100,
            starts_at: 1_000,
            ends_at: 2_000,
            per_user_max: 1,
        }
    }

    fn refused(change: impl FnOnce(&mut SeckillPlan)) -> String {
        let mut plan = plan();
        change(&mut plan);
        match plan.checked(500) {
            Err(Rejection::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plan_that_cannot_be_names_its_field() {
        assert_eq!(plan().checked(1_999), Ok(plan()));
        assert_eq!(refused(|plan| plan.stock = 0), "stock");
        let largest = SkuId(SECKILL_SKU_MAX);
        let of_largest = SeckillPlan {
            sku: largest,
            ..plan()
        };
        assert_eq!(of_largest.checked(1_999).map(|plan| plan.sku), Ok(largest));
        assert_eq!(refused(|plan| plan.per_user_max = 101), "per_user_limit");
        assert_eq!(refused(|plan| plan.per_user_max = 0), "per_user_limit");
        assert_eq!(refused(|plan| plan.ends_at = 1_000), "ends_at");
        assert_eq!(refused(|plan| plan.ends_at = 400), "ends_at");
        assert_eq!(
            refused(|plan| plan.sku = SkuId(SECKILL_SKU_MAX + 1)),
            "sku_id"
        );
        let dear = Cents::new(crate::limits::AMOUNT_CENTS_MAX).unwrap();
        assert_eq!(
            refused(|plan| (plan.price, plan.per_user_max) = (dear, 2)),
            "price"
        );
    }

    #[test]
    fn ids_have_one_spelling() {
        for bad in [
            "",
            "1",
            "1-",
            "-1",
            "0-1",
            "1-0",
            "01-1",
            "+1-1",
            "1-1-1",
            "seckill_001",
            "1-1073741824",
        ] {
            assert_eq!(SeckillId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn statuses_read_back() {
        for status in SeckillStatus::ALL {
            assert_eq!(SeckillStatus::from_code(status.code()), Some(status));
            assert_eq!(
                SeckillStatus::from_name_or_code(status.name()),
                Some(status)
            );
        }
        assert_eq!(SeckillStatus::from_name_or_code("3"), None);
    }

    proptest! {
        #[test]
        fn the_units_of_a_sale_name_it(product in 1u64.., sku in 0..=SECKILL_SKU_MAX, number in 1..=SECKILL_NUMBER_MAX) {
            let (product, sku) = (ProductId(product), SkuId(sku));
            prop_assert_eq!(SeckillId::of(product, sku), None);
            let of_sale = sku.of_sale(number);
            let id = SeckillId::of(product, of_sale).unwrap();
            prop_assert_eq!(id, SeckillId { product, number });
            prop_assert_eq!(of_sale.base(), sku);
            prop_assert_eq!(SeckillId::parse(&id.to_string()), Some(id));
        }
    }
}
