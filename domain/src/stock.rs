//! Stock of one product variant: available -> locked -> sold and back. Units are never made or lost: seeded = available
//! + locked + sold at every step.

use crate::coded;
use crate::{ProductId, Rejection, SkuId};

coded! {
    /// Where a product's units are reserved first.
    #[derive(Default)]
    pub enum StockMode {
        /// In Redis, then in the database through a message: for what sells fast.
        #[default]
        Redis = 0, "redis";
        /// In the database, before the order exists: for slow or expensive products.
        Db = 1, "db";
    }
}

/// What an order's change does to the units of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StockEffect {
    /// available -> locked, when the order is created.
    Reserve,
    /// locked -> sold, when it is paid.
    Confirm,
    /// locked -> available, when it is cancelled unpaid.
    Rollback,
    /// sold -> available, when it is cancelled after payment.
    Return,
}

/// One row of `t_inventory`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// Unique together with the sku.
    pub product: ProductId,
    /// 0 where the product has no variants; bit 62 is set for a flash sale's units.
    pub sku: SkuId,
    /// Units that can be reserved.
    pub available: u32,
    /// Units of unpaid orders.
    pub locked: u32,
    /// Units of paid orders.
    pub sold: u32,
    /// One more with each change; a Lua number holds it exactly up to 2^53.
    pub version: u64,
}

impl Inventory {
    /// All units of the row, which no effect changes: column `seeded_stock`.
    pub fn seeded(&self) -> u64 {
        u64::from(self.available) + u64::from(self.locked) + u64::from(self.sold)
    }

    /// The row after the effect, with the next version.
    ///
    /// # Errors
    /// [`Rejection::StockInsufficient`] where fewer units are there to move, or the sum would overflow.
    pub fn apply(self, effect: StockEffect, quantity: u32) -> Result<Inventory, Rejection> {
        let short = Rejection::StockInsufficient {
            product: self.product,
            sku: self.sku,
        };
        let take = |from: u32| from.checked_sub(quantity).ok_or(short.clone());
        let put = |to: u32| to.checked_add(quantity).ok_or(short.clone());
        let mut after = self;
        match effect {
            StockEffect::Reserve => {
                after.available = take(self.available)?;
                after.locked = put(self.locked)?;
            }
            StockEffect::Confirm => {
                after.locked = take(self.locked)?;
                after.sold = put(self.sold)?;
            }
            StockEffect::Rollback => {
                after.locked = take(self.locked)?;
                after.available = put(self.available)?;
            }
            StockEffect::Return => {
                after.sold = take(self.sold)?;
                after.available = put(self.available)?;
            }
        }
        after.version = self.version.saturating_add(1);
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modes_have_names() {
        let names = [StockMode::Redis, StockMode::Db].map(|mode| mode.to_string());
        assert_eq!(names, ["redis", "db"]);
    }

    fn effect() -> impl Strategy<Value = StockEffect> {
        prop_oneof![
            Just(StockEffect::Reserve),
            Just(StockEffect::Confirm),
            Just(StockEffect::Rollback),
            Just(StockEffect::Return),
        ]
    }

    proptest! {
        #[test]
        fn no_unit_is_made_or_lost(seeded in 0u32..10_000, steps in proptest::collection::vec((effect(), 1u32..500), 0..200)) {
            let mut row = Inventory { product: ProductId(1), sku: SkuId(0), available: seeded, locked: 0, sold: 0, version: 0 };
            for (effect, quantity) in steps {
                row = row.apply(effect, quantity).unwrap_or(row);
                prop_assert_eq!(row.seeded(), u64::from(seeded));
            }
        }

        #[test]
        fn never_more_promised_than_there_is(available in 0u32..100, quantity in 1u32..200) {
            let row = Inventory { product: ProductId(1), sku: SkuId(0), available, locked: 0, sold: 0, version: 0 };
            prop_assert_eq!(row.apply(StockEffect::Reserve, quantity).is_ok(), quantity <= available);
        }
    }

    #[test]
    fn modes_read_back() {
        for mode in [StockMode::Redis, StockMode::Db] {
            assert_eq!(StockMode::from_code(mode.code()), Some(mode));
            assert_eq!(StockMode::from_name(mode.name()), Some(mode));
        }
        assert_eq!(StockMode::from_name("memory"), None);
    }
}
