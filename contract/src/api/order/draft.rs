//! An order as its request asks for it, whichever spelling it came in: well-formed, and not compared with the
//! catalogue.

use crate::api::amount::Amount;
use crate::api::identity::IdText;
use crate::api::whole::Whole;
use domain::id::SALE_SKU_BIT;
use domain::limits::QUANTITY_MAX;
use domain::{Cents, ProductId, Rejection, SkuId, User};

/// A well-formed request: 1 to 100 lines, no two of the same product and sku, and lines of one product agree on its
/// price.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// `None` where the body names nobody.
    pub user: Option<User>,
    /// In the order of the request.
    pub lines: Vec<DraftLine>,
    /// How the request names the fields of its lines.
    pub naming: Naming,
    /// Plain or JSON text.
    pub shipping_address: Option<String>,
    /// `None` where absent or empty.
    pub remark: Option<String>,
    /// `None` where absent or empty.
    pub payment_method: Option<String>,
    /// Of the body alone; see [`crate::api::idempotency_key::of`].
    pub idempotency_key: Option<String>,
}

/// Where a request has the fields of its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// In `items`.
    #[default]
    Items,
    /// At the top level; the price as `price`.
    Price,
    /// At the top level; the price as `amount`, that of all units.
    Amount,
}

impl Naming {
    /// The path of a field of the line `at`, for a refusal.
    pub fn path(self, at: usize, field: &str) -> String {
        match (self, field) {
            (Naming::Items, _) => format!("items[{at}].{field}"),
            (Naming::Amount, "price") => "amount".to_owned(),
            (Naming::Amount | Naming::Price, _) => field.to_owned(),
        }
    }
}

/// A line of a [`Draft`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftLine {
    /// Above 0; may not exist.
    pub product: ProductId,
    /// 0 where the request names none; never of a flash sale.
    pub sku: SkuId,
    /// From 1.
    pub quantity: u32,
    /// What the caller expects one unit to cost; must equal the catalogue price.
    pub price: Option<Cents>,
}

impl DraftLine {
    /// `at` is the path of the line with its dot, `items[3].`, or empty.
    pub(super) fn new(
        at: &str,
        product: Option<&IdText>,
        sku: Option<&IdText>,
        quantity: Option<Whole>,
        price: Option<Amount>,
    ) -> Result<DraftLine, Rejection> {
        let wrong = |field: &str, reason: &str| Rejection::invalid(format!("{at}{field}"), reason);
        let product = product
            .ok_or_else(|| wrong("product_id", "is required"))?
            .number()
            .filter(|id| *id > 0)
            .ok_or_else(|| wrong("product_id", "must be a whole number above 0"))?;
        let sku = match sku {
            Some(text) => text
                .number()
                .filter(|sku| *sku < SALE_SKU_BIT)
                .ok_or_else(|| wrong("sku_id", "must be a whole number below 2^62"))?,
            None => 0,
        };
        let Whole(quantity) = quantity.ok_or_else(|| wrong("quantity", "is required"))?;
        let quantity = u32::try_from(quantity)
            .ok()
            .filter(|quantity| (1..=QUANTITY_MAX).contains(quantity))
            .ok_or_else(|| wrong("quantity", &format!("must be from 1 to {QUANTITY_MAX}")))?;
        let price = price.map(|Amount(cents)| cents);
        if price.is_some_and(|price| price.times(quantity).is_none()) {
            return Err(wrong(
                "quantity",
                "makes the amount larger than 99999999.99",
            ));
        }
        Ok(DraftLine {
            product: ProductId(product),
            sku: SkuId(sku),
            quantity,
            price,
        })
    }
}
