//! Whether another system sold at a price of this shop: that of the flash sale it names, else that of the catalogue or
//! of a flash sale of the product at that time. What it sold at another price is nobody's order.

use contract::wire::seckill_message::ForeignPurchase;
use domain::calendar::rfc3339;
use domain::limits::FOREIGN_CLOCK_MS_MAX;
use domain::{Cents, Ms, SeckillId};

/// A flash sale, as far as its price is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// Names its product.
    pub id: SeckillId,
    /// Of one unit.
    pub price: Cents,
    /// First moment at which it sells.
    pub starts_at: Ms,
    /// First moment after its window.
    pub ends_at: Ms,
}

impl Sale {
    /// The moment is by another system's clock.
    fn ran_at(&self, at: Ms) -> bool {
        self.starts_at <= at + FOREIGN_CLOCK_MS_MAX && at < self.ends_at + FOREIGN_CLOCK_MS_MAX
    }
}

/// The flash sale of this platform that a message names; `None` for another system's.
pub fn named(message: &ForeignPurchase) -> Option<SeckillId> {
    SeckillId::parse(&message.seckill_id).filter(|id| id.product == message.product)
}

/// Why the price is not that of the product; `None` where it is. `sales`: the one it names, and those that may have run
/// then, perhaps with others.
pub fn mismatch(message: &ForeignPurchase, catalogue: Cents, sales: &[Sale]) -> Option<String> {
    let (price, at) = (message.price, rfc3339(message.at));
    if let Some(sale) = named(message).and_then(|id| sales.iter().find(|sale| sale.id == id)) {
        let id = sale.id;
        return match (sale.price == price, sale.ran_at(message.at)) {
            (true, true) => None,
            (false, _) => Some(format!(
                "unit_price {price} is not {}, the price of flash sale {id}",
                sale.price
            )),
            (true, false) => Some(format!("timestamp: flash sale {id} did not run at {at}")),
        };
    }
    let of_product = |sale: &&Sale| sale.id.product == message.product && sale.ran_at(message.at);
    let running: Vec<&Sale> = sales.iter().filter(of_product).collect();
    if price == catalogue || running.iter().any(|sale| sale.price == price) {
        return None;
    }
    let also: String = running
        .iter()
        .map(|sale| format!(", or {} in flash sale {}", sale.price, sale.id))
        .collect();
    let product = message.product.0;
    Some(format!(
        "unit_price {price} is no price of product {product} at {at}: that is {catalogue}{also}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ProductId;

    fn message(seckill_id: &str, price: &str, at: Ms) -> ForeignPurchase {
        ForeignPurchase {
            user: 7,
            product: ProductId(1),
            quantity: 1,
            price: Cents::parse(price).unwrap(),
            seckill_id: seckill_id.to_owned(),
            at,
        }
    }

    fn sale(product: u64, number: u32, price: &str) -> Sale {
        Sale {
            id: SeckillId {
                product: ProductId(product),
                number,
            },
            price: Cents::parse(price).unwrap(),
            starts_at: 1_000_000,
            ends_at: 2_000_000,
        }
    }

    #[test]
    fn the_price_is_that_of_the_sale_it_names_or_of_the_product_then() {
        let sales = [sale(1, 3, "9.90"), sale(1, 4, "8.50"), sale(2, 5, "1.00")];
        let catalogue = Cents::parse("19.90").unwrap();
        for (seckill_id, price, at, wrong) in [
            ("1-3", "9.90", 1_500_000, None),
            (
                "1-3",
                "8.50",
                1_500_000,
                Some("is not 9.90, the price of flash sale 1-3"),
            ),
            ("1-3", "19.90", 1_500_000, Some("is not 9.90")),
            (
                "1-3",
                "9.90",
                2_060_000,
                Some("flash sale 1-3 did not run at 1970-01-01T00:34:20"),
            ),
            ("1-3", "9.90", 2_059_999, None),
            ("1-3", "9.90", 940_000, None),
            ("1-3", "9.90", 939_999, Some("did not run")),
            ("seckill_789", "9.90", 1_500_000, None),
            ("seckill_789", "8.50", 1_500_000, None),
            ("", "19.90", 1_500_000, None),
            // Of another product, and of no sale here.
            (
                "2-5",
                "1.00",
                1_500_000,
                Some("unit_price 1.00 is no price of product 1"),
            ),
            (
                "1-9",
                "1.00",
                1_500_000,
                Some("unit_price 1.00 is no price of product 1"),
            ),
            ("1-9", "19.90", 1_500_000, None),
            ("seckill_789", "9.90", 5_000_000, Some("that is 19.90")),
            (
                "seckill_789",
                "0.01",
                1_500_000,
                Some("19.90, or 9.90 in flash sale 1-3, or 8.50 in flash sale 1-4"),
            ),
        ] {
            let said = mismatch(&message(seckill_id, price, at), catalogue, &sales);
            match (&said, wrong) {
                (None, None) => {}
                (Some(said), Some(wrong)) => assert!(said.contains(wrong), "{wrong} in {said}"),
                _ => panic!("{seckill_id} {price} {at}: {said:?}"),
            }
        }
    }
}
